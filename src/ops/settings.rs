//! What a control plane is told before it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::token::Token;
use crate::time::Clock;

/// Where the control plane listens, and how much it lets in.
#[derive(Clone, Debug)]
pub struct OpsSettings {
    /// The Unix socket it listens on, if any. Its folder must exist; beside it lies a lock, of the same name and `.lock`. Whoever may
    /// connect to it, which is its owner alone, may ask for everything.
    pub socket: Option<PathBuf>,
    /// Where it listens for HTTP on TCP, if anywhere.
    pub http: Option<HttpSettings>,
    /// How much it lets in.
    pub limits: OpsLimits,
    /// Its time: give another than [`Clock::monotonic`] to tests only.
    pub clock: Clock,
}

impl OpsSettings {
    /// The defaults, on this socket alone.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: Some(socket.into()), ..Self::nowhere() }
    }

    /// The defaults, listening nowhere yet.
    #[must_use]
    pub fn nowhere() -> Self {
        Self { socket: None, http: None, limits: OpsLimits::default(), clock: Clock::monotonic() }
    }
}

/// HTTP on TCP, in the clear: beyond this machine it wants a network that can be trusted, or a proxy before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// The address, with port 0 for any that is free. Default `127.0.0.1:9090`.
    pub listen: SocketAddr,
    /// What whoever acts, or wants to see payloads, must send as `Authorization: Bearer …`. Without it that is possible over the Unix
    /// socket only.
    pub token: Option<Token>,
    /// Names by which it may be called beside `localhost` and its address. Matters on loopback only, where a page in a browser could otherwise
    /// have its own name point here; elsewhere any name will do.
    pub hosts: Vec<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)), token: None, hosts: Vec::new() }
    }
}

/// How much is let in, so that no client can take up memory, threads or time without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpsLimits {
    /// Connections at once, on the socket and on TCP each. One more takes the place of that which has said nothing whole for the longest time; if
    /// all are being answered, it is told 503.
    pub connections: usize,
    /// Of these, those that listen to events; further ones are answered 503.
    pub listeners: usize,
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
            connections: 256,
            listeners: 32,
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
