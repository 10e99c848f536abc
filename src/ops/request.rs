//! A request, as a handler reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// What is wanted of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// To be told; answers `HEAD` too.
    Get,
    /// To have something done.
    Post,
    /// To have something be so.
    Put,
    /// To have something be gone.
    Delete,
}

impl Method {
    /// The method of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "GET" | "HEAD" => Some(Method::Get),
            "POST" => Some(Method::Post),
            "PUT" => Some(Method::Put),
            "DELETE" => Some(Method::Delete),
            _ => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        })
    }
}

/// A request that arrived in whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub(super) method: Method,
    /// Only the head of the answer is wanted.
    pub(super) head_only: bool,
    /// Whether it speaks HTTP/1.0.
    pub(super) old: bool,
    /// Whether the client would send another one on this connection.
    pub(super) keep: bool,
    /// The decoded parts of its path.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// Their names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) parameters: BTreeMap<&'static str, String>,
    pub(super) body: Bytes,
}

impl Request {
    /// What stands at the place of `{name}` in the path; empty if the route has no such place.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The same, read as a number or the like.
    ///
    /// # Errors
    /// 400, naming what was expected.
    pub fn parameter_as<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<T, Problem> {
        read(name, self.parameter(name))
    }

    /// The value of `name` behind the question mark.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same, read as a number or the like.
    ///
    /// # Errors
    /// 400, naming what was expected.
    pub fn query_as<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.query(name).map(|text| read(name, text)).transpose()
    }

    /// Everything behind the question mark, in its order.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses what stands behind the question mark and is neither among `known`, nor beginning with one of them that ends
    /// in `-`, nor the only one of its name: a mistyped filter must not widen what is dropped.
    ///
    /// # Errors
    /// 400, naming it and what is known.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        for (at, (name, _)) in self.query.iter().enumerate() {
            let fits = |known: &&str| *known == name || known.ends_with('-') && name.starts_with(*known);
            if !known.iter().any(fits) {
                let error = format!("unknown parameter {name:?}");
                return Err(Problem::bad(error).hint(format!("known are {}", known.join(", "))));
            }
            if self.query[..at].iter().any(|(before, _)| before == name) {
                return Err(Problem::bad(format!("the parameter {name:?} stands there twice")));
            }
        }
        Ok(())
    }

    /// The value of the header of this name, which must be in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All headers, their names in lower case, in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What its headers `traceparent` and `tracestate` say, if the first is there once: the second may come in parts.
    pub(crate) fn trace(&self) -> Option<(&str, String)> {
        let all = |wanted: &str| -> Vec<&str> {
            self.headers().filter(|(name, _)| *name == wanted).map(|(_, value)| value).collect()
        };
        match all("traceparent")[..] {
            [parent] => Some((parent, all("tracestate").join(","))),
            _ => None,
        }
    }

    /// What was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What was sent, read as JSON; nothing at all counts as `{}`.
    ///
    /// # Errors
    /// 400, with the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let text = if self.body.is_empty() { b"{}".as_slice() } else { &self.body };
        serde_json::from_slice(text).map_err(|error| Problem::bad(format!("the body: {error}")))
    }
}

fn read<T: FromStr<Err: fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    let shown: String = text.chars().take(100).collect();
    text.parse().map_err(|error| Problem::bad(format!("{name}: {shown:?}: {error}")))
}

impl fmt::Debug for Request {
    /// Without values and body, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /{} ({} bytes)", self.method, self.path.join("/"), self.body.len())
    }
}
