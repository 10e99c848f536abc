//! The TCP listener: whoever reaches it may connect, and the gate sees to the rest.

use std::io;
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::TcpListener;

use super::error::OpsError;
use super::socket::{Door, Socket};

#[derive(Debug)]
pub(super) struct TcpDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl TcpDoor {
    pub(super) fn open(address: SocketAddr) -> Result<Self, OpsError> {
        let opened = TcpListener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = opened.map_err(|error| OpsError::Listen(address, error))?;
        Ok(Self { listener, address })
    }

    /// Where it really listens: port 0 becomes one that was free.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Door for TcpDoor {
    fn accept(&mut self) -> io::Result<Box<dyn Socket>> {
        let (stream, _) = self.listener.accept()?;
        // An answer is written in one piece, and an event wants to be there at once.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    fn source(&mut self) -> &mut dyn Source {
        &mut self.listener
    }
}
