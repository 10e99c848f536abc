//! Items as messages, and messages as items, whoever wrote them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use amiquip::{AmqpProperties, AmqpValue, FieldTable};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::guard::FAULT;
use super::text::{decode, encode};
use crate::kanban::item::{Item, Lane, RESERVED};
use crate::kanban::name::{ItemId, Name};
use crate::kanban::trace;
use crate::time::Timestamp;

const KEY: &str = "heijunka-key";
const DEADLINE: &str = "heijunka-deadline";
const PUBLISHED: &str = "heijunka-published";
const FAILURES: &str = "heijunka-failures";
const DELIVERIES: &str = "heijunka-deliveries";
const DUE: &str = "heijunka-due";
const HEADER: &str = "heijunka-h-";
const ID: &str = "heijunka-id";

/// Bytes of a header's name, and of everything else with a length in one byte.
pub(super) const SHORT: usize = 255;

/// What is told of an item besides itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    /// How often it was delivered before, as far as the server has forgotten it.
    pub(super) deliveries: u32,
    pub(super) failures: u32,
    /// Not to be run before.
    pub(super) due: Option<Timestamp>,
}

/// A message that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) item: Arc<Item>,
    pub(super) deliveries: u32,
    pub(super) failures: u32,
    pub(super) due: Option<Timestamp>,
    pub(super) fault: Option<String>,
    /// It comes from a retry lane.
    pub(super) retried: bool,
}

/// The properties of an item's message, and what its headers take up.
pub(super) fn properties(item: &Item, past: Past, mut extra: FieldTable) -> AmqpProperties {
    extra.insert(ID.to_owned(), AmqpValue::LongString(item.id.as_str().to_owned()));
    let mut number = |name: &str, value: u64| {
        extra.insert(name.to_owned(), AmqpValue::LongLongInt(i64::try_from(value).unwrap_or(i64::MAX)));
    };
    number(PUBLISHED, item.published.as_millis());
    if let Some(deadline) = item.deadline {
        number(DEADLINE, deadline.as_millis());
    }
    if past.failures > 0 {
        number(FAILURES, past.failures.into());
    }
    if past.deliveries > 0 {
        number(DELIVERIES, past.deliveries.into());
    }
    if let Some(due) = past.due {
        number(DUE, due.as_millis());
    }
    if let Some(key) = &item.key {
        extra.insert(KEY.to_owned(), AmqpValue::LongString(encode(key)));
    }
    for (name, value) in &item.headers {
        // Where other clients look for it.
        if trace::is_plain(name, value) {
            extra.insert(name.clone(), AmqpValue::LongString(value.clone()));
            continue;
        }
        let name: String = [HEADER, &encode(name)].concat();
        extra.insert(name, AmqpValue::LongString(encode(value)));
    }
    AmqpProperties::default()
        .with_delivery_mode(2)
        .with_message_id(item.id.as_str().to_owned())
        .with_timestamp(item.published.as_millis() / 1000)
        .with_headers(extra)
}

/// About what the headers take up on the wire; `None` if the name of one is too long.
pub(super) fn size(properties: &AmqpProperties) -> Option<usize> {
    let headers = properties.headers().iter().flatten();
    let size = |(name, value): (&String, &AmqpValue)| {
        let value = if let AmqpValue::LongString(text) = value { text.len() } else { 8 };
        (name.len() <= SHORT).then_some(name.len() + value + 6)
    };
    headers.map(size).sum()
}

/// What was delivered, as far as it matters.
pub(super) struct Message<'a> {
    pub(super) properties: &'a AmqpProperties,
    pub(super) body: Vec<u8>,
    pub(super) redelivered: bool,
}

/// Reads a message of this lane. Nonsense in it makes a fault, not an error.
pub(super) fn read(lane: &Lane, message: Message<'_>, now: Timestamp) -> Read {
    let Message { properties, body, redelivered } = message;
    let none = FieldTable::new();
    let table = properties.headers().as_ref().unwrap_or(&none);
    let mut reader = Reader { table, fault: None };
    if let Some(AmqpValue::LongString(why)) = table.get(FAULT) {
        reader.fault = Some(format!("its headers are unreadable and were stripped: {why}"));
    }
    let id = properties.message_id().as_deref().and_then(|id| ItemId::new(id).ok());
    let id = id.or_else(|| reader.text(ID).and_then(|id| ItemId::new(id).ok()));
    let id = id.or_else(|| ItemId::new(&made_up(properties, table, &body)).ok());
    let given = properties.timestamp().map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
    let published = reader.number(PUBLISHED).map(Timestamp::from_millis).or(given).unwrap_or(now);
    let deadline = reader.number(DEADLINE).map(Timestamp::from_millis);
    let due = reader.number(DUE).map(Timestamp::from_millis);
    let failures = reader.count(FAILURES);
    let before = reader.count(DELIVERIES);
    let again = if table.contains_key("x-delivery-count") {
        reader.count("x-delivery-count")
    } else {
        redelivered.into()
    };
    let key = reader.encoded(KEY);
    let headers = reader.headers();
    let fault = reader.fault;
    let item = Item {
        // What is made up is an id.
        id: id.unwrap_or_else(ItemId::unique),
        lane: lane.clone(),
        key: key.map(Into::into),
        payload: Bytes::from(body),
        headers,
        deadline,
        published,
    };
    let retried = table.contains_key("x-death");
    let deliveries = before.saturating_add(again).saturating_add(1);
    Read { item: Arc::new(item), deliveries, failures, due, fault, retried }
}

/// The id of a message whose publisher gave it none: made of all that does not change from delivery to delivery.
fn made_up(properties: &AmqpProperties, table: &FieldTable, body: &[u8]) -> String {
    let mut whole = format!(
        "{:?}{:?}{:?}{:?}{:?}{:?}",
        properties.content_type(),
        properties.correlation_id(),
        properties.reply_to(),
        properties.timestamp(),
        properties.type_(),
        properties.app_id(),
    );
    for (name, value) in table.iter().filter(|(name, _)| !is_servers(name)) {
        // Writing to a string does not fail.
        let _ = write!(whole, "{name}={value:?};");
    }
    let mut bytes = whole.into_bytes();
    bytes.extend_from_slice(body);
    format!("amqp-{:032x}", xxh3_128(&bytes))
}

/// Whether the server writes this header.
fn is_servers(name: &str) -> bool {
    name == "x-death"
        || name == "x-delivery-count"
        || name.starts_with("x-first-death-")
        || name.starts_with("x-last-death-")
}

/// Reads headers, and remembers the first that was nonsense.
pub(super) struct Reader<'a> {
    pub(super) table: &'a FieldTable,
    pub(super) fault: Option<String>,
}

impl<'a> Reader<'a> {
    fn wrong(&mut self, name: &str, what: &str) {
        let name: String = name.chars().take(100).collect();
        self.fault.get_or_insert_with(|| format!("its header {name} is {what}"));
    }

    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let AmqpValue::LongString(text) = self.table.get(name)? else {
            self.wrong(name, "no text");
            return None;
        };
        Some(text)
    }

    pub(super) fn encoded(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let decoded = decode(text);
        if decoded.is_none() {
            self.wrong(name, "not percent-encoded UTF-8");
        }
        decoded
    }

    pub(super) fn number(&mut self, name: &str) -> Option<u64> {
        let value = self.table.get(name)?;
        let number = whole(value).and_then(|number| u64::try_from(number).ok());
        if number.is_none() {
            self.wrong(name, "no number that makes sense");
        }
        number
    }

    pub(super) fn count(&mut self, name: &str) -> u32 {
        self.number(name).map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// The publisher's own headers, heijunka's or another's.
    pub(super) fn headers(&mut self) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::new();
        for (name, value) in self.table {
            if let Some(own) = name.strip_prefix(HEADER) {
                if let (Some(own), Some(value)) = (decode(own), self.encoded(name)) {
                    headers.insert(own, value);
                } else {
                    self.wrong(name, "not percent-encoded UTF-8");
                }
            } else if !name.to_ascii_lowercase().starts_with(RESERVED)
                && !is_servers(name)
                && Name::new(name).is_ok()
                && let Some(value) = plain(value)
            {
                headers.insert(trace::spelt(name).unwrap_or(name).to_owned(), value);
            }
        }
        headers
    }
}

/// A plain value as text.
fn plain(value: &AmqpValue) -> Option<String> {
    match value {
        AmqpValue::LongString(text) if !text.chars().any(char::is_control) => Some(text.clone()),
        AmqpValue::Boolean(value) => Some(value.to_string()),
        AmqpValue::Float(value) => Some(value.to_string()),
        AmqpValue::Double(value) => Some(value.to_string()),
        AmqpValue::Timestamp(value) => Some(value.to_string()),
        value => whole(value).map(|number| number.to_string()),
    }
}

fn whole(value: &AmqpValue) -> Option<i64> {
    match value {
        AmqpValue::ShortShortInt(value) => Some((*value).into()),
        AmqpValue::ShortShortUInt(value) => Some((*value).into()),
        AmqpValue::ShortInt(value) => Some((*value).into()),
        AmqpValue::ShortUInt(value) => Some((*value).into()),
        AmqpValue::LongInt(value) => Some((*value).into()),
        AmqpValue::LongUInt(value) => Some((*value).into()),
        AmqpValue::LongLongInt(value) => Some(*value),
        AmqpValue::LongString(text) => text.parse().ok(),
        _ => None,
    }
}

/// When what is put off for so long is due, if that is longer than any retry lane keeps it.
pub(super) fn due(after: Duration, kept: Duration, now: Timestamp) -> Option<Timestamp> {
    (after > kept).then(|| now.after(after))
}
