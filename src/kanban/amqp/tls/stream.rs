//! A socket that does not block, with encryption over it, as the client's I/O loop uses one.
//!
//! That loop asks to be woken when the socket can be written to only while it has something left to write itself. What has been
//! encrypted and does not fit into the socket would therefore wait until something else happens, if the loop believed it written. So
//! nothing counts as written before the socket has all of it: until then `write` says that it would block, and the loop comes back, with the
//! same bytes first (it only ever appends), which are then not encrypted again.
//!
//! What we send without the loop's knowledge is an answer to the server, such as new keys. If that does not fit it goes out with the next
//! read or write, at the latest with the next heartbeat; nobody waits for it.

use std::io::{self, ErrorKind, Read, Write};

use mio06::{Evented, Poll, PollOpt, Ready, Token};
use rustls::ClientConnection;

#[derive(Debug)]
pub(super) struct Encrypted<S> {
    tls: ClientConnection,
    socket: S,
    /// So many of the caller's next bytes are encrypted already, and not all of them in the socket.
    owed: usize,
}

impl<S: Read + Write> Encrypted<S> {
    /// The handshake is done.
    pub(super) fn new(tls: ClientConnection, socket: S) -> Self {
        Self { tls, socket, owed: 0 }
    }

    /// Hands to the socket what is encrypted; tells whether that was all.
    fn send(&mut self) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes from the socket what is there, and decrypts it; tells how much it was.
    fn fetch(&mut self) -> io::Result<usize> {
        let read = loop {
            match self.tls.read_tls(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if let Err(why) = self.tls.process_new_packets() {
            // The server is told why, if it still listens.
            let _ = self.send();
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(read)
    }

    /// Why the socket cannot be written to: a server that refuses us says why before it hangs up.
    fn why(&mut self, error: io::Error) -> io::Error {
        loop {
            match self.fetch() {
                Ok(0) => return error,
                Ok(_) => {}
                Err(why) if why.kind() == ErrorKind::InvalidData => return why,
                Err(_) => return error,
            }
        }
    }
}

impl<S: Read + Write> Read for Encrypted<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // If it fails, the next write does so as well; what the server has said is heard first.
        let _ = self.send();
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.fetch().map(drop)?,
                // The end, without the farewell of TLS: AMQP has its own.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
        }
    }
}

impl<S: Read + Write> Write for Encrypted<S> {
    /// If it would block, it is to be called again with the same bytes first.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.owed == 0 {
            if !self.send().map_err(|error| self.why(error))? {
                return Err(ErrorKind::WouldBlock.into());
            }
            // At most 64 KiB, of which rustls keeps a copy until they are sent.
            self.owed = self.tls.writer().write(buffer)?;
        }
        debug_assert!(self.owed <= buffer.len(), "the same bytes come first");
        if self.send().map_err(|error| self.why(error))? {
            return Ok(std::mem::take(&mut self.owed));
        }
        Err(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.send()? { self.socket.flush() } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

impl<S: Evented> Evented for Encrypted<S> {
    fn register(&self, poll: &Poll, token: Token, interest: Ready, opts: PollOpt) -> io::Result<()> {
        self.socket.register(poll, token, interest, opts)
    }

    fn reregister(&self, poll: &Poll, token: Token, interest: Ready, opts: PollOpt) -> io::Result<()> {
        self.socket.reregister(poll, token, interest, opts)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        self.socket.deregister(poll)
    }
}
