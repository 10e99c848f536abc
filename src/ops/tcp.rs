//! The TCP listener: whoever reaches it may connect, and the gate sees to the rest.

use std::io;
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::TcpListener;

use super::error::OpsError;
use super::socket::{Door, Socket};

/// Connections that the system keeps until they are accepted, if it may: Linux keeps 4096 at most.
#[cfg(unix)]
const BACKLOG: i32 = 1024;

#[derive(Debug)]
pub(super) struct TcpDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl TcpDoor {
    pub(super) fn open(address: SocketAddr) -> Result<Self, OpsError> {
        let opened = listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = opened.map_err(|error| OpsError::Listen(address, error))?;
        Ok(Self { listener, address })
    }

    /// Where it really listens: port 0 becomes one that was free.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens with a longer queue than the usual 128: whoever finds it full hears nothing for a second, and then for two.
#[cfg(unix)]
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, bind, listen, sockopt::set_socket_reuseaddr};

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = super::unix::socket(family)?;
    // As everybody does: connections of the process before are no reason not to begin.
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener))
}

#[cfg(not(unix))]
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

impl Door for TcpDoor {
    fn accept(&mut self) -> io::Result<Box<dyn Socket>> {
        let (stream, _) = self.listener.accept()?;
        // An answer is written in one piece, and an event wants to be there at once. It fails for whoever has left already, which is
        // no fault of the door.
        let _ = stream.set_nodelay(true);
        Ok(Box::new(stream))
    }

    fn source(&mut self) -> &mut dyn Source {
        &mut self.listener
    }
}
