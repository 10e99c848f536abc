//! Traces: arrivals, recorded or made up.
//!
//! - [`lines`](crate::lines) bounds what an input can make us hold, [`csv`] and [`ndjson`] cut it into rows;
//! - [`columns`] says which column means what, [`reader`] makes arrivals of rows;
//! - [`source`] opens a trace and finds its domains, [`builtin`] makes one up;
//! - [`bad`] is everything that can be wrong with a line.

mod bad;
mod builtin;
mod columns;
mod csv;
mod domains;
mod ndjson;
mod reader;
mod row;
mod source;
mod time;
mod work;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use bad::BadLine;
pub(crate) use builtin::Day;
pub(crate) use columns::Columns;
pub(crate) use domains::Domains;
pub(crate) use source::{Input, Reading, Source};

/// Bytes a line, or a CSV record of several lines, may have.
const MAX_LINE: usize = 64 * 1024;

/// A job that arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// After the first arrival of the trace.
    pub(crate) at: Duration,
    /// Index into the trace's [`Domains`].
    pub(crate) domain: usize,
    pub(crate) key: heijunka::Key,
    pub(crate) priority: heijunka::Priority,
    pub(crate) work: Duration,
    /// How far into the trace it stands, in the unit of [`Source::length`].
    pub(crate) position: u64,
}

/// What a trace gives, one after the other. After a [`Trouble::Trace`] it gives nothing more.
pub(crate) type Arrivals = Box<dyn Iterator<Item = Result<Arrival, Trouble>> + Send>;

/// Why a trace gave no arrival.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A line is unusable; the next may be fine.
    Line(BadLine),
    /// The trace is unusable.
    Trace(TraceError),
}

impl From<TraceError> for Trouble {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

/// Why a trace cannot be replayed at all.
#[derive(Debug)]
pub(crate) enum TraceError {
    Open(PathBuf, io::Error),
    Directory(PathBuf),
    Read(io::Error),
    Empty,
    NoLines,
    NoArrivals,
    AllBad { count: u64, first: Box<BadLine> },
    Header(BadLine),
    NoColumn { column: String, option: &'static str, found: Vec<String> },
    TooManyDomains { limit: usize },
    UnknownDomain { name: String, known: Vec<String> },
    Strict(Box<BadLine>),
}

impl TraceError {
    /// The configuration lacks a domain of the trace.
    pub(crate) fn unknown_domain(name: &str, known: &Domains) -> Self {
        Self::UnknownDomain { name: name.to_owned(), known: known.names().to_vec() }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Open(path, error) => write!(f, "cannot open {}: {error}", path.display()),
            TraceError::Directory(path) => {
                write!(f, "{} is a directory; expected a CSV or NDJSON file", path.display())
            }
            TraceError::Read(error) => write!(f, "cannot read the trace: {error}"),
            TraceError::Empty => {
                f.write_str("the trace is empty; expected a CSV header and lines, or NDJSON objects")
            }
            TraceError::NoLines => f.write_str("the trace has a header and no lines after it"),
            TraceError::NoArrivals => f.write_str(
                "the built-in day has no arrivals; expected a longer --duration or a higher --rate",
            ),
            TraceError::AllBad { count: 1, first } => write!(f, "the only line of the trace is bad: {first}"),
            TraceError::AllBad { count, first } => {
                write!(f, "all {count} lines of the trace are bad, the first of them: {first}")
            }
            TraceError::Header(bad) => write!(f, "the header cannot be read: {bad}"),
            TraceError::NoColumn { column, option, found } => {
                write!(
                    f,
                    "the trace has no column {column:?}; it has {}; name the right one with {option}",
                    Names(found)
                )
            }
            TraceError::TooManyDomains { limit } => write!(
                f,
                "the trace names more than {limit} domains; name another --domain-column, one --domain for all, or a --config"
            ),
            TraceError::UnknownDomain { name, known } => {
                write!(f, "the configuration has no domain {name:?}; it has {}", Names(known))
            }
            TraceError::Strict(bad) => write!(f, "{bad} (--strict stops at the first bad line)"),
        }
    }
}

/// The first few names of a list that may be a whole foreign file's header.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (i, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", name.chars().take(60).collect::<String>().escape_debug())?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
