//! What connections come from, and what they are: the one place that knows of kinds of sockets.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;

/// Where connections come from. Another kind of listener is another implementation.
pub(super) trait Door: Send + fmt::Debug {
    /// The next connection.
    fn accept(&mut self) -> io::Result<Box<dyn Socket>>;
    /// What is watched for connections.
    fn source(&mut self) -> &mut dyn Source;
}

/// A connection's socket, which never blocks.
pub(super) trait Socket: Read + Write + Send + fmt::Debug {
    /// What is watched for bytes and room.
    fn source(&mut self) -> &mut dyn Source;
    /// Says that nothing more will be written.
    fn end(&mut self) -> io::Result<()>;
}

macro_rules! socket {
    ($stream:ty) => {
        impl Socket for $stream {
            fn source(&mut self) -> &mut dyn Source {
                self
            }

            fn end(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

socket!(TcpStream);
#[cfg(unix)]
socket!(UnixStream);
