//! The lines of a history: `WHAT ID`, or `attempted ID PRODUCER`.

use std::fmt::Write;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Attempted,
    Confirmed,
    Unknown,
    Ran,
    Interrupted,
    /// Of no item: its id is a number of items.
    Crashed,
    DeadLettered,
    Dropped,
    Left,
}

impl What {
    pub(super) const ALL: [What; 9] = [
        What::Attempted,
        What::Confirmed,
        What::Unknown,
        What::Ran,
        What::Interrupted,
        What::Crashed,
        What::DeadLettered,
        What::Dropped,
        What::Left,
    ];

    const fn name(self) -> &'static str {
        match self {
            What::Attempted => "attempted",
            What::Confirmed => "confirmed",
            What::Unknown => "unknown",
            What::Ran => "ran",
            What::Interrupted => "interrupted",
            What::Crashed => "crashed",
            What::DeadLettered => "dead_lettered",
            What::Dropped => "dropped",
            What::Left => "left",
        }
    }
}

/// Closes a line that its writer did not finish. No other line ends so, as words never hold a bare `!`.
pub(super) const TORN: &str = " !\n";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Said { what: What, id: String, more: Option<String> },
    Torn,
}

impl Line {
    /// Reads a line with its end; one without is torn. `None` if it is no line of a history.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        if text.ends_with(TORN.as_bytes()) || !text.ends_with(b"\n") {
            return Some(Line::Torn);
        }
        let mut words = std::str::from_utf8(text).ok()?.trim_end_matches('\n').split(' ');
        let name = words.next()?;
        let what = What::ALL.into_iter().find(|what| what.name() == name)?;
        let id = decoded(words.next()?)?;
        let more = words.next().map(decoded);
        if what == What::Crashed && id.parse::<u64>().is_err() {
            return None;
        }
        match (words.next(), more) {
            (None, None) => Some(Line::Said { what, id, more: None }),
            (None, Some(Some(more))) if what == What::Attempted => {
                Some(Line::Said { what, id, more: Some(more) })
            }
            _ => None,
        }
    }
}

pub(super) fn write(what: What, id: &str, more: Option<&str>) -> String {
    let mut line = format!("{} ", what.name());
    encode(&mut line, id);
    if let Some(more) = more {
        line.push(' ');
        encode(&mut line, more);
    }
    line.push('\n');
    line
}

/// Visible ASCII stays, all else becomes `%` and two hexadecimal digits; a `%` alone is the empty word.
fn encode(line: &mut String, word: &str) {
    if word.is_empty() {
        line.push('%');
    }
    for byte in word.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && byte != b'!' {
            line.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(line, "%{byte:02X}");
        }
    }
}

fn decoded(word: &str) -> Option<String> {
    match word {
        "" => return None,
        "%" => return Some(String::new()),
        _ => {}
    }
    let mut parts = word.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
