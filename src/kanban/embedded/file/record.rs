//! Items and dead letters as bytes.
//!
//! A record begins with its version, 1. Then follow its fields: numbers in little-endian order, texts and bytes after their length as
//! 32 bits, what may be missing after a byte 0 or 1. An item begins with priority and domain, so that even of one that cannot be
//! read to its end it is mostly known whose it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::kanban::broker::DeadLetter;
use crate::kanban::item::{Item, Lane};
use crate::kanban::name::{ItemId, Name};
use crate::priority::Priority;
use crate::time::Timestamp;

const VERSION: u8 = 1;

/// What came of reading an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// It is as it was.
    Whole(Item),
    /// It is not, but it is known where it belongs: what could be made out of it, and what is wrong.
    Faulty(Item, String),
    /// Not even that is known.
    Homeless(Item, String),
}

pub(super) fn encode_item(item: &Item) -> Vec<u8> {
    let mut out = Vec::with_capacity(item.size() + 64 + item.headers.len() * 8);
    put_item(&mut out, item);
    out
}

pub(super) fn encode_letter(letter: &DeadLetter) -> Vec<u8> {
    let mut out = Vec::with_capacity(letter.item.size() + letter.error.len() + 128);
    out.push(VERSION);
    put_text(&mut out, &letter.reason);
    put_text(&mut out, &letter.error);
    out.extend(letter.attempts.to_le_bytes());
    out.extend(letter.at.as_millis().to_le_bytes());
    put_item(&mut out, &letter.item);
    out
}

/// Reads the item with this number.
pub(super) fn decode_item(number: u64, record: &[u8]) -> Decoded {
    let mut reader = Reader(record);
    let mut lane = None;
    match reader.item(&mut lane) {
        Ok(item) if reader.0.is_empty() => Decoded::Whole(item),
        result => {
            let why = result.err().unwrap_or("there is more than it should be");
            let why = format!("the record of item {number} cannot be read: {why}");
            let known = lane.is_some();
            let item = stand_in(number, record, lane);
            if known { Decoded::Faulty(item, why) } else { Decoded::Homeless(item, why) }
        }
    }
}

/// Reads the dead letter with this number; one that cannot be read says so itself.
pub(super) fn decode_letter(serial: u64, record: &[u8]) -> DeadLetter {
    read_letter(serial, record).unwrap_or_else(|why| {
        let error = format!("the record of dead letter {serial} cannot be read: {why}");
        undecodable(serial, stand_in(serial, record, None), error, Timestamp::default())
    })
}

/// A dead letter for what cannot be read.
pub(super) fn undecodable(serial: u64, item: Item, error: String, at: Timestamp) -> DeadLetter {
    DeadLetter { serial, item: Arc::new(item), reason: "undecodable".into(), error, attempts: 0, at }
}

fn read_letter(serial: u64, record: &[u8]) -> Result<DeadLetter, &'static str> {
    let mut reader = Reader(record);
    reader.version()?;
    let (reason, error) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    let (attempts, at) = (reader.u32()?, Timestamp::from_millis(reader.u64()?));
    let item = Arc::new(reader.item(&mut None)?);
    Ok(DeadLetter { serial, item, reason, error, attempts, at })
}

/// What is shown in place of an item that cannot be read: its payload is the record.
fn stand_in(number: u64, record: &[u8], lane: Option<Lane>) -> Item {
    let lane = lane.unwrap_or_else(|| {
        let domain = Name::new("undecodable").expect("it is a name");
        Lane { priority: Priority::Normal, domain }
    });
    Item {
        id: ItemId::new(&format!("undecodable-{number}")).expect("it is an id"),
        lane,
        key: None,
        payload: Bytes::copy_from_slice(record),
        headers: BTreeMap::new(),
        deadline: None,
        published: Timestamp::default(),
    }
}

fn put_item(out: &mut Vec<u8>, item: &Item) {
    out.push(VERSION);
    out.push(match item.lane.priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    });
    put_text(out, item.lane.domain.as_str());
    put_text(out, item.id.as_str());
    out.extend(item.published.as_millis().to_le_bytes());
    out.push(u8::from(item.deadline.is_some()));
    if let Some(deadline) = item.deadline {
        out.extend(deadline.as_millis().to_le_bytes());
    }
    out.push(u8::from(item.key.is_some()));
    if let Some(key) = &item.key {
        put_text(out, key);
    }
    put_length(out, item.headers.len());
    for (name, value) in &item.headers {
        put_text(out, name);
        put_text(out, value);
    }
    put_length(out, item.payload.len());
    out.extend_from_slice(&item.payload);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // Payloads end at 64 MiB, and everything else long before: more than 32 bits would be cut, and then be unreadable.
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, &'static str> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, &'static str> {
        self.array().map(u64::from_le_bytes)
    }

    fn version(&mut self) -> Result<(), &'static str> {
        if self.u8()? == VERSION { Ok(()) } else { Err("it is of a version that this program does not know") }
    }

    fn bytes(&mut self) -> Result<&'a [u8], &'static str> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|_| "it ends too early")?)
    }

    fn text(&mut self) -> Result<&'a str, &'static str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is no UTF-8")
    }

    fn maybe<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, &'static str>,
    ) -> Result<Option<T>, &'static str> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err("a flag is neither 0 nor 1"),
        }
    }

    /// Reads an item; its lane is told as soon as it is known.
    fn item(&mut self, known: &mut Option<Lane>) -> Result<Item, &'static str> {
        self.version()?;
        let priority = match self.u8()? {
            0 => Priority::High,
            1 => Priority::Normal,
            2 => Priority::Low,
            _ => return Err("it has no priority"),
        };
        let domain = Name::new(self.text()?).map_err(|_| "it has no domain")?;
        let lane = Lane { priority, domain };
        *known = Some(lane.clone());
        let id = ItemId::new(self.text()?).map_err(|_| "it has no id")?;
        let published = Timestamp::from_millis(self.u64()?);
        let deadline = self.maybe(Self::u64)?.map(Timestamp::from_millis);
        let key = self.maybe(Self::text)?.map(Arc::from);
        let mut headers = BTreeMap::new();
        for _ in 0..self.u32()? {
            headers.insert(self.text()?.to_owned(), self.text()?.to_owned());
        }
        let payload = Bytes::copy_from_slice(self.bytes()?);
        Ok(Item { id, lane, key, payload, headers, deadline, published })
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
