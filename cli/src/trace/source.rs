//! Opens a trace and finds out which domains it has.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::builtin::{self, Day};
use super::columns::Columns;
use super::domains::Domains;
use super::reader::Reader;
use super::{Arrivals, TraceError, Trouble};
use crate::args::Format;

/// Lines read ahead of a pipe to find its domains, where no option or configuration names them.
pub(crate) const LOOK_AHEAD: usize = 10_000;

/// Where the arrivals come from.
#[derive(Debug)]
pub(crate) enum Input {
    Builtin(Day),
    Stdin,
    File(PathBuf),
}

/// How a recorded trace is read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) format: Option<Format>,
    pub(crate) columns: Columns,
    pub(crate) strict: bool,
}

/// An opened trace.
pub(crate) struct Source {
    pub(crate) arrivals: Arrivals,
    pub(crate) domains: Domains,
    /// Its length in the unit of [`Arrival::position`](super::Arrival::position), where it is known.
    pub(crate) length: Option<u64>,
}

impl Source {
    /// Opens `input`, whose domains are `known` or else found in it: a file is read once for that, and a pipe's
    /// first [`LOOK_AHEAD`] lines are held.
    pub(crate) fn open(input: Input, reading: Reading, known: Option<Domains>) -> Result<Self, TraceError> {
        let known = match (reading.columns.domain_option(), known) {
            (Some(name), Some(known)) if !known.names().iter().any(|n| n == name) => {
                return Err(TraceError::UnknownDomain {
                    name: name.to_owned(),
                    known: known.names().to_vec(),
                });
            }
            (Some(name), None) => Some(Domains::known([name.to_owned()])),
            (_, known) => known,
        };
        match input {
            Input::Builtin(day) => Self::day(day, known),
            Input::Stdin => Self::stream(BufReader::new(io::stdin()), &reading, known),
            Input::File(path) => {
                let (file, length) = open(&path)?;
                let reading = reading.by_extension(&path);
                match length {
                    None => Self::stream(BufReader::new(file), &reading, known),
                    Some(length) => Self::file(&path, file, length, &reading, known),
                }
            }
        }
    }

    fn day(day: Day, known: Option<Domains>) -> Result<Self, TraceError> {
        let length = day.length();
        let domains = match known {
            Some(domains) => domains,
            None => Domains::known(builtin::DOMAINS.map(str::to_owned)),
        };
        let arrivals = day.arrivals(&domains)?;
        Ok(Self { arrivals: Box::new(arrivals.map(Ok)), domains, length: Some(length) })
    }

    /// A file that can be read twice.
    fn file(
        path: &Path,
        file: File,
        length: u64,
        reading: &Reading,
        known: Option<Domains>,
    ) -> Result<Self, TraceError> {
        let scanned = reading.strict || known.is_none();
        let mut domains = known.unwrap_or_default();
        if scanned {
            let mut scan = reading.reader(BufReader::new(file), domains)?;
            for item in &mut scan {
                match item {
                    Err(Trouble::Trace(error)) => return Err(error),
                    Err(Trouble::Line(bad)) if reading.strict => {
                        return Err(TraceError::Strict(Box::new(bad)));
                    }
                    Ok(_) | Err(Trouble::Line(_)) => {}
                }
            }
            domains = scan.close_domains();
        }
        let (file, _) = open(path)?;
        let reader = reading.reader(BufReader::new(file), domains.clone())?;
        Ok(Self { arrivals: Box::new(reader), domains, length: Some(length) })
    }

    /// An input that can be read only once.
    fn stream(
        input: impl BufRead + Send + 'static,
        reading: &Reading,
        known: Option<Domains>,
    ) -> Result<Self, TraceError> {
        if let Some(domains) = known {
            let reader = reading.reader(input, domains.clone())?;
            return Ok(Self { arrivals: Box::new(reader), domains, length: None });
        }
        let mut reader = reading.reader(input, Domains::default())?;
        let held: Vec<_> = reader.by_ref().take(LOOK_AHEAD).collect();
        let domains = reader.close_domains();
        Ok(Self { arrivals: Box::new(held.into_iter().chain(reader)), domains, length: None })
    }
}

/// Opens a file; its length is given only if it is a regular one.
fn open(path: &Path) -> Result<(File, Option<u64>), TraceError> {
    let failed = |error| TraceError::Open(path.to_owned(), error);
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        return Err(TraceError::Directory(path.to_owned()));
    }
    Ok((file, meta.is_file().then_some(meta.len())))
}

impl Reading {
    fn by_extension(mut self, path: &Path) -> Self {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        let format = match extension.as_str() {
            "csv" | "tsv" => Some(Format::Csv),
            "ndjson" | "jsonl" | "json" => Some(Format::Ndjson),
            _ => None,
        };
        self.format = self.format.or(format);
        if extension == "tsv" {
            self.columns.delimiter = self.columns.delimiter.or(Some(b'\t'));
        }
        self
    }

    fn reader<R: BufRead>(&self, mut input: R, domains: Domains) -> Result<Reader<R>, TraceError> {
        let format = match self.format {
            Some(format) => format,
            None => sniff(&mut input)?,
        };
        Reader::open(input, format, self.columns.clone(), domains)
    }
}

/// Guesses the format by the first character that is not blank.
fn sniff(input: &mut impl BufRead) -> Result<Format, TraceError> {
    let start = input.fill_buf().map_err(TraceError::Read)?;
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    match start.trim_ascii_start().first() {
        Some(b'{' | b'[') => Ok(Format::Ndjson),
        _ => Ok(Format::Csv),
    }
}
