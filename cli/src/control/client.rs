//! A blocking HTTP client, for one request.

use std::io;
use std::time::Duration;

use heijunka::ops::wire::Failure;
use serde::de::DeserializeOwned;

use super::args::Whereabouts;
use super::error::ControlError;
use super::place::{Place, Stream};

/// How long the service may say nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Bytes of an answer's head, and of one that is read as a whole or of one line.
const HEAD: usize = 64 << 10;
const WHOLE: usize = 256 << 20;

/// Where the service is, and how long it may say nothing.
#[derive(Clone, Debug)]
pub(super) struct Service {
    place: Place,
    patience: Duration,
}

/// An answer, of which nothing but its head was read.
pub(super) struct Answer {
    stream: Box<dyn Stream>,
    status: u16,
    /// Read and not yet used.
    buffer: Vec<u8>,
    left: Left,
    /// The bytes of a line that has not ended.
    line: Vec<u8>,
}

/// What is left of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Bytes(usize),
    /// So many bytes of this chunk, then others.
    Chunk(usize),
    /// The end of a chunk's line, then others.
    ChunkEnd,
    Nothing,
}

impl Service {
    /// What the command line says of it.
    pub(super) fn new(args: &Whereabouts) -> Result<Self, ControlError> {
        Ok(Self::at(Place::of(args)?))
    }

    pub(super) fn at(place: Place) -> Self {
        Self { place, patience: PATIENCE }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Asks, and reads the head of the answer.
    pub(super) fn ask(&self, method: &str, target: &str, body: &[u8]) -> Result<Answer, ControlError> {
        let (mut stream, token) = self.place.connect(self.patience)?;
        let (host, length) = (self.place.host(), body.len());
        let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{token}content-length: {length}\r\n\r\n"
        );
        // Who refuses the beginning does not read the rest, but says why.
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        match Answer::begin(stream) {
            Err(ControlError::Broken(error)) => Err(ControlError::Broken(sent.err().unwrap_or(error))),
            answer => answer,
        }
    }

    /// Asks, and reads the whole answer as JSON.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Result<T, ControlError> {
        read(&self.ask(method, target, body)?.accepted()?.whole()?)
    }
}

impl Answer {
    fn begin(stream: Box<dyn Stream>) -> Result<Self, ControlError> {
        let mut answer =
            Self { stream, status: 0, buffer: Vec::new(), left: Left::Nothing, line: Vec::new() };
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Response::new(&mut headers);
            let parsed =
                head.parse(&answer.buffer).map_err(|error| ControlError::Answer(error.to_string()))?;
            let httparse::Status::Complete(length) = parsed else {
                if answer.buffer.len() > HEAD {
                    return Err(ControlError::Answer("its head does not end".to_owned()));
                }
                answer.fill()?;
                continue;
            };
            let (status, left) = (head.code.unwrap_or(0), body_of(head.headers)?);
            answer.buffer.drain(..length);
            if status >= 200 {
                (answer.status, answer.left) = (status, left);
                return Ok(answer);
            }
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// Itself, unless the service refused.
    pub(super) fn accepted(mut self) -> Result<Self, ControlError> {
        if self.status < 400 {
            return Ok(self);
        }
        let status = self.status;
        let body = self.whole()?;
        let failure = serde_json::from_slice::<Failure>(&body);
        Err(failure.map_or_else(
            |_| ControlError::Answer(format!("status {status}: {}", clip(&body))),
            ControlError::Refused,
        ))
    }

    /// All that is left of it.
    pub(super) fn whole(&mut self) -> Result<Vec<u8>, ControlError> {
        let mut whole = std::mem::take(&mut self.line);
        while let Some(mut piece) = self.piece()? {
            whole.append(&mut piece);
            if whole.len() > WHOLE {
                return Err(ControlError::Answer("it does not end".to_owned()));
            }
        }
        Ok(whole)
    }

    /// Its next line, as JSON. A line that tells of a failure is one.
    pub(super) fn line<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ControlError> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        match serde_json::from_slice::<T>(&line) {
            Ok(value) => Ok(Some(value)),
            Err(_) => match serde_json::from_slice::<Failure>(&line) {
                Ok(failure) => Err(ControlError::Refused(failure)),
                Err(_) => read(&line).map(Some),
            },
        }
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, ControlError> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.line[looked..].iter().position(|byte| *byte == b'\n') {
                let rest = self.line.split_off(looked + end + 1);
                return Ok(Some(std::mem::replace(&mut self.line, rest)));
            }
            looked = self.line.len();
            match self.piece()? {
                Some(mut piece) if looked <= WHOLE => self.line.append(&mut piece),
                Some(_) => return Err(ControlError::Answer("one of its lines does not end".to_owned())),
                None if self.line.is_empty() => return Ok(None),
                None => return Ok(Some(std::mem::take(&mut self.line))),
            }
        }
    }

    /// Some more of the body.
    fn piece(&mut self) -> Result<Option<Vec<u8>>, ControlError> {
        loop {
            match self.left {
                Left::Nothing | Left::Bytes(0) => return Ok(None),
                Left::Bytes(left) | Left::Chunk(left) if left > 0 => {
                    if self.buffer.is_empty() {
                        self.fill()?;
                    }
                    let rest = self.buffer.split_off(left.min(self.buffer.len()));
                    let piece = std::mem::replace(&mut self.buffer, rest);
                    self.left = match self.left {
                        Left::Chunk(_) if left == piece.len() => Left::ChunkEnd,
                        Left::Chunk(_) => Left::Chunk(left - piece.len()),
                        _ => Left::Bytes(left - piece.len()),
                    };
                    return Ok(Some(piece));
                }
                Left::ChunkEnd => match self.buffer.as_slice() {
                    [b'\r', b'\n', ..] => {
                        self.buffer.drain(..2);
                        self.left = Left::Chunk(0);
                    }
                    [] | [b'\r'] => self.fill()?,
                    _ => return Err(ControlError::Answer("a chunk is longer than it says".to_owned())),
                },
                Left::Bytes(_) | Left::Chunk(_) => match httparse::parse_chunk_size(&self.buffer) {
                    Err(_) => return Err(ControlError::Answer("a chunk has no length".to_owned())),
                    Ok(httparse::Status::Partial) => self.fill()?,
                    Ok(httparse::Status::Complete((_, 0))) => self.left = Left::Nothing,
                    Ok(httparse::Status::Complete((length, size))) => {
                        self.buffer.drain(..length);
                        let size = usize::try_from(size)
                            .map_err(|_| ControlError::Answer("a huge chunk".to_owned()))?;
                        self.left = Left::Chunk(size);
                    }
                },
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut some = [0; 16 << 10];
        loop {
            match self.stream.read(&mut some) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    self.buffer.extend_from_slice(&some[..bytes]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn body_of(headers: &[httparse::Header<'_>]) -> Result<Left, ControlError> {
    let mut left = Left::Nothing;
    for header in headers {
        let value = std::str::from_utf8(header.value).unwrap_or_default();
        if header.name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            return Ok(Left::Chunk(0));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let bytes = value.parse();
            left = Left::Bytes(bytes.map_err(|_| ControlError::Answer(format!("a length of {value:?}")))?);
        }
    }
    Ok(left)
}

pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(text).map_err(|error| ControlError::Answer(format!("{error}: {}", clip(text))))
}

fn clip(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(200).collect::<String>().trim_end().to_owned()
}

/// A part of a path or query, encoded.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;

    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A path with what stands behind its question mark.
pub(super) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> String {
    let given = pairs.into_iter().filter_map(|(name, value)| Some((encode(name), encode(&value?))));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}
