//! What connections come from, and what they are: the one place that knows of kinds of sockets.

use std::fmt;
use std::io::{self, Read, Write};

use mio::event::Source;

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
