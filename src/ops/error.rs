//! Why a control plane could not be started.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a control plane could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpsError {
    /// Another process serves on this socket.
    InUse(PathBuf),
    /// Something that is no socket is in the way.
    NotASocket(PathBuf),
    /// No socket can have this path: most systems take about 100 bytes.
    Path(PathBuf),
    /// The socket cannot be listened on.
    Socket(PathBuf, io::Error),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// A thread, or what it waits with, could not be had.
    Start(io::Error),
    /// There are no such sockets on this system.
    Unsupported,
}

impl fmt::Display for OpsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpsError::InUse(path) => write!(
                f,
                "another process serves on {}: stop it, or give this one another socket",
                path.display()
            ),
            OpsError::NotASocket(path) => {
                write!(f, "{} is there and no socket: move it away, or give another path", path.display())
            }
            OpsError::Path(path) => {
                write!(f, "{} cannot be the path of a socket: use one of at most 100 bytes", path.display())
            }
            OpsError::Socket(path, error) => write!(f, "cannot listen on {}: {error}", path.display()),
            OpsError::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "another process listens on {address}: stop it, or give this one another address, or none"
                )
            }
            OpsError::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            OpsError::Start(error) => write!(f, "cannot start the control plane: {error}"),
            OpsError::Unsupported => f.write_str("this system has no Unix sockets"),
        }
    }
}

impl std::error::Error for OpsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpsError::Socket(_, error) | OpsError::Listen(_, error) | OpsError::Start(error) => Some(error),
            _ => None,
        }
    }
}
