//! Counters that go on where the last process left them: what stood in a file is added to what is told, and the sum is written there again.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::runtime::Runtime;
use crate::thread::Managed;
use crate::time::Deadline;

/// What a process that is killed may lose of its counts.
const EVERY: Duration = Duration::from_secs(10);

/// More than this is none of ours.
const LONGEST: u64 = 64 << 20;

/// Keeps the counters and histograms of `/metrics` across restarts, in a file.
#[derive(Debug)]
pub struct Counters {
    path: PathBuf,
    /// What earlier processes counted, by series.
    before: BTreeMap<String, f64>,
    closing: Mutex<bool>,
    closed: Condvar,
}

/// Writes the file again and again; the last time when it is dropped.
#[derive(Debug)]
#[must_use = "it writes for as long as it is kept"]
pub struct Keeping {
    counters: Arc<Counters>,
    thread: Option<Managed>,
}

impl Counters {
    /// Reads the file; that there is none is no fault.
    ///
    /// # Errors
    /// [`CountersError`]: it cannot be read, or written, or is no such file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Arc<Self>, CountersError> {
        let path = path.into();
        let fault = |error| CountersError::File(path.clone(), error);
        let before = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(fault(error)),
            Ok(file) if file.len() > LONGEST => {
                return Err(CountersError::Content(path, "it is too large".into()));
            }
            Ok(_) => {
                let text = fs::read(&path).map_err(fault)?;
                let read: BTreeMap<String, f64> = serde_json::from_slice(&text)
                    .map_err(|error| CountersError::Content(path.clone(), error.to_string()))?;
                if let Some((series, _)) = read.iter().find(|(_, value)| !value.is_finite() || **value < 0.0)
                {
                    return Err(CountersError::Content(path, format!("{series} is no count")));
                }
                read
            }
        };
        // What cannot be written is better known now than when the process ends.
        write(&path, &before).map_err(fault)?;
        Ok(Arc::new(Self { path, before, closing: Mutex::new(false), closed: Condvar::new() }))
    }

    /// Writes what this runtime counts, every ten seconds and at the end, on a thread of its own.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn keep(self: &Arc<Self>, runtime: &Arc<Runtime>) -> io::Result<Keeping> {
        let (counters, counted) = (self.clone(), runtime.clone());
        let thread = Managed::spawn("hj-counters".to_owned(), move || {
            let mut closing = counters.closing.lock();
            loop {
                if !*closing {
                    counters.closed.wait_for(&mut closing, EVERY);
                }
                counters.save(&counted);
                if *closing {
                    return;
                }
            }
        })?;
        Ok(Keeping { counters: self.clone(), thread: Some(thread) })
    }

    /// The same figures, with what was counted before.
    pub(super) fn carry(&self, text: &str) -> String {
        carry(text, &self.before)
    }

    fn save(&self, runtime: &Runtime) {
        let mut sums = self.before.clone();
        sums.extend(counts(&runtime.metrics()).map(|(series, value)| {
            (series.to_owned(), value + self.before.get(series).copied().unwrap_or(0.0))
        }));
        if let Err(error) = write(&self.path, &sums) {
            tracing::warn!(%error, file = %self.path.display(), "the counters cannot be written; the next restart will miss some");
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        *self.counters.closing.lock() = true;
        self.counters.closed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It writes what was counted until now, and ends.
            let _ = thread.join_until(&Deadline::after(EVERY));
        }
    }
}

/// In whole or not at all.
fn write(path: &Path, sums: &BTreeMap<String, f64>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    serde_json::to_writer_pretty(&mut file, sums)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// The series that only rise, with their values.
fn counts(text: &str) -> impl Iterator<Item = (&str, f64)> {
    let mut rises = false;
    text.lines().filter_map(move |line| {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            rises = described.ends_with(" counter") || described.ends_with(" histogram");
        }
        let (series, value) = line.rsplit_once(' ')?;
        Some((series, value.parse().ok()?)).filter(|_| rises && !line.starts_with('#'))
    })
}

fn carry(text: &str, before: &BTreeMap<String, f64>) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    // Both go through the same lines in the same order.
    let mut counted = counts(text).peekable();
    for line in text.lines() {
        let written = match counted
            .next_if(|(series, _)| line.rsplit_once(' ').is_some_and(|(named, _)| named == *series))
        {
            Some((series, value)) => match before.get(series) {
                Some(earlier) => writeln!(out, "{series} {}", value + earlier),
                None => writeln!(out, "{line}"),
            },
            None => writeln!(out, "{line}"),
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    out
}

/// Why counters cannot be kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum CountersError {
    /// The file cannot be read or written.
    File(PathBuf, io::Error),
    /// It holds something else.
    Content(PathBuf, String),
}

impl fmt::Display for CountersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CountersError::File(path, error) => {
                write!(
                    f,
                    "the counters cannot be kept in {}: {error}; make its folder writable, or leave service.state out",
                    path.display()
                )
            }
            CountersError::Content(path, why) => {
                write!(
                    f,
                    "{} holds no counters ({why}): move it away, and they begin at zero",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for CountersError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CountersError::File(_, error) => Some(error),
            CountersError::Content(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a Things.\n# TYPE a counter\na_total{x=\"1 2\"} 3\na_total{x=\"4\"} 5\n\
        # HELP b Level.\n# TYPE b gauge\nb 7\n# TYPE h histogram\nh_sum 0.5\nh_count 2\nh_bucket{le=\"+Inf\"} 2\n# EOF\n";

    #[test]
    fn what_was_counted_before_is_added_to_what_rises_and_to_nothing_else() {
        let before = BTreeMap::from([
            ("a_total{x=\"1 2\"}".to_owned(), 10.0),
            ("b".to_owned(), 10.0),
            ("h_sum".to_owned(), 0.25),
            ("h_bucket{le=\"+Inf\"}".to_owned(), 1.0),
            ("gone_total".to_owned(), 9.0),
        ]);
        let expected = TEXT
            .replace("\"1 2\"} 3", "\"1 2\"} 13")
            .replace("h_sum 0.5", "h_sum 0.75")
            .replace("+Inf\"} 2", "+Inf\"} 3");
        assert_eq!(carry(TEXT, &before), expected);
        assert_eq!(carry(TEXT, &BTreeMap::new()), TEXT);
    }

    #[test]
    fn only_what_rises_is_kept() {
        let series: Vec<&str> = counts(TEXT).map(|(series, _)| series).collect();
        assert_eq!(
            series,
            ["a_total{x=\"1 2\"}", "a_total{x=\"4\"}", "h_sum", "h_count", "h_bucket{le=\"+Inf\"}"]
        );
    }
}
