//! The headers of an item as they go over the wire, and back.
//!
//! What is heijunka's own begins with `heijunka-`; headers of the publisher are `heijunka-h-{name}`, their values percent-encoded, as the
//! protocol takes neither line ends nor anything but text. Those of trace context stand as they are, where others look for them.

use std::borrow::Cow;
use std::fmt::Write as _;

use async_nats::{HeaderMap, HeaderName, HeaderValue};

use crate::kanban::broker::Death;
use crate::kanban::item::{Item, Lane};
use crate::kanban::trace;

pub(super) const ID: &str = "heijunka-id";
pub(super) const KEY: &str = "heijunka-key";
pub(super) const DEADLINE: &str = "heijunka-deadline";
pub(super) const PUBLISHED: &str = "heijunka-published";
/// What stands before the name of a publisher's header.
pub(super) const OTHER: &str = "heijunka-h-";
pub(super) const REASON: &str = "heijunka-reason";
pub(super) const ERROR: &str = "heijunka-error";
pub(super) const ATTEMPTS: &str = "heijunka-attempts";
pub(super) const DIED: &str = "heijunka-died";
pub(super) const LANE: &str = "heijunka-lane";
/// What the server tells duplicates by.
pub(super) const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Bytes that are kept of the error of a dead letter.
const LONGEST_ERROR: usize = 1024;

/// The headers of an item to be published.
pub(super) fn of_item(item: &Item) -> HeaderMap {
    let mut headers = plain(item);
    put(&mut headers, MESSAGE_ID, &format!("{}:{}", item.lane.domain, item.id));
    headers
}

/// The headers of a dead letter; `of` is the one message it was made of.
pub(super) fn of_death(death: &Death, lane: &Lane, of: &str) -> HeaderMap {
    let mut headers = plain(&death.item);
    put(&mut headers, REASON, death.reason);
    put(&mut headers, ERROR, &encoded(cut(&death.error)));
    put(&mut headers, ATTEMPTS, &death.attempts.to_string());
    put(&mut headers, DIED, &death.at.as_millis().to_string());
    put(&mut headers, LANE, &lane.subject());
    put(&mut headers, MESSAGE_ID, of);
    headers
}

fn plain(item: &Item) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, ID, item.id.as_str());
    if let Some(key) = &item.key {
        put(&mut headers, KEY, &encoded(key));
    }
    if let Some(deadline) = item.deadline {
        put(&mut headers, DEADLINE, &deadline.as_millis().to_string());
    }
    put(&mut headers, PUBLISHED, &item.published.as_millis().to_string());
    for (name, value) in &item.headers {
        if trace::is_plain(name, value) {
            put_other(&mut headers, name, value);
            continue;
        }
        put_other(&mut headers, &format!("{OTHER}{}", encoded(name)), &encoded(value));
    }
    headers
}

/// A header of ours. Of values that hold nothing but visible characters and blanks.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    put_as(headers, HeaderName::from_static(name), value);
}

/// One of the publisher's.
fn put_other(headers: &mut HeaderMap, name: &str, value: &str) {
    // It does not fail: what is encoded has no colon.
    if let Ok(name) = name.parse() {
        put_as(headers, name, value);
    }
}

fn put_as(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Nor does this: it has no line ends.
    if let Ok(value) = value.parse::<HeaderValue>() {
        headers.insert(name, value);
    }
}

/// About what headers take up on the wire.
pub(super) fn size(headers: &HeaderMap) -> usize {
    let of = |(name, values): (&HeaderName, &Vec<HeaderValue>)| {
        let name: &str = name.as_ref();
        values.iter().map(|value| name.len() + value.as_str().len() + 4).sum::<usize>()
    };
    // The version before, and the empty line after.
    14 + headers.iter().map(of).sum::<usize>()
}

/// The beginning of a text, of at most so many bytes.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_ERROR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Everything but visible ASCII as `%XX`, and `%` itself; blanks only at the ends, where they would be cut off.
pub(super) fn encoded(text: &str) -> Cow<'_, str> {
    let last = text.len().saturating_sub(1);
    let safe = |at: usize, byte: u8| {
        byte.is_ascii_graphic() && byte != b'%' && byte != b':' || byte == b' ' && at > 0 && at < last
    };
    if text.bytes().enumerate().all(|(at, byte)| safe(at, byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for (at, byte) in text.bytes().enumerate() {
        if safe(at, byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// What was encoded; `None` if nobody encoded it so.
pub(super) fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        if byte == b'%' {
            let digits = bytes.get(at + 1..at + 3)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            out.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// Names and values of a block of headers as it is stored.
///
/// # Errors
/// What is wrong with it: the client cannot take such a message.
pub(super) fn read(block: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = std::str::from_utf8(block).map_err(|_| "headers that are not UTF-8".to_owned())?;
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default();
    let status = version.strip_prefix("NATS/1.0").ok_or("headers without their version")?.trim();
    if !status.is_empty()
        && status.split(' ').next().is_none_or(|code| code.parse::<async_nats::StatusCode>().is_err())
    {
        return Err("headers with a status that is none".to_owned());
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with(char::is_whitespace)
            && let Some((_, value)) = found.last_mut()
        {
            value.push_str(line.trim_end());
            continue;
        }
        let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
        if name.parse::<HeaderName>().is_err() {
            return Err("a header without a name that is one".to_owned());
        }
        found.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_beginning_of_an_error_ends_between_characters() {
        assert_eq!(cut(&"ä".repeat(1000)).len(), 1024);
        assert_eq!(cut(&format!("a{}", "ä".repeat(1000))).len(), 1023);
    }

    #[test]
    fn what_nobody_encoded_is_not_decoded() {
        for text in ["%", "%4", "%zz", "%+1", "%FF"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn blocks_of_headers_are_read_or_refused() {
        let good = read(b"NATS/1.0\r\nA: 1\r\nB:2\r\n\r\n");
        assert_eq!(good, Ok(vec![("A".into(), "1".into()), ("B".into(), "2".into())]));
        for bad in [&b"\xff"[..], b"", b"HTTP/1.1\r\n", b"NATS/1.0\r\nnothing\r\n\r\n", b"NATS/1.0 x\r\n"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let wire = encoded(&text).into_owned();
            prop_assert!(wire.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            prop_assert_eq!(wire.trim(), &wire);
            prop_assert_eq!(decoded(&wire), Some(text));
        }

        #[test]
        fn any_bytes_are_read_or_refused(block in any::<Vec<u8>>()) {
            let _ = read(&block);
        }
    }
}
