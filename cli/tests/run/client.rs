//! A client of HTTP, as far as one is needed here: a request, and its whole answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::service::{Service, eventually};

/// Where a service serves HTTP: it says so when it is ready, in whichever form its log has.
#[track_caller]
pub(crate) fn address(service: &Service) -> String {
    let address = |told: &str| {
        let after = told.split(" http=").nth(1).or_else(|| told.split("\"http\":\"").nth(1))?;
        Some(after.split(['"', ' ', '\n']).next()?.to_owned())
    };
    eventually("it says where it listens", || address(&service.told()))
}

/// Sends a request, and leaves the answer to be read.
#[track_caller]
pub(crate) fn send(address: &str, request: &str, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let length = body.len();
    let head =
        format!("{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}");
    write!(stream, "{head}\r\n{headers}\r\n{body}").unwrap();
    stream
}

/// The status, the head and the body of an answer that ends.
#[track_caller]
pub(crate) fn answer(mut stream: TcpStream) -> (u16, String, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (status, head.to_owned(), if chunked { joined(body) } else { body.to_owned() })
}

/// The header of somebody who has a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// The status and the body of the answer to a request, by somebody who has a token or not.
#[track_caller]
pub(crate) fn ask(
    address: &str,
    method: &str,
    target: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, String) {
    let headers = token.map(bearer).unwrap_or_default();
    let (status, _, body) = answer(send(address, &format!("{method} {target}"), &headers, body));
    (status, body)
}

/// Chunks without what is between them.
fn joined(mut chunks: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        whole.push_str(&rest[..length]);
        chunks = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

/// What is there to be read.
#[track_caller]
pub(crate) fn get(address: &str, target: &str) -> String {
    let (status, body) = ask(address, "GET", target, None, "");
    assert_eq!(status, 200, "{target}: {body}");
    body
}
