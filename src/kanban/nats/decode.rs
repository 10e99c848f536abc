//! From a message to an item: ours, or that of any other client.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::headers::{self, DEADLINE, ID, KEY, OTHER, PUBLISHED};
use crate::kanban::broker::DeadLetter;
use crate::kanban::item::{Item, Lane, RESERVED};
use crate::kanban::name::{ItemId, Name};
use crate::kanban::trace;
use crate::time::Timestamp;

/// What a server adds for itself.
const SERVERS: &str = "nats-";

/// Where a message stands: what its id is made of if it has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) stream: &'a str,
    pub(super) sequence: u64,
    /// When it was stored, in milliseconds since 1970.
    pub(super) stored: u64,
}

impl Place<'_> {
    /// The same however often it is delivered.
    pub(super) fn id(&self) -> ItemId {
        let text = format!("{}:{}", self.stream, self.sequence);
        // A name and a number: always an id.
        ItemId::new(&text).unwrap_or_else(|_| ItemId::unique())
    }
}

/// The item, and what is wrong with it if it cannot be what its publisher meant.
pub(super) fn item<'h>(
    lane: &Lane,
    place: Place<'_>,
    fields: impl Iterator<Item = (&'h str, &'h str)>,
    payload: Bytes,
) -> (Item, Option<String>) {
    let mut found = Found::default();
    for (name, value) in fields {
        found.field(name, value);
    }
    let item = Item {
        id: found.id.unwrap_or_else(|| place.id()),
        lane: lane.clone(),
        key: found.key,
        payload,
        headers: found.headers,
        deadline: found.deadline,
        published: found.published.unwrap_or(Timestamp::from_millis(place.stored)),
    };
    (item, found.fault)
}

#[derive(Default)]
struct Found {
    id: Option<ItemId>,
    key: Option<Arc<str>>,
    deadline: Option<Timestamp>,
    published: Option<Timestamp>,
    headers: BTreeMap<String, String>,
    fault: Option<String>,
}

impl Found {
    fn field(&mut self, name: &str, value: &str) {
        let done = match name {
            ID => ItemId::new(value).ok().map(|id| self.id = Some(id)),
            KEY => headers::decoded(value).map(|key| self.key = Some(key.into())),
            DEADLINE => time(value).map(|at| self.deadline = Some(at)),
            PUBLISHED => time(value).map(|at| self.published = Some(at)),
            _ => {
                if let Some(own) = name.strip_prefix(OTHER) {
                    self.own(own, value)
                } else {
                    self.foreign(name, value);
                    Some(())
                }
            }
        };
        if done.is_none() && self.fault.is_none() {
            let shown: String = value.chars().take(100).collect();
            self.fault =
                Some(format!("the header {name} says {shown:?}, which is nothing that heijunka writes"));
        }
    }

    fn own(&mut self, name: &str, value: &str) -> Option<()> {
        let (name, value) = (headers::decoded(name)?, headers::decoded(value)?);
        Name::new(&name).ok()?;
        self.headers.insert(name, value);
        Some(())
    }

    /// Another client's: passed on if an item may have it.
    fn foreign(&mut self, name: &str, value: &str) {
        let lower = name.to_ascii_lowercase();
        let is_plain = Name::new(name).is_ok() && !lower.starts_with(RESERVED) && !lower.starts_with(SERVERS);
        if is_plain && !value.chars().any(char::is_control) {
            self.headers.insert(trace::spelt(name).unwrap_or(name).to_owned(), value.to_owned());
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_millis)
}

/// The dead letter that a message of their stream is. What cannot be read of it is left empty: it is shown all the same.
pub(super) fn letter(
    lane: &Lane,
    place: Place<'_>,
    fields: &[(String, String)],
    payload: Bytes,
) -> DeadLetter {
    let fields_of = || fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let get = |wanted: &str| fields_of().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let lane = get(headers::LANE).and_then(super::names::lane_of).unwrap_or_else(|| lane.clone());
    let (item, _) = item(&lane, place, fields_of(), payload);
    DeadLetter {
        serial: place.sequence,
        item: Arc::new(item),
        reason: get(headers::REASON).unwrap_or("unknown").to_owned(),
        error: get(headers::ERROR).and_then(headers::decoded).unwrap_or_default(),
        attempts: get(headers::ATTEMPTS).and_then(|count| count.parse().ok()).unwrap_or(0),
        at: get(headers::DIED).and_then(time).unwrap_or(Timestamp::from_millis(place.stored)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::priority::Priority;

    fn lane() -> Lane {
        Lane { priority: Priority::Normal, domain: Name::new("mail").expect("it is a name") }
    }

    const PLACE: Place<'static> = Place { stream: "KANBAN", sequence: 7, stored: 1000 };

    fn decode(fields: &[(&str, &str)]) -> (Item, Option<String>) {
        item(&lane(), PLACE, fields.iter().copied(), Bytes::new())
    }

    #[test]
    fn a_message_of_any_client_is_an_item() {
        let (item, fault) =
            decode(&[("Trace", "1"), ("Nats-Msg-Id", "x"), ("With Blank", "2"), ("heijunka-new", "3")]);
        assert_eq!(fault, None);
        assert_eq!(item.id.as_str(), "KANBAN:7");
        assert_eq!(item.published, Timestamp::from_millis(1000));
        assert_eq!(item.headers, BTreeMap::from([("Trace".to_owned(), "1".to_owned())]));
    }

    #[test]
    fn a_header_that_says_nonsense_is_a_fault() {
        for (name, value) in
            [(ID, "a b"), (DEADLINE, "soon"), (PUBLISHED, "-1"), (KEY, "%zz"), ("heijunka-h-a%", "1")]
        {
            let (item, fault) = decode(&[(name, value)]);
            assert!(fault.is_some_and(|fault| fault.contains(name)), "{name}");
            assert_eq!(item.id.as_str(), "KANBAN:7");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(fields in prop::collection::vec((any::<String>(), any::<String>()), 0..8)) {
            let named: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let _ = decode(&named);
            let _ = letter(&lane(), PLACE, &fields, Bytes::new());
        }
    }
}
