//! Items on their way in, and what became of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::payload;
use crate::kanban::{ItemId, ItemSpec, PublishError};
use crate::ops::{Problem, Request};
use crate::priority::{Priority, UnknownPriority};
use crate::time::Timestamp;

/// An item to be published, as JSON. What it does not say is as in [`ItemSpec`]; keys it does not know are refused.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// Whose it is.
    pub domain: String,
    /// `high`, `normal` or `low`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is routed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Until when it is wanted: how long from now, such as `10m`, or a time, such as `2026-11-22T12:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// What else is told with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The payload, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The payload, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
}

impl NewItem {
    /// An item with this payload.
    #[must_use]
    pub fn new(domain: impl Into<String>, payload: &[u8]) -> Self {
        let (payload, payload_base64) = payload::write(payload);
        Self { domain: domain.into(), payload, payload_base64, ..Self::default() }
    }

    /// What a request for `/publish/{priority}/{domain}` tells of its item; the trace of the request is the item's, unless it is
    /// told another.
    ///
    /// # Errors
    /// 400: something is said twice, unknown, or wrong.
    pub fn from_request(request: &Request) -> Result<ItemSpec, Problem> {
        request.only(&["id", "key", "deadline", "header-"])?;
        let mut item = NewItem {
            domain: request.parameter("domain").to_owned(),
            priority: Some(request.parameter("priority").to_owned()),
            ..Self::default()
        };
        let of_headers = request.headers().filter_map(|(name, value)| {
            let name = name.strip_prefix("heijunka-")?;
            Some((name, value))
        });
        for (name, value) in request.queries().chain(of_headers) {
            let (place, name) = match name {
                "id" => (&mut item.id, name),
                "key" => (&mut item.key, name),
                "deadline" => (&mut item.deadline, name),
                _ => match name.strip_prefix("header-") {
                    Some(header) if item.headers.contains_key(header) => return Err(twice(name)),
                    Some(header) => {
                        item.headers.insert(header.to_owned(), value.to_owned());
                        continue;
                    }
                    None => return Err(Problem::bad(format!("unknown header \"heijunka-{name}\""))),
                },
            };
            if place.replace(value.to_owned()).is_some() {
                return Err(twice(name));
            }
        }
        let spec = item.into_spec().map_err(|error| Problem::bad(error.to_string()))?;
        let spec = spec.payload(request.body().clone());
        Ok(match request.trace() {
            Some((parent, state)) => spec.or_trace(parent, &state),
            None => spec,
        })
    }

    /// What is published.
    ///
    /// # Errors
    /// [`WireError`]; whether domain, id, key and headers are valid turns out when it is published.
    pub fn into_spec(self) -> Result<ItemSpec, WireError> {
        let Self { domain, priority, id, key, deadline, headers, payload, payload_base64 } = self;
        let mut spec = ItemSpec::new(domain);
        if let Some(priority) = priority {
            let known = priority.parse::<Priority>().map_err(|error| WireError::Priority(priority, error))?;
            spec = spec.priority(known);
        }
        if let Some(id) = id {
            spec = spec.id(id);
        }
        if let Some(key) = key {
            spec = spec.key(key);
        }
        if let Some(text) = deadline {
            spec = match until(&text).ok_or(WireError::Deadline(text))? {
                Until::In(time) => spec.deadline_in(time),
                Until::At(time) => spec.deadline(time),
            };
        }
        let spec = headers.into_iter().fold(spec, |spec, (name, value)| spec.header(name, value));
        match (payload, payload_base64) {
            (Some(_), Some(_)) => Err(WireError::TwoPayloads),
            (None, Some(text)) => Ok(spec.payload(payload::read(&text).ok_or(WireError::Base64)?)),
            (text, None) => Ok(spec.payload(text.unwrap_or_default())),
        }
    }
}

enum Until {
    In(Duration),
    At(Timestamp),
}

fn until(text: &str) -> Option<Until> {
    let at = || humantime::parse_rfc3339_weak(text).ok().filter(|time| *time >= SystemTime::UNIX_EPOCH);
    match humantime::parse_duration(text) {
        Ok(time) => Some(Until::In(time)),
        Err(_) => at().map(|time| Until::At(time.into())),
    }
}

fn twice(name: &str) -> Problem {
    Problem::bad(format!("{name:?} is said twice"))
}

impl fmt::Debug for NewItem {
    /// Without payload and the values of headers, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewItem")
            .field("domain", &self.domain)
            .field("priority", &self.priority)
            .field("id", &self.id)
            .field("headers", &self.headers.keys())
            .finish_non_exhaustive()
    }
}

/// What is wrong with an item as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// This is no priority.
    Priority(String, UnknownPriority),
    /// This is neither a duration nor a time.
    Deadline(String),
    /// There are two payloads.
    TwoPayloads,
    /// This is no base64.
    Base64,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clip = |text: &str| -> String { text.chars().take(100).collect() };
        match self {
            WireError::Priority(text, error) => write!(f, "priority {:?}: {error}", clip(text)),
            WireError::Deadline(text) => write!(
                f,
                "deadline {:?}: expected how long from now, such as 10m, or a time, such as 2026-11-22T12:00:00Z",
                clip(text)
            ),
            WireError::TwoPayloads => f.write_str("there is a payload and a payload_base64: give one"),
            WireError::Base64 => {
                f.write_str("payload_base64 is no base64 (with the standard alphabet and padding)")
            }
        }
    }
}

impl std::error::Error for WireError {}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The line it stood in, from 1; 1 if it was alone.
    pub line: u64,
    /// What became of it.
    pub outcome: Stored,
    /// Its id, if it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What may become of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// It is in the broker.
    Stored,
    /// An item of its domain and id was there already.
    Duplicate,
    /// It is wrong in itself.
    Invalid,
    /// It is certainly not stored.
    NotStored,
    /// It may be stored or not: publish it again with the same id.
    Unknown,
}

impl Stored {
    /// Whether the item is in the broker.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(self, Stored::Stored | Stored::Duplicate)
    }
}

impl Receipt {
    /// What became of the item in this line.
    #[must_use]
    pub fn new(line: u64, result: Result<(ItemId, crate::kanban::Stored), PublishError>) -> Self {
        let (outcome, id, error) = match result {
            Ok((id, crate::kanban::Stored::New)) => (Stored::Stored, Some(id), None),
            Ok((id, crate::kanban::Stored::Duplicate)) => (Stored::Duplicate, Some(id), None),
            Err(error) => {
                let outcome = match &error {
                    PublishError::Invalid(_) => Stored::Invalid,
                    PublishError::NotStored(_) => Stored::NotStored,
                    PublishError::Unknown(_) => Stored::Unknown,
                };
                (outcome, None, Some(error.to_string()))
            }
        };
        Self { line, outcome, id: id.map(|id| id.as_str().to_owned()), error }
    }

    /// An item that was not even sent.
    #[must_use]
    pub fn invalid(line: u64, error: impl Into<String>) -> Self {
        Self { line, outcome: Stored::Invalid, id: None, error: Some(error.into()) }
    }

    /// The answer to a single publish: 200 if it is stored, 422 if it is invalid, 503 if it is not stored, 504 if nobody knows.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.outcome {
            Stored::Stored | Stored::Duplicate => 200,
            Stored::Invalid => 422,
            Stored::NotStored => 503,
            Stored::Unknown => 504,
        }
    }
}
