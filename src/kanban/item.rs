//! An item: a piece of work that a broker keeps until it is done.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::name::{ItemId, Name, NameError};
use super::trace::{self, TRACEPARENT, TRACESTATE, TraceContext};
use crate::priority::Priority;
use crate::time::Timestamp;

/// Where an item waits: one queue per domain and priority. Brokers know it as `kanban.{priority}.{domain}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// How urgent its items are.
    pub priority: Priority,
    /// Whose items they are.
    pub domain: Name,
}

impl Lane {
    /// `kanban.{priority}.{domain}`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("kanban.{}.{}", self.priority, self.domain)
    }
}

/// A piece of work as it lies in a broker. Made by publishing an [`ItemSpec`], read by a handler.
///
/// `Debug` shows the size of the payload and the names of the headers only: what they hold may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// What identifies it within its domain.
    pub id: ItemId,
    /// Where it waits.
    pub lane: Lane,
    /// What it is routed by; its id if there is none.
    pub key: Option<Arc<str>>,
    /// What is to be worked on.
    pub payload: Bytes,
    /// What else is told with it.
    pub headers: BTreeMap<String, String>,
    /// Until when it is wanted.
    pub deadline: Option<Timestamp>,
    /// When it was published.
    pub published: Timestamp,
}

/// Names of headers that heijunka writes begin with this; publishers may not use it.
pub(crate) const RESERVED: &str = "heijunka-";

/// The id that a replayed item had before it died.
pub(crate) const ORIGINAL_ID: &str = "heijunka-original-id";

/// How often an item was replayed from the dead letters.
pub(crate) const REPLAYS: &str = "heijunka-replays";

impl Item {
    /// The text it is routed by.
    #[must_use]
    pub fn routing_key(&self) -> &str {
        self.key.as_deref().unwrap_or(self.id.as_str())
    }

    /// The payload, read as JSON.
    ///
    /// # Errors
    /// [`ItemError::Json`], with its place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ItemError> {
        serde_json::from_slice(&self.payload).map_err(|error| ItemError::Json(error.to_string()))
    }

    /// Whether it is not wanted any more.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The id it was first published with: another one than [`id`](Self::id) after a replay.
    #[must_use]
    pub fn original_id(&self) -> &str {
        self.headers.get(ORIGINAL_ID).map_or(self.id.as_str(), String::as_str)
    }

    /// How often it was replayed from the dead letters.
    #[must_use]
    pub fn replays(&self) -> u32 {
        self.headers.get(REPLAYS).and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// The trace it belongs to: what a valid header `traceparent` says. One that is not valid is passed on, and means nothing.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.headers.get(TRACEPARENT)?.parse().ok()
    }

    /// What tracing systems keep beside it: the header `tracestate`, if there is a [`trace`](Self::trace).
    #[must_use]
    pub fn trace_state(&self) -> Option<&str> {
        self.trace()?;
        self.headers.get(TRACESTATE).map(String::as_str)
    }

    /// About what it takes up: payload, headers, key and id.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.payload.len() + headers + self.key.as_ref().map_or(0, |key| key.len()) + self.id.as_str().len()
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("id", &self.id)
            .field("lane", &self.lane.subject())
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("headers", &self.headers.keys())
            .finish_non_exhaustive()
    }
}

/// An item about to be published. Of normal priority, with an empty payload and an id of its own, unless told.
#[derive(Clone)]
#[must_use = "nothing happens until it is published"]
pub struct ItemSpec {
    domain: String,
    priority: Priority,
    id: Option<String>,
    key: Option<String>,
    payload: Bytes,
    headers: BTreeMap<String, String>,
    deadline: Option<Until>,
}

#[derive(Clone, Copy)]
enum Until {
    At(Timestamp),
    In(Duration),
}

impl ItemSpec {
    /// An item for this domain.
    pub fn new(domain: impl Into<String>) -> Self {
        Self {
            domain: domain.into(),
            priority: Priority::Normal,
            id: None,
            key: None,
            payload: Bytes::new(),
            headers: BTreeMap::new(),
            deadline: None,
        }
    }

    /// The domain it is for.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// How urgent it is.
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// Its id, 1 to 96 visible ASCII characters: the same id in the same domain is the same item.
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// What it is routed by: items of one key run in the same pool.
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// What is to be worked on.
    pub fn payload(self, payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), ..self }
    }

    /// The payload, written as JSON.
    ///
    /// # Errors
    /// [`ItemError::Json`] if `value` cannot be written so.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, ItemError> {
        let payload = serde_json::to_vec(value).map_err(|error| ItemError::Json(error.to_string()))?;
        Ok(self.payload(payload))
    }

    /// Something told with it: the name 1 to 64 characters as in a [`Name`], the value without control characters. `traceparent`
    /// and `tracestate` are known in any case, and kept in lower case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers.insert(trace::spelt(&name).map_or(name, str::to_owned), value.into());
        self
    }

    /// The trace it belongs to, which its handler can ask for: the header `traceparent`.
    pub fn trace(self, trace: TraceContext) -> Self {
        self.header(TRACEPARENT, trace.to_string())
    }

    /// The trace of the request that brings it, unless it belongs to one already. What is not valid is left out.
    #[cfg(not(heijunka_loom))]
    pub(crate) fn or_trace(self, parent: &str, state: &str) -> Self {
        if self.headers.contains_key(TRACEPARENT) {
            return self;
        }
        if let Err(error) = parent.parse::<TraceContext>() {
            tracing::debug!(%error, "a request with a traceparent that means nothing");
            return self;
        }
        let with_parent = self.header(TRACEPARENT, parent);
        let has_state = !state.is_empty() && check_header(TRACESTATE, state).is_ok();
        if has_state { with_parent.header(TRACESTATE, state) } else { with_parent }
    }

    /// Until when it is wanted. Not started by then, it is not run.
    pub fn deadline(self, at: Timestamp) -> Self {
        Self { deadline: Some(Until::At(at)), ..self }
    }

    /// How long after its publication it is wanted.
    pub fn deadline_in(self, after: Duration) -> Self {
        Self { deadline: Some(Until::In(after)), ..self }
    }

    /// Makes the item, if it is one.
    pub(crate) fn build(self, now: Timestamp, max_payload: usize) -> Result<Item, ItemError> {
        let Self { domain, priority, id, key, payload, headers, deadline } = self;
        let domain = Name::new(&domain)?;
        let id = match id {
            None => ItemId::unique(),
            Some(id) if id.len() > ItemId::LONGEST_GIVEN => return Err(NameError::Id(id).into()),
            Some(id) => ItemId::new(&id)?,
        };
        for (name, value) in &headers {
            check_header(name, value)?;
        }
        if key.as_ref().is_some_and(|key| key.len() > LONGEST_KEY || has_control(key)) {
            return Err(ItemError::Key);
        }
        if payload.len() > max_payload {
            return Err(ItemError::TooLarge { bytes: payload.len(), most: max_payload });
        }
        let deadline = deadline.map(|deadline| match deadline {
            Until::At(at) => at,
            Until::In(after) => now.after(after),
        });
        let lane = Lane { priority, domain };
        let item = Item { id, lane, key: key.map(Into::into), payload, headers, deadline, published: now };
        if item.is_expired(now) { Err(ItemError::Expired) } else { Ok(item) }
    }
}

/// Bytes of a key.
const LONGEST_KEY: usize = 256;

/// Bytes of a header's value.
const LONGEST_VALUE: usize = 4096;

fn check_header(name: &str, value: &str) -> Result<(), ItemError> {
    if Name::new(name).is_err() || name.to_ascii_lowercase().starts_with(RESERVED) {
        return Err(ItemError::HeaderName(name.chars().take(100).collect()));
    }
    if value.len() > LONGEST_VALUE || has_control(value) {
        return Err(ItemError::HeaderValue(name.to_owned()));
    }
    Ok(())
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

impl fmt::Debug for ItemSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemSpec")
            .field("domain", &self.domain)
            .field("priority", &self.priority)
            .field("id", &self.id)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish_non_exhaustive()
    }
}

/// What is wrong with an item. Publishing the same again is useless.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemError {
    /// Its domain is no name, or its id no id.
    Name(NameError),
    /// This is no name for a header.
    HeaderName(String),
    /// The value of the header of this name is too long, or has control characters.
    HeaderValue(String),
    /// The key is too long, or has control characters.
    Key,
    /// The payload is larger than what may be published.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// The payload cannot be written or read as JSON.
    Json(String),
    /// Its deadline has passed already.
    Expired,
}

impl From<NameError> for ItemError {
    fn from(error: NameError) -> Self {
        ItemError::Name(error)
    }
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ItemError::Name(error) => error.fmt(f),
            ItemError::HeaderName(name) => {
                write!(
                    f,
                    "{name:?} is no name for a header: use 1 to 64 of A-Z a-z 0-9 _ -, not beginning with {RESERVED}"
                )
            }
            ItemError::HeaderValue(name) => {
                write!(f, "the header {name} may have up to {LONGEST_VALUE} bytes, and no control characters")
            }
            ItemError::Key => {
                write!(f, "a key may have up to {LONGEST_KEY} bytes, and no control characters")
            }
            ItemError::TooLarge { bytes, most } => {
                write!(
                    f,
                    "a payload of {bytes} bytes is more than the {most} allowed: store it elsewhere and send where"
                )
            }
            ItemError::Json(error) => write!(f, "the payload and JSON: {error}"),
            ItemError::Expired => f.write_str("the deadline has passed already"),
        }
    }
}

impl std::error::Error for ItemError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ItemError::Name(error) => Some(error),
            _ => None,
        }
    }
}
