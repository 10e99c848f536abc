//! One question to a NATS server, without a client: its text protocol needs four lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

pub(super) fn request(port: u16, subject: &str, payload: &[u8], within: Duration) -> Option<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, within).ok()?;
    stream.set_read_timeout(Some(within)).ok()?;
    let inbox = format!("_INBOX.{:016x}", fastrand::u64(..));
    let mut question =
        format!("CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}}\r\nSUB {inbox} 1\r\nPUB {subject} {inbox} {}\r\n", payload.len())
            .into_bytes();
    question.extend_from_slice(payload);
    question.extend_from_slice(b"\r\n");
    stream.write_all(&question).ok()?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["PING"] => lines.get_mut().write_all(b"PONG\r\n").ok()?,
            ["MSG", .., size] => {
                let mut answer = vec![0; size.parse().ok()?];
                lines.read_exact(&mut answer).ok()?;
                return Some(answer);
            }
            // Nobody listens there: that comes as a header without a body.
            ["HMSG" | "-ERR", ..] => return None,
            _ => {}
        }
    }
}
