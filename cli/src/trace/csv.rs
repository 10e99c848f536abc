//! CSV: a header line, then one record per arrival; quoted cells may hold line ends.

use std::io::BufRead;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use super::MAX_LINE;
use super::bad::{BadLine, Fault};
use super::columns::{Columns, Slot};
use super::row::Row;
use super::{TraceError, Trouble};
use crate::lines::{Line, Lines};

/// Reads records one by one.
pub(super) struct Csv<R> {
    lines: Lines<R>,
    parser: csv_core::Reader,
    /// Cells in the header, and where in a record each wanted one stands.
    header: usize,
    places: Vec<(Slot, usize, String)>,
    slots: usize,
    /// Whether anything followed the header.
    begun: bool,
    /// The lines of the current record as read, its cells one after the other, and where each ends.
    raw: Vec<u8>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: BufRead> Csv<R> {
    /// Reads the header and finds the columns in it.
    pub(super) fn open(input: R, columns: &Columns) -> Result<Self, TraceError> {
        let mut parser = ReaderBuilder::new();
        parser.delimiter(columns.delimiter.unwrap_or(b',')).terminator(Terminator::Any(b'\n'));
        let mut csv = Self {
            lines: Lines::new(input, MAX_LINE),
            parser: parser.build(),
            header: 0,
            begun: false,
            places: Vec::new(),
            slots: columns.slots(),
            raw: Vec::new(),
            cells: Vec::new(),
            ends: Vec::new(),
        };
        match csv.record() {
            Ok(Some(_)) => csv.find(columns)?,
            Ok(None) => return Err(TraceError::Empty),
            Err(Trouble::Line(bad)) => return Err(TraceError::Header(bad)),
            Err(Trouble::Trace(error)) => return Err(error),
        }
        Ok(csv)
    }

    fn find(&mut self, columns: &Columns) -> Result<(), TraceError> {
        let line = self.lines.number();
        let names: Vec<&str> = (0..self.ends.len())
            .map(|nth| {
                let column = format!("number {}", nth + 1);
                str::from_utf8(self.cell(nth))
                    .map(str::trim)
                    .map_err(|_| TraceError::Header(BadLine { line, fault: Fault::NotUtf8 { column } }))
            })
            .collect::<Result<_, _>>()?;
        columns.check(|wanted| names.contains(&wanted), &names)?;
        let place = |wanted: &str| names.iter().position(|&name| name == wanted);
        let places = columns
            .wanted()
            .filter_map(|(slot, column)| Some((slot, place(&column.name)?, column.name.clone())))
            .collect();
        self.header = names.len();
        self.places = places;
        Ok(())
    }

    /// Fills `row` with the next record; false after the last.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        let Some(line) = self.record()? else {
            return if self.begun { Ok(false) } else { Err(TraceError::NoLines.into()) };
        };
        let bad = |fault| Trouble::Line(BadLine { line, fault });
        if self.ends.len() != self.header {
            return Err(bad(Fault::ColumnCount { found: self.ends.len(), header: self.header }));
        }
        row.reset(self.slots);
        row.line = line;
        row.position = self.lines.position();
        for (slot, nth, name) in &self.places {
            match str::from_utf8(self.cell(*nth)) {
                Ok(cell) => row.set(*slot, cell),
                Err(_) => return Err(bad(Fault::NotUtf8 { column: name.clone() })),
            }
        }
        Ok(true)
    }

    fn cell(&self, nth: usize) -> &[u8] {
        let start = if nth == 0 { 0 } else { self.ends[nth - 1] };
        &self.cells[start..self.ends[nth]]
    }

    /// Parses the next record into `cells` and `ends`; gives the number of its first line.
    fn record(&mut self) -> Result<Option<u64>, Trouble> {
        self.raw.clear();
        while self.raw.trim_ascii().is_empty() {
            self.raw.clear();
            if !self.append()? {
                return Ok(None);
            }
        }
        let first = self.lines.number();
        let first_ends = self.raw.len();
        self.parser.reset(); // from within an open quote, if there was one
        let (mut read, mut written, mut ended) = (0, 0, 0);
        loop {
            // A cell is never longer than what it was read from, so `cells` is always large enough.
            self.cells.resize(self.raw.len(), 0);
            self.ends.resize((ended + 16).max(self.ends.len()), 0);
            let (result, r, w, e) = self.parser.read_record(
                &self.raw[read..],
                &mut self.cells[written..],
                &mut self.ends[ended..],
            );
            (read, written, ended) = (read + r, written + w, ended + e);
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::OutputEndsFull | ReadRecordResult::OutputFull => {}
                // The line has ended and the record has not: a quote is open.
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                    if self.raw.len() > MAX_LINE || !self.append()? {
                        self.lines.give_back(&self.raw[first_ends..]);
                        return Err(Trouble::Line(BadLine { line: first, fault: Fault::OpenQuote }));
                    }
                }
            }
        }
        self.ends.truncate(ended);
        Ok(Some(first))
    }

    /// Appends a line to `raw`; false after the last.
    fn append(&mut self) -> Result<bool, Trouble> {
        let start = self.raw.len();
        let line = self.lines.read(&mut self.raw).map_err(TraceError::Read)?;
        let number = self.lines.number();
        self.begun |= self.header > 0 && (line == Line::TooLong || !self.raw.trim_ascii().is_empty());
        match line {
            Line::End => Ok(false),
            Line::TooLong => Err(Trouble::Line(BadLine { line: number, fault: Fault::TooLong })),
            Line::Text if self.raw[start..].contains(&0) => {
                Err(Trouble::Line(BadLine { line: number, fault: Fault::Nul }))
            }
            Line::Text => Ok(true),
        }
    }
}
