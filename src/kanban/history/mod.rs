//! The history checker: records what became of items, and finds what was lost, doubled, or made up.
//!
//! Producers and handlers tell a [`History`] what they do, on one cluster or on many processes; at the end, with the faults
//! healed and the queue drained, whatever still lies in the broker is told as well, and [`History::check`] compares:
//!
//! - **lost** = confirmed - (done + dead-lettered + dropped + left), which must be empty;
//! - **unexpected** = whatever was never attempted, which must be empty;
//! - **duplicates**: items that were run to success more than once, of which there may be no more than the history explains
//!   by publishes of unknown outcome, by interruptions, and by crashes.
//!
//! The order matters, so that a process may be killed at any instruction: what is about to happen is told before
//! (`attempted`), what has happened after (all else). A handler tells `ran` as the last thing before it returns.
//!
//! Ids must be unique over all that is recorded: with several domains, tell `domain/id`.
//!
//! ```
//! use heijunka::history::History;
//!
//! let history = History::new();
//! for id in ["a", "b", "c"] {
//!     history.attempted(id);
//!     history.confirmed(id); // published, and the broker said so
//! }
//! history.ran("a"); // its handler succeeded
//! history.left(["b"]); // still in the broker
//! let report = history.check();
//! assert!(!report.is_clean());
//! assert_eq!(report.lost.examples, ["c"]);
//! ```

mod line;
mod report;
mod tally;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::Path;

use parking_lot::Mutex;

pub use report::{CheckReport, Ids, LostOf};

use line::{Line, What};
use tally::Tally;

/// Records what became of items. Any thread may tell; each call takes a lock, and with a file one write.
#[derive(Default)]
pub struct History {
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    tally: Tally,
    file: Option<File>,
}

/// A history could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The system said no.
    Io(io::Error),
    /// This line, from 1, is none of a history.
    Line(u64, String),
}

impl History {
    /// An empty one, in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one that also appends each event to this file, a line each by one write, before the call returns: what a
    /// process that is killed leaves behind. Check such files with [`read`](Self::read) and [`merge`](Self::merge).
    ///
    /// A line that the last writer did not finish is closed and marked as torn.
    ///
    /// # Errors
    /// If the file cannot be opened. Should writing fail later, [`CheckReport::unwritten`] tells.
    pub fn append_to(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let end = file.seek(SeekFrom::End(0))?;
        if end > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(end - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(line::TORN.as_bytes())?;
            }
        }
        Ok(Self { record: Mutex::new(Record { tally: Tally::default(), file: Some(file) }) })
    }

    /// Reads what was written by [`append_to`](Self::append_to). A torn line says nothing, and is counted.
    ///
    /// # Errors
    /// [`HistoryError`], with the line.
    pub fn read(mut lines: impl BufRead) -> Result<Self, HistoryError> {
        let (mut tally, mut text, mut number) = (Tally::default(), Vec::new(), 0);
        while lines.read_until(b'\n', &mut text)? > 0 {
            number += 1;
            match Line::parse(&text) {
                Some(Line::Said { what, id, more }) => tally.note(what, &id, more.as_deref()),
                Some(Line::Torn) => tally.torn += 1,
                None => {
                    return Err(HistoryError::Line(number, String::from_utf8_lossy(&text).trim_end().into()));
                }
            }
            text.clear();
        }
        Ok(Self { record: Mutex::new(Record { tally, file: None }) })
    }

    /// Adds all that another one knows, as told after what is told here; nothing of it is written to the file.
    pub fn merge(&self, other: &History) {
        // Not both locks at once: two may merge each other.
        let other = other.record.lock().tally.clone();
        self.record.lock().tally.merge(other);
    }

    /// An item is about to be published. Tell it before the first attempt, and once.
    pub fn attempted(&self, id: &str) {
        self.note(What::Attempted, id, None);
    }

    /// The same, by one of several producers: what is lost is then told by how far each had come, which shows whether it was
    /// lost at the beginning, in the middle or at the end.
    pub fn attempted_by(&self, producer: &str, id: &str) {
        self.note(What::Attempted, id, Some(producer));
    }

    /// The broker confirmed it: from now on it must not be lost.
    pub fn confirmed(&self, id: &str) {
        self.note(What::Confirmed, id, None);
    }

    /// A publish ended without telling whether it is stored. Each explains one duplicate.
    pub fn unknown(&self, id: &str) {
        self.note(What::Unknown, id, None);
    }

    /// Its handler succeeded.
    pub fn ran(&self, id: &str) {
        self.note(What::Ran, id, None);
    }

    /// Something kept the broker from hearing of its end: a lease that passed, a connection that broke. Each explains one
    /// duplicate.
    pub fn interrupted(&self, id: &str) {
        self.note(What::Interrupted, id, None);
    }

    /// A process died that may have held up to `items`, no matter which: this explains as many duplicates.
    pub fn crashed(&self, items: u64) {
        self.note(What::Crashed, &items.to_string(), None);
    }

    /// It is among the dead letters.
    pub fn dead_lettered(&self, id: &str) {
        self.note(What::DeadLettered, id, None);
    }

    /// A configured policy removed it.
    pub fn dropped(&self, id: &str) {
        self.note(What::Dropped, id, None);
    }

    /// These lie in the broker still, at the end.
    pub fn left<I: AsRef<str>>(&self, ids: impl IntoIterator<Item = I>) {
        for id in ids {
            self.note(What::Left, id.as_ref(), None);
        }
    }

    /// Compares all that was told until now.
    #[must_use]
    pub fn check(&self) -> CheckReport {
        self.record.lock().tally.check()
    }

    fn note(&self, what: What, id: &str, more: Option<&str>) {
        let mut record = self.record.lock();
        let Record { tally, file } = &mut *record;
        if let Some(Err(error)) =
            file.as_mut().map(|file| file.write_all(line::write(what, id, more).as_bytes()))
        {
            tally.unwritten.get_or_insert_with(|| error.to_string());
        }
        tally.note(what, id, more);
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record.lock();
        f.debug_struct("History").field("items", &record.tally.len()).finish_non_exhaustive()
    }
}

impl From<io::Error> for HistoryError {
    fn from(error: io::Error) -> Self {
        HistoryError::Io(error)
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryError::Io(error) => write!(f, "the history cannot be read: {error}"),
            HistoryError::Line(number, text) => write!(f, "line {number} is none of a history: {text:?}"),
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HistoryError::Io(error) => Some(error),
            HistoryError::Line(..) => None,
        }
    }
}
