//! What stands between the socket and the client's parser, which believes every length, recurses into every table, and ends the
//! connection over a text that is not UTF-8.
//!
//! Only whole frames of a sane size get through. A message whose properties would harm loses them, and is marked by [`FAULT`], so that
//! it is delivered, once, and becomes a dead letter with its payload; what only a broken or hostile server says ends the connection.

mod tags;
mod walk;

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};

use amiquip::IoStream;
use mio06::{Evented, Poll, PollOpt, Ready, Token};

use tags::Tags;
use walk::{Cursor, Wrong, mend_text, properties};

/// The header that a message is given whose own were stripped: why.
pub(super) const FAULT: &str = "heijunka-fault";

/// Kind, channel and length before a frame's payload, and one byte after it.
const HEAD: usize = 7;
const END: u8 = 0xCE;

/// What is asked of the socket at a time.
const CHUNK: usize = 64 << 10;

/// The most that gets through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) frame: usize,
    pub(super) body: u64,
}

#[derive(Debug)]
pub(super) struct Guard<S> {
    inner: S,
    limits: Limits,
    /// As it came, up to the end of the last read.
    raw: Vec<u8>,
    /// What may be read by the client, from `at` on.
    clean: Vec<u8>,
    at: usize,
    tags: Tags,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, limits: Limits) -> Self {
        Self { inner, limits, raw: Vec::new(), clean: Vec::new(), at: 0, tags: Tags::default() }
    }

    /// Lets the frames through that are complete.
    fn sieve(&mut self) -> io::Result<()> {
        let mut from = 0;
        while let Some(head) = self.raw.get(from..from + HEAD) {
            let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
            if matches!(head[..2], [0x15, 3]) {
                // An alert, which is what it answers with to what is not encrypted.
                return Err(refused("TLS is spoken there: set tls, or the port without encryption"));
            }
            if !matches!(head[0], 1..=3 | 8) {
                return Err(refused("this is no AMQP 0.9.1"));
            }
            if length > self.limits.frame {
                return Err(refused("a frame is larger than was agreed"));
            }
            let Some(frame) = self.raw.get_mut(from..from + HEAD + length + 1) else { break };
            if frame[HEAD + length] != END {
                return Err(refused("a frame does not end where it should"));
            }
            pass(frame, self.limits.body, &mut self.tags, &mut self.clean).map_err(refused)?;
            from += HEAD + length + 1;
        }
        self.raw.drain(..from);
        Ok(())
    }
}

fn refused(why: Wrong) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Adds this frame to what is clean, as it is or mended.
fn pass(frame: &mut [u8], largest: u64, tags: &mut Tags, clean: &mut Vec<u8>) -> Result<(), Wrong> {
    let end = frame.len() - 1;
    match frame[0] {
        1 => {
            method(&mut frame[HEAD..end])?;
            let channel = u16::from_be_bytes([frame[1], frame[2]]);
            if let Some(other) = tags.lead(channel, &frame[HEAD..end])? {
                clean.extend_from_slice(&frame[..3]);
                clean.extend_from_slice(&long(other.len()));
                clean.extend_from_slice(&other);
                clean.push(END);
                return Ok(());
            }
        }
        2 => {
            let mut cursor = Cursor { bytes: &frame[HEAD..end], at: 4 };
            if cursor.u64()? > largest {
                return Err("a message is larger than any may be");
            }
            if let Err(why) = properties(&frame[HEAD + 12..end]) {
                strip(&frame[..HEAD + 12], why, clean);
                return Ok(());
            }
        }
        _ => {}
    }
    clean.extend_from_slice(frame);
    Ok(())
}

/// The same header with no properties but the one that says why.
fn strip(head: &[u8], why: Wrong, clean: &mut Vec<u8>) {
    let mut table = vec![FAULT.len().to_be_bytes()[7]];
    table.extend_from_slice(FAULT.as_bytes());
    table.push(b'S');
    table.extend_from_slice(&long(why.len()));
    table.extend_from_slice(why.as_bytes());
    let length = long(12 + 2 + 4 + table.len());
    clean.extend_from_slice(&head[..3]);
    clean.extend_from_slice(&length);
    clean.extend_from_slice(&head[HEAD..]);
    clean.extend_from_slice(&(1_u16 << 13).to_be_bytes());
    clean.extend_from_slice(&long(table.len()));
    clean.extend_from_slice(&table);
    clean.push(END);
}

fn long(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// Checks the methods that carry what others wrote.
fn method(bytes: &mut [u8]) -> Result<(), Wrong> {
    let mut cursor = Cursor { bytes, at: 0 };
    match (cursor.u16()?, cursor.u16()?) {
        // connection.start, with the server's properties.
        (10, 10) => {
            cursor.take(2)?;
            cursor.table()
        }
        // basic.return: code, text, exchange, routing key.
        (60, 50) => mend_texts(bytes, 4 + 2, 3),
        // basic.deliver: consumer; tag and flag; exchange, routing key.
        (60, 60) => {
            let at = mend_text(bytes, 4)?;
            mend_texts(bytes, at + 9, 2)
        }
        // basic.get-ok: tag and flag; exchange, routing key.
        (60, 71) => mend_texts(bytes, 4 + 9, 2),
        _ => Ok(()),
    }
}

fn mend_texts(bytes: &mut [u8], mut at: usize, count: usize) -> Result<(), Wrong> {
    for _ in 0..count {
        at = mend_text(bytes, at)?;
    }
    Ok(())
}

impl<S: Read> Read for Guard<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The client reads until it would block, so nothing that is clean stays behind.
        while self.at == self.clean.len() {
            self.clean.clear();
            self.at = 0;
            let before = self.raw.len();
            self.raw.resize(before + CHUNK, 0);
            let read = self.inner.read(&mut self.raw[before..]);
            self.raw.truncate(before + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(0);
            }
            self.sieve()?;
        }
        let count = buffer.len().min(self.clean.len() - self.at);
        buffer[..count].copy_from_slice(&self.clean[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl<S: Write> Write for Guard<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.inner.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<S: Evented> Evented for Guard<S> {
    fn register(&self, poll: &Poll, token: Token, interest: Ready, opts: PollOpt) -> io::Result<()> {
        self.inner.register(poll, token, interest, opts)
    }

    fn reregister(&self, poll: &Poll, token: Token, interest: Ready, opts: PollOpt) -> io::Result<()> {
        self.inner.reregister(poll, token, interest, opts)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        self.inner.deregister(poll)
    }
}

impl<S: Read + Write + Evented + Send + 'static> IoStream for Guard<S> {}
