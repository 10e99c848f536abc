//! What a control plane is told before it starts.

use std::path::PathBuf;
use std::time::Duration;

use crate::time::Clock;

/// Where the control plane listens, and how much it lets in.
#[derive(Clone, Debug)]
pub struct OpsSettings {
    /// The socket it listens on. Its folder must exist; beside it lies a lock, of the same name and `.lock`.
    pub socket: PathBuf,
    /// How much it lets in.
    pub limits: OpsLimits,
    /// Its time: give another than [`Clock::monotonic`] to tests only.
    pub clock: Clock,
}

impl OpsSettings {
    /// The defaults, on this socket.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), limits: OpsLimits::default(), clock: Clock::monotonic() }
    }
}

/// How much is let in, so that no client can take up memory, threads or time without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpsLimits {
    /// Connections at once; further ones are answered 503.
    pub connections: usize,
    /// Bytes of a request's line and headers; more is answered 431.
    pub head: usize,
    /// Bytes of a request's body; more is answered 413.
    pub body: usize,
    /// Bytes of all bodies that are held at once; what goes beyond is answered 503.
    pub memory: usize,
    /// The time a request may take to arrive (else 408), and a client to read what it is told (else it is hung up on).
    pub request: Duration,
    /// How long a connection stays open between requests.
    pub idle: Duration,
    /// Threads for what may block.
    pub helpers: usize,
    /// Requests that wait for one of these; further ones are answered 503.
    pub queue: usize,
}

impl Default for OpsLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: 16 << 10,
            body: 64 << 20,
            memory: 256 << 20,
            request: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            helpers: 4,
            queue: 16,
        }
    }
}
