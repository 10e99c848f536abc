//! An answer, and how it is written.

use std::io::Write as _;

use bytes::Bytes;
use serde::Serialize;

use super::request::Request;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Response {
    status: u16,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Response {
    /// 200 and this, as JSON in one line.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(mut body) => {
                body.push(b'\n');
                Self::new("application/json", body)
            }
            Err(error) => Self::text(format!("an answer that is no JSON: {error}\n")).status(500),
        }
    }

    /// 200 and this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// 200 and these bytes, of this content type.
    pub fn new(kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, kind, headers: Vec::new(), body: body.into() }
    }

    /// Another status.
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Writes it: without its body if only the head was asked for.
    pub(super) fn write(&self, into: &mut Vec<u8>, keep: bool, head_only: bool) {
        let Self { status, kind, headers, body } = self;
        start(into, *status, kind);
        // Writing to a vector cannot fail.
        let _ = write!(into, "content-length: {}\r\n", body.len());
        for (name, value) in headers {
            let _ = write!(into, "{name}: {value}\r\n");
        }
        end(into, keep);
        if !head_only {
            into.extend_from_slice(body);
        }
    }
}

/// How the pieces of a streamed answer are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Each with its length.
    Chunked,
    /// Not at all: for HTTP/1.0, where the end of the connection is that of the answer.
    Raw,
}

impl Framing {
    /// What this client understands.
    pub(super) fn of(request: &Request) -> Self {
        if request.old { Framing::Raw } else { Framing::Chunked }
    }
}

/// Writes the head of an answer that comes piece by piece.
pub(super) fn write_stream_head(into: &mut Vec<u8>, kind: &str, framing: Framing, keep: bool) {
    start(into, 200, kind);
    if framing == Framing::Chunked {
        into.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    end(into, keep);
}

/// Writes a piece; an empty one ends the answer.
pub(super) fn write_piece(into: &mut Vec<u8>, framing: Framing, piece: &[u8]) {
    match framing {
        Framing::Raw => into.extend_from_slice(piece),
        Framing::Chunked => {
            let _ = write!(into, "{:x}\r\n", piece.len());
            into.extend_from_slice(piece);
            into.extend_from_slice(b"\r\n");
        }
    }
}

fn start(into: &mut Vec<u8>, status: u16, kind: &str) {
    let _ = write!(into, "HTTP/1.1 {status} {}\r\ncontent-type: {kind}\r\n", phrase(status));
    into.extend_from_slice(b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n");
}

fn end(into: &mut Vec<u8>, keep: bool) {
    let connection = if keep { "keep-alive" } else { "close" };
    let _ = write!(into, "connection: {connection}\r\n\r\n");
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "Unknown",
    }
}
