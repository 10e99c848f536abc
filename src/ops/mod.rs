//! The control plane: HTTP/1.1 on one thread, over a Unix socket that only its owner may use, and over TCP, where a token is wanted of
//! whoever acts.
//!
//! A [`Routes`] table says what can be asked; [`Ops::start`] serves it until [`Ops::stop`]. What is sent to and fro is in
//! [`wire`]. Requests of one connection are worked on one at a time. What is answered at once runs on the thread `hj-ops`
//! itself; what may block, on a few threads `hj-ops-1` and so on, so that no request keeps another from being answered.
//! Everything a client can take up (connections, memory, time) is bounded by [`OpsLimits`].
//!
//! ```
//! # #[cfg(unix)] {
//! use std::time::Duration;
//! use heijunka::ops::{Method, Ops, OpsSettings, Response, Routes};
//!
//! let socket = std::env::temp_dir().join(format!("heijunka-doc-{}.sock", std::process::id()));
//! let routes = Routes::new().quick(Method::Get, "/hello/{name}", |request| {
//!     Ok(Response::text(format!("hello, {}\n", request.parameter("name"))))
//! });
//! let ops = Ops::start(&OpsSettings::new(&socket), routes)?;
//! // curl --unix-socket …/heijunka-doc.sock http://heijunka/hello/world
//! assert!(ops.stop(Duration::from_secs(5)).is_empty());
//! # }
//! # Ok::<(), heijunka::ops::OpsError>(())
//! ```

mod batch;
mod chunked;
mod connection;
mod error;
mod events;
#[cfg(fuzzing)]
pub mod fuzz;
mod gate;
mod helpers;
mod incoming;
mod lines;
mod page;
mod problem;
mod request;
mod response;
mod routes;
mod server;
mod service;
mod settings;
mod socket;
mod target;
mod tcp;
mod token;
mod turn;
#[cfg(unix)]
mod unix;
pub mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use batch::publish_lines;
pub use error::OpsError;
pub use lines::Lines;
pub use problem::Problem;
pub use request::{Method, Request};
pub use response::Response;
pub use routes::Routes;
pub use service::{Counters, CountersError, Keeping, routes};
pub use settings::{HttpSettings, OpsLimits, OpsSettings};
pub use token::{Token, TokenError};

use gate::Gate;
use helpers::Helpers;
use server::{Entrance, Mailbox, Server};
use tcp::TcpDoor;

use crate::thread::Managed;
use crate::time::Deadline;

/// A control plane that serves. Dropped, it ends at once, in the middle of whatever it says.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Ops {
    mailbox: Arc<Mailbox>,
    threads: Vec<Managed>,
}

/// How long threads that were told to end at once are waited for.
const LAST_WAIT: Duration = Duration::from_millis(200);

/// Where a control plane will listen, and nothing is served yet: whoever connects waits. Dropped, it is let go of.
#[derive(Debug)]
#[must_use = "it is let go of when it is dropped"]
pub struct Claim {
    settings: OpsSettings,
    doors: Vec<Entrance>,
    http: Option<SocketAddr>,
}

impl Claim {
    /// Where it listens on TCP, if it does: with the port that it was given for port 0.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Serves these routes.
    ///
    /// # Errors
    /// [`OpsError::Start`]: the system has no threads or files left.
    pub fn serve(self, routes: Routes) -> Result<Ops, OpsError> {
        let Self { settings, doors, .. } = self;
        let (helpers, helping) = Helpers::start(&settings.limits).map_err(OpsError::Start)?;
        let server = Server::new(&settings, doors, routes, helpers).map_err(OpsError::Start)?;
        let mailbox = server.mailbox();
        let serving = Managed::spawn("hj-ops".to_owned(), move || server.run()).map_err(OpsError::Start)?;
        let threads = std::iter::once(serving).chain(helping).collect();
        Ok(Ops { mailbox, threads })
    }
}

impl Ops {
    /// Makes the socket and the port this process's, before there is anything to serve: of two services that are given the same one, the
    /// second is refused before it begins any work.
    ///
    /// # Errors
    /// [`OpsError`]: one of them is another process's, or cannot be had.
    pub fn claim(settings: OpsSettings) -> Result<Claim, OpsError> {
        let mut doors = owners(&settings)?;
        let mut http = None;
        if let Some(wanted) = &settings.http {
            let door = TcpDoor::open(wanted.listen)?;
            let gate = Gate::http(wanted, door.address());
            http = Some(door.address());
            doors.push(Entrance { door: Box::new(door), gate });
        }
        Ok(Claim { settings, doors, http })
    }

    /// Listens, and serves these routes.
    ///
    /// # Errors
    /// As [`claim`](Self::claim) and [`Claim::serve`].
    pub fn start(settings: &OpsSettings, routes: Routes) -> Result<Self, OpsError> {
        Self::claim(settings.clone())?.serve(routes)
    }

    /// Whether its thread has ended without having been told to.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.threads.first().is_none_or(Managed::has_ended)
    }

    /// Lets nobody in any more, finishes what was asked, and ends: all `within` this time. Blocks for as long.
    ///
    /// Gives the names of the threads that did not end in time: `hj-ops` itself, whose connections were cut then, and those
    /// that still run a handler, which are left to end on their own.
    #[must_use = "it says what was left"]
    pub fn stop(mut self, within: Duration) -> Vec<String> {
        let deadline = Deadline::after(within);
        self.mailbox.end(false);
        let mut late = Vec::new();
        for thread in std::mem::take(&mut self.threads) {
            if let Err(thread) = thread.join_until(&deadline) {
                self.mailbox.end(true);
                late.push(thread.name().to_owned());
                let _ = thread.join_until(&Deadline::after(LAST_WAIT));
            }
        }
        late
    }
}

impl Drop for Ops {
    fn drop(&mut self) {
        self.mailbox.end(true);
    }
}

#[cfg(unix)]
fn owners(settings: &OpsSettings) -> Result<Vec<Entrance>, OpsError> {
    let doors = settings
        .socket
        .iter()
        .map(|path| Ok(Entrance { door: Box::new(unix::UnixDoor::open(path)?), gate: Gate::Owner }));
    doors.collect()
}

#[cfg(not(unix))]
fn owners(settings: &OpsSettings) -> Result<Vec<Entrance>, OpsError> {
    if settings.socket.is_some() { Err(OpsError::Unsupported) } else { Ok(Vec::new()) }
}

/// The socket where nothing else is said: `$XDG_RUNTIME_DIR/heijunka.sock`, else
/// `/tmp/heijunka-UID.sock`.
#[must_use]
pub fn default_socket() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("heijunka.sock"),
        None => PathBuf::from("/tmp").join(format!("heijunka-{}.sock", user())),
    }
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

#[cfg(all(test, unix, not(heijunka_loom)))]
mod tests;
