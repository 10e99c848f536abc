//! The control plane: HTTP/1.1 on one thread, over a Unix socket that only its owner may use.
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
#[cfg(unix)]
mod unix;
pub mod wire;

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
pub use service::routes;
pub use settings::{OpsLimits, OpsSettings};

use helpers::Helpers;
use server::{Mailbox, Server};
use socket::Door;

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

/// A socket that is this process's, and on which nothing is served yet: whoever connects waits. Dropped, it is let go of.
#[derive(Debug)]
#[must_use = "it is let go of when it is dropped"]
pub struct Claim {
    settings: OpsSettings,
    doors: Vec<Box<dyn Door>>,
}

impl Claim {
    /// Serves these routes.
    ///
    /// # Errors
    /// [`OpsError::Start`]: the system has no threads or files left.
    pub fn serve(self, routes: Routes) -> Result<Ops, OpsError> {
        let Self { settings, doors } = self;
        let (helpers, helping) = Helpers::start(&settings.limits).map_err(OpsError::Start)?;
        let server = Server::new(&settings, doors, routes, helpers).map_err(OpsError::Start)?;
        let mailbox = server.mailbox();
        let serving = Managed::spawn("hj-ops".to_owned(), move || server.run()).map_err(OpsError::Start)?;
        let threads = std::iter::once(serving).chain(helping).collect();
        Ok(Ops { mailbox, threads })
    }
}

impl Ops {
    /// Makes the socket this process's, before there is anything to serve: of two services that are given the same one, the second is
    /// refused before it begins any work.
    ///
    /// # Errors
    /// [`OpsError`]: the socket is another process's, or cannot be had.
    pub fn claim(settings: OpsSettings) -> Result<Claim, OpsError> {
        let doors = doors(&settings)?;
        Ok(Claim { settings, doors })
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
fn doors(settings: &OpsSettings) -> Result<Vec<Box<dyn Door>>, OpsError> {
    Ok(vec![Box::new(unix::UnixDoor::open(&settings.socket)?)])
}

#[cfg(not(unix))]
fn doors(_: &OpsSettings) -> Result<Vec<Box<dyn Door>>, OpsError> {
    Err(OpsError::Unsupported)
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
