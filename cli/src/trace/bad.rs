//! What can be wrong with one line.

use std::fmt;
use std::time::Duration;

use super::MAX_LINE;
use super::time;
use super::work::MAX_WORK;
use crate::units::Human;

/// A line that gave no arrival, and why. Its `Display` is the whole message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadLine {
    /// Counted from 1, the header included.
    pub(crate) line: u64,
    pub(crate) fault: Fault,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    TooLong,
    Nul,
    NotUtf8 { column: String },
    ColumnCount { found: usize, header: usize },
    OpenQuote,
    NotJson { why: String, at: usize },
    NotAnObject,
    NotAScalar { column: String },
    NoTime { column: String },
    Time { column: String, text: String },
    Backwards { by: Duration, line: u64, column: String },
    TooFar { column: String },
    NoDomain { column: String },
    UnknownDomain { name: String, known: Vec<String> },
    Priority { column: String, text: String },
    NoWork { column: String },
    Work { column: String, text: String },
    TooMuchWork,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLong => write!(f, "longer than {} KiB, the limit for a line", MAX_LINE / 1024),
            Fault::Nul => {
                f.write_str("holds a NUL byte; expected text (UTF-8, not UTF-16 and not compressed)")
            }
            Fault::NotUtf8 { column } => write!(f, "column {column:?} is not UTF-8 text"),
            Fault::ColumnCount { found, header } => {
                write!(f, "{found} columns, where the header has {header}")
            }
            Fault::OpenQuote => f.write_str("a quoted cell is opened and not closed"),
            Fault::NotJson { why, at } => {
                write!(f, "not JSON at column {at}: {why}; expected one object per line")
            }
            Fault::NotAnObject => f.write_str("not a JSON object; expected one object per line"),
            Fault::NotAScalar { column } => {
                write!(f, "{column:?} is an array or an object; expected text or a number")
            }
            Fault::NoTime { column } => write!(f, "no time in {column:?}; expected {}", time::EXPECTED),
            Fault::Time { column, text } => {
                write!(f, "{} in {column:?} is not a time; expected {}", Excerpt(text), time::EXPECTED)
            }
            Fault::Backwards { by, line, column } => write!(
                f,
                "time runs backwards by {} from line {line}; sort the trace by its column {column:?}",
                Human(*by)
            ),
            Fault::TooFar { column } => {
                write!(
                    f,
                    "the time in {column:?} is more than 500 years after the first; expected times of one form"
                )
            }
            Fault::NoDomain { column } => write!(f, "no domain in {column:?}; expected the name of one"),
            Fault::UnknownDomain { name, known } => {
                write!(f, "unknown domain {}; expected one of {}", Excerpt(name), known.join(", "))
            }
            Fault::Priority { column, text } => {
                write!(f, "{} in {column:?} is not a priority; expected high, normal or low", Excerpt(text))
            }
            Fault::NoWork { column } => {
                write!(f, "no work in {column:?}; expected a number or a duration such as 350us")
            }
            Fault::Work { column, text } => {
                write!(
                    f,
                    "{} in {column:?} is not work; expected a number or a duration such as 350us",
                    Excerpt(text)
                )
            }
            Fault::TooMuchWork => {
                write!(f, "more work than {}, the limit for a job; is --work-unit right?", Human(MAX_WORK))
            }
        }
    }
}

/// A foreign text as a message may show it: quoted, escaped, and its beginning only.
struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 40;
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_cut_and_escaped() {
        let bad = BadLine {
            line: 3,
            fault: Fault::Priority { column: "p".into(), text: format!("\u{1b}[31m{}", "x".repeat(100)) },
        };
        let shown = bad.to_string();
        assert!(shown.starts_with(r#"line 3: "\u{1b}[31mxxx"#), "{shown}");
        assert!(shown.ends_with(
            r#"…  in "p" is not a priority; expected high, normal or low"#.replace("…  ", "… ").as_str()
        ));
        assert!(shown.len() < 140, "{shown}");
    }
}
