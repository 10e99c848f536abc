//! Makes arrivals of rows.

use std::io::BufRead;
use std::time::Duration;

use heijunka::{Key, Priority};

use super::bad::{BadLine, Fault};
use super::columns::{Columns, DomainFrom, Slot};
use super::csv::Csv;
use super::domains::Domains;
use super::ndjson::Ndjson;
use super::row::Row;
use super::time::{self, Nanos};
use super::work::{self, MAX_WORK};
use super::{Arrival, TraceError, Trouble};
use crate::args::Format;

/// The domain of lines that cannot name one, the trace having no such column.
const DEFAULT_DOMAIN: &str = "default";

/// Reads a trace arrival by arrival, holding one line at a time.
pub(super) struct Reader<R> {
    rows: Rows<R>,
    row: Row,
    columns: Columns,
    domains: Domains,
    /// The times of the first arrival and of the latest one, and the latter's line.
    times: Option<(Nanos, Nanos, u64)>,
    /// Nothing more can come.
    ended: bool,
}

enum Rows<R> {
    Csv(Box<Csv<R>>),
    Ndjson(Box<Ndjson<R>>),
}

impl<R: BufRead> Reader<R> {
    pub(super) fn open(
        input: R,
        format: Format,
        columns: Columns,
        domains: Domains,
    ) -> Result<Self, TraceError> {
        let rows = match format {
            Format::Csv => Rows::Csv(Box::new(Csv::open(input, &columns)?)),
            Format::Ndjson => Rows::Ndjson(Box::new(Ndjson::open(input, &columns))),
        };
        Ok(Self { rows, row: Row::default(), columns, domains, times: None, ended: false })
    }

    /// The domains given at the start, and those met so far; from now on others are faults.
    pub(super) fn close_domains(&mut self) -> Domains {
        self.domains.close();
        self.domains.clone()
    }

    fn read(&mut self) -> Result<Option<Arrival>, Trouble> {
        let more = match &mut self.rows {
            Rows::Csv(csv) => csv.next(&mut self.row)?,
            Rows::Ndjson(ndjson) => ndjson.next(&mut self.row)?,
        };
        if !more {
            return Ok(None);
        }
        let line = self.row.line;
        let bad = |fault| Trouble::Line(BadLine { line, fault });
        let time = self.time().map_err(bad)?;
        let priority = self.priority().map_err(bad)?;
        let work = self.work().map_err(bad)?;
        let at = self.offset(time).map_err(bad)?;
        // Last of all, so that a line bad in another way does not bring its domain into being.
        let domain = self.domain()?;
        self.times = Some((self.times.map_or(time, |(first, ..)| first), time, line));
        let key = self.row.get(Slot::KEY).map_or_else(|| Key::from(line), Key::from);
        Ok(Some(Arrival { at, domain, key, priority, work, position: self.row.position }))
    }

    fn time(&self) -> Result<Nanos, Fault> {
        let column = || self.columns.time.name.clone();
        let text = self.row.get(Slot::TIME).ok_or_else(|| Fault::NoTime { column: column() })?;
        time::parse(text, self.columns.time_unit.as_nanos())
            .ok_or_else(|| Fault::Time { column: column(), text: text.to_owned() })
    }

    /// How long after the first arrival `time` is.
    fn offset(&self, time: Nanos) -> Result<Duration, Fault> {
        let column = || self.columns.time.name.clone();
        let (first, latest, line) = self.times.unwrap_or((time, time, 0));
        let nanos = |span: Nanos| u64::try_from(span).map_or(Duration::MAX, Duration::from_nanos);
        if time < latest {
            return Err(Fault::Backwards { by: nanos(latest.saturating_sub(time)), line, column: column() });
        }
        match nanos(time.saturating_sub(first)) {
            Duration::MAX => Err(Fault::TooFar { column: column() }),
            at => Ok(at),
        }
    }

    fn domain(&mut self) -> Result<usize, Trouble> {
        let name = match &self.columns.domain {
            DomainFrom::Option(name) => name,
            DomainFrom::Column(column) => match self.row.get(Slot::DOMAIN) {
                Some(name) => name,
                None if self.row.has(Slot::DOMAIN) || column.required => {
                    let fault = Fault::NoDomain { column: column.name.clone() };
                    return Err(Trouble::Line(BadLine { line: self.row.line, fault }));
                }
                None => match self.domains.only() {
                    Some(index) => return Ok(index),
                    None => DEFAULT_DOMAIN,
                },
            },
        };
        self.domains.index(name, self.row.line)
    }

    fn priority(&self) -> Result<Priority, Fault> {
        let Some(text) = self.row.get(Slot::PRIORITY) else { return Ok(Priority::default()) };
        text.parse().map_err(|_| Fault::Priority {
            column: self.columns.priority.name.clone(),
            text: text.to_owned(),
        })
    }

    /// The sum of the work columns; the default where no column was named and the line has none.
    fn work(&self) -> Result<Duration, Fault> {
        let mut sum = Duration::ZERO;
        for (nth, column) in self.columns.work.iter().enumerate() {
            let name = || column.name.clone();
            sum = sum.saturating_add(match self.row.get(Slot::work(nth)) {
                Some(text) => work::parse(text, self.columns.work_unit)
                    .ok_or_else(|| Fault::Work { column: name(), text: text.to_owned() })?,
                None if column.required => return Err(Fault::NoWork { column: name() }),
                None => self.columns.default_work,
            });
        }
        if sum > MAX_WORK { Err(Fault::TooMuchWork) } else { Ok(sum) }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Arrival, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = matches!(item, None | Some(Err(Trouble::Trace(_))));
        item
    }
}
