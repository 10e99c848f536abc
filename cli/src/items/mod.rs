//! Items to be published, one JSON object per line:
//!
//! ```text
//! {"domain": "mail", "payload": "hello", "priority": "high", "headers": {"lang": "en"}}
//! {"domain": "mail", "payload": {"to": "somebody"}, "id": "order-17", "key": "customer 42"}
//! {"domain": "mail", "payload_base64": "AAEC", "deadline": "10m"}
//! ```

mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead};
use std::time::Duration;

use heijunka::{ItemSpec, Priority, Timestamp};

use crate::lines::{Line, Lines};

/// Bytes a line may have: the largest payload, 64 MiB, in base64, and room for the rest.
const MAX_LINE: usize = 96 * 1024 * 1024;

/// A buffer larger than this is not kept for the next line.
const KEPT: usize = 1024 * 1024;

/// Reads items. After a bad line it goes on with the next one, after [`Trouble::Read`] it gives nothing more.
pub(crate) struct Items<R> {
    lines: Lines<R>,
    /// For lines without one.
    domain: Option<String>,
    text: Vec<u8>,
    ended: bool,
}

/// An item as a line tells it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ItemLine {
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) domain: String,
    pub(crate) priority: Priority,
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) payload: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) deadline: Option<Until>,
}

/// Until when an item is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    At(Timestamp),
    /// From its publication.
    In(Duration),
}

impl From<ItemLine> for ItemSpec {
    fn from(line: ItemLine) -> Self {
        let ItemLine { line: _, domain, priority, id, key, payload, headers, deadline } = line;
        let item = ItemSpec::new(domain).priority(priority).payload(payload);
        let item = if let Some(id) = id { item.id(id) } else { item };
        let item = if let Some(key) = key { item.key(key) } else { item };
        let item = match deadline {
            None => item,
            Some(Until::At(at)) => item.deadline(at),
            Some(Until::In(after)) => item.deadline_in(after),
        };
        headers.into_iter().fold(item, |item, (name, value)| item.header(name, value))
    }
}

/// As of items: what payload and headers hold may be secret.
impl fmt::Debug for ItemLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemLine")
            .field("line", &self.line)
            .field("domain", &self.domain)
            .field("id", &self.id)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish_non_exhaustive()
    }
}

/// Why a line gave no item.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is wrong; the next may be fine.
    Line(BadItem),
    /// The input cannot be read.
    Read(io::Error),
}

/// A line that is no item, and why. Its `Display` is the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadItem {
    /// Counted from 1.
    pub(crate) line: u64,
    /// In characters, from 1.
    pub(crate) column: usize,
    pub(crate) what: String,
}

impl<R: BufRead> Items<R> {
    /// `domain` is for lines that name none.
    pub(crate) fn new(input: R, domain: Option<String>) -> Self {
        Self::up_to(MAX_LINE, input, domain)
    }

    fn up_to(most: usize, input: R, domain: Option<String>) -> Self {
        Self { lines: Lines::new(input, most), domain, text: Vec::new(), ended: false }
    }

    /// Reads the next line that is not blank; false after the last.
    fn line(&mut self) -> Result<bool, Trouble> {
        loop {
            self.text.clear();
            self.text.shrink_to(KEPT);
            match self.lines.read(&mut self.text).map_err(Trouble::Read)? {
                Line::End => return Ok(false),
                Line::TooLong => {
                    let most = self.lines.most();
                    return Err(self.bad(most, format!("longer than {most} bytes, the limit for a line")));
                }
                Line::Text if self.text.trim_ascii().is_empty() => {}
                Line::Text => return Ok(true),
            }
        }
    }

    fn item(&self) -> Result<ItemLine, Trouble> {
        let text = self.text.trim_ascii_end();
        let text = str::from_utf8(text).map_err(|error| {
            self.bad(error.valid_up_to(), "not UTF-8 text: a payload of other bytes goes into payload_base64")
        })?;
        let (line, domain) = (self.lines.number(), self.domain.as_deref());
        row::parse(line, text, domain).map_err(|fault| self.bad(fault.at, fault.what))
    }

    /// Something is wrong after the first `at` bytes of the line.
    fn bad(&self, at: usize, what: impl Into<String>) -> Trouble {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let column = if self.text.is_empty() {
            // It was not kept; whatever it holds, it has about so many columns.
            at + 1
        } else {
            String::from_utf8_lossy(before).chars().count() + 1
        };
        Trouble::Line(BadItem { line: self.lines.number(), column, what: what.into() })
    }
}

impl<R: BufRead> Iterator for Items<R> {
    type Item = Result<ItemLine, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.line() {
            Ok(true) => Some(self.item()),
            Ok(false) => {
                self.ended = true;
                None
            }
            Err(trouble) => {
                self.ended = matches!(trouble, Trouble::Read(_));
                Some(Err(trouble))
            }
        }
    }
}

impl fmt::Display for BadItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Line(bad) => bad.fmt(f),
            Trouble::Read(error) => write!(f, "cannot read the items: {error}"),
        }
    }
}
