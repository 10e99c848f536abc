//! Law: bytes in, requests out. Knows neither sockets nor time.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::chunked::{Chunked, too_large};
use super::problem::Problem;
use super::request::{Method, Request};
use super::settings::OpsLimits;
use super::target;

/// More headers than this are answered 431.
const HEADERS: usize = 64;

/// What has arrived of a request, and of what follows it.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    buffer: Vec<u8>,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Head,
    /// The last is how large it may be.
    Body(Box<Request>, Body, usize),
}

#[derive(Debug)]
enum Body {
    Sized(usize),
    Chunked(Chunked),
}

/// Sees a request before any of its body is read, and says how many bytes of it there may be.
pub(super) type Judge<'j> = dyn Fn(&Request) -> Result<usize, Problem> + 'j;

/// What follows from what has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More must arrive.
    More,
    /// The client waits to be told that it may send the body.
    Continue,
    /// A whole request.
    Done(Box<Request>),
    /// No request; what follows cannot be made sense of either.
    Refuse(Problem),
}

impl Incoming {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing of a request has arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && matches!(self.phase, Phase::Head)
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        let decoded =
            if let Phase::Body(_, Body::Chunked(chunked), _) = &self.phase { chunked.held() } else { 0 };
        self.buffer.len() + decoded
    }

    /// Goes as far as what has arrived, and the judge, allow.
    pub(super) fn step(&mut self, limits: &OpsLimits, judge: &Judge<'_>) -> Step {
        let before = matches!(self.phase, Phase::Head);
        let stepped = match &self.phase {
            Phase::Head => self.head(limits, judge),
            Phase::Body(..) => Ok(None),
        };
        match stepped.and_then(|waits| Ok((waits, self.body()?))) {
            Err(problem) => Step::Refuse(problem),
            Ok((_, Some(request))) => Step::Done(request),
            Ok((Some(Waits), None)) if before && self.buffer.is_empty() => Step::Continue,
            Ok(_) => Step::More,
        }
    }

    /// Reads the head, if it is there; tells whether the client waits before it sends the body.
    fn head(&mut self, limits: &OpsLimits, judge: &Judge<'_>) -> Result<Option<Waits>, Problem> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let length = match head.parse(&self.buffer[..self.buffer.len().min(limits.head)]) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.buffer.len() < limits.head => return Ok(None),
            Ok(httparse::Status::Partial) => return Err(too_long(limits.head)),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Problem::new(431, format!("more than {HEADERS} headers")));
            }
            Err(httparse::Error::Version) => {
                return Err(Problem::new(505, "HTTP/1.1 and HTTP/1.0 are spoken here"));
            }
            Err(error) => return Err(Problem::bad(format!("this is no HTTP: {error}"))),
        };
        let request = request(&head)?;
        let most = judge(&request)?.min(limits.body);
        let body = body_of(&request, most)?;
        let waits = request.header("expect").is_some_and(|text| text.eq_ignore_ascii_case("100-continue"));
        self.buffer.drain(..length);
        self.phase = Phase::Body(Box::new(request), body, most);
        Ok((waits && !matches!(self.phase, Phase::Body(_, Body::Sized(0), _))).then_some(Waits))
    }

    /// Reads the body, if its head is there; gives the request once it is whole.
    fn body(&mut self) -> Result<Option<Box<Request>>, Problem> {
        let body = match std::mem::take(&mut self.phase) {
            Phase::Head => return Ok(None),
            Phase::Body(request, Body::Sized(length), most) if self.buffer.len() < length => {
                self.phase = Phase::Body(request, Body::Sized(length), most);
                return Ok(None);
            }
            Phase::Body(request, Body::Sized(length), _) => {
                let rest = self.buffer.split_off(length);
                (request, std::mem::replace(&mut self.buffer, rest))
            }
            Phase::Body(request, Body::Chunked(mut chunked), most) => {
                if !chunked.take(&mut self.buffer, most)? {
                    self.phase = Phase::Body(request, Body::Chunked(chunked), most);
                    return Ok(None);
                }
                (request, chunked.into_body())
            }
        };
        let (mut request, body) = body;
        request.body = Bytes::from(body);
        Ok(Some(request))
    }
}

struct Waits;

fn too_long(most: usize) -> Problem {
    Problem::new(431, format!("the request's line and headers are longer than {most} bytes"))
}

fn request(head: &httparse::Request<'_, '_>) -> Result<Request, Problem> {
    let name = head.method.unwrap_or_default();
    let Some(method) = Method::of(name) else {
        return Err(Problem::new(501, format!("the method {:?} is not known here", clip(name))));
    };
    let target = target::parse(head.path.unwrap_or_default())?;
    let mut headers = Vec::with_capacity(head.headers.len());
    for header in head.headers.iter() {
        let name = header.name.to_ascii_lowercase();
        let Ok(value) = std::str::from_utf8(header.value) else {
            return Err(Problem::bad(format!("the header {} is no UTF-8", clip(&name))));
        };
        headers.push((name, value.to_owned()));
    }
    let mut request = Request {
        method,
        head_only: name == "HEAD",
        old: head.version == Some(0),
        keep: false,
        path: target.path,
        query: target.query,
        headers,
        parameters: BTreeMap::new(),
        body: Bytes::new(),
    };
    let says = |word: &str| {
        let mut words = request.header("connection").unwrap_or_default().split(',');
        words.any(|said| said.trim().eq_ignore_ascii_case(word))
    };
    request.keep = if request.old { says("keep-alive") } else { !says("close") };
    Ok(request)
}

/// How long the body is. Whatever could be read in two ways is refused.
fn body_of(request: &Request, most: usize) -> Result<Body, Problem> {
    let all = |wanted: &str| {
        let values = request.headers().filter(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
        values.collect::<Vec<_>>()
    };
    let (lengths, encodings) = (all("content-length"), all("transfer-encoding"));
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(Body::Sized(0)),
        ([length], []) => {
            let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
            if !digits {
                return Err(Problem::bad("content-length is no number"));
            }
            // What does not fit into a number is too large as well.
            match length.parse::<usize>() {
                Ok(length) if length <= most => Ok(Body::Sized(length)),
                _ => Err(too_large(most)),
            }
        }
        ([], [encoding]) if encoding.eq_ignore_ascii_case("chunked") && !request.old => {
            Ok(Body::Chunked(Chunked::default()))
        }
        ([], [encoding]) => {
            Err(Problem::new(501, format!("the transfer encoding {:?} is not known here", clip(encoding))))
        }
        _ => Err(Problem::bad("say once how long the body is, by content-length or by transfer-encoding")),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests;
