//! `heijunka publish --batch`: an item per line, sent in parts, a receipt for each.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::ExitCode;

use heijunka::ops::wire::{Receipt, Stored};

use super::args::Publish;
use super::client::Service;
use super::error::ControlError;
use super::meter::Meter;
use super::{PARTLY, print_json};
use crate::error::Error;
use crate::output;
use crate::units::Count;

/// Lines and bytes of a part. A part has its answer before the next one is sent.
const PART: (u64, usize) = (2000, 4 << 20);

/// A line longer than this is not sent.
const LINE: u64 = 60 << 20;

/// Failures that are told one by one.
const TOLD: u64 = 20;

#[derive(Debug, Default)]
struct Counts {
    stored: u64,
    duplicates: u64,
    invalid: u64,
    not_stored: u64,
    unknown: u64,
}

impl Counts {
    fn add(&mut self, outcome: Stored, many: u64) {
        *match outcome {
            Stored::Stored => &mut self.stored,
            Stored::Duplicate => &mut self.duplicates,
            Stored::Invalid => &mut self.invalid,
            Stored::NotStored => &mut self.not_stored,
            Stored::Unknown => &mut self.unknown,
        } += many;
    }

    fn failed(&self) -> u64 {
        self.invalid + self.not_stored + self.unknown
    }

    fn line(&self) -> String {
        let [stored, duplicates, invalid, not_stored, unknown] =
            [self.stored, self.duplicates, self.invalid, self.not_stored, self.unknown].map(Count);
        format!(
            "{stored} stored, {duplicates} stored already, {invalid} invalid, {not_stored} not stored, {unknown} unknown"
        )
    }
}

/// Lines that are sent together.
#[derive(Debug, Default)]
struct Part {
    text: Vec<u8>,
    /// The number of its first line, less one.
    before: u64,
    lines: u64,
    /// Lines that hold an item, or should.
    items: u64,
}

struct Sender<'a> {
    service: Service,
    args: &'a Publish,
    meter: Meter,
    counts: Counts,
}

/// Publishes the file's items.
pub(super) fn publish(file: &Path, args: &Publish) -> Result<ExitCode, Error> {
    let fault = |error| ControlError::File(file.to_owned(), error);
    let input: Box<dyn io::Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(fault)?)
    };
    let mut sender = Sender {
        service: Service::new(&args.at)?,
        args,
        meter: Meter::new(args.quiet),
        counts: Counts::default(),
    };
    let done = sender.send_all(&mut BufReader::with_capacity(1 << 20, input), fault);
    let Sender { counts, meter, .. } = sender;
    drop(meter);
    match done {
        // Nothing was done: the error says it all.
        Err(error) if counts.stored + counts.duplicates == 0 => return Err(error),
        Err(error) => output::note(&format!("heijunka: {error}; the lines behind were not sent")),
        Ok(()) if counts.failed() == 0 => {
            summary(args, &counts)?;
            return Ok(ExitCode::SUCCESS);
        }
        Ok(()) => {}
    }
    summary(args, &counts)?;
    let nothing = counts.stored + counts.duplicates == 0;
    Ok(ExitCode::from(if nothing { 2 } else { PARTLY }))
}

fn summary(args: &Publish, counts: &Counts) -> Result<(), Error> {
    if args.json {
        output::note(&counts.line());
        return Ok(());
    }
    output::print(&(counts.line() + "\n"))
}

impl Sender<'_> {
    fn send_all(
        &mut self,
        input: &mut BufReader<Box<dyn io::Read>>,
        fault: impl Fn(io::Error) -> ControlError,
    ) -> Result<(), Error> {
        let mut part = Part::default();
        loop {
            let before = part.text.len();
            let read = input.by_ref().take(LINE).read_until(b'\n', &mut part.text).map_err(&fault)?;
            if read == 0 {
                return self.send(&part);
            }
            part.lines += 1;
            let line = &part.text[before..];
            part.items += u64::from(!line.trim_ascii().is_empty());
            if !line.ends_with(b"\n") && read as u64 == LINE {
                let number = part.before + part.lines;
                part.text.truncate(before);
                part.items -= 1;
                part.text.push(b'\n');
                self.tell(&Receipt::invalid(number, format!("longer than {LINE} bytes")))?;
                skip_line(input).map_err(&fault)?;
            } else if !line.ends_with(b"\n") {
                part.text.push(b'\n');
            }
            // Who writes slowly, such as a program in a pipe, need not wait for a part to be full.
            if part.lines >= PART.0 || part.text.len() >= PART.1 || input.buffer().is_empty() {
                let next = Part { before: part.before + part.lines, ..Part::default() };
                self.send(&std::mem::replace(&mut part, next))?;
            }
        }
    }

    fn send(&mut self, part: &Part) -> Result<(), Error> {
        if part.items == 0 {
            return Ok(());
        }
        let mut told = 0;
        let answered = self.exchange(part, &mut told);
        if let Err(error) = answered {
            // Of what was never sent it is known.
            let reached = !matches!(
                error,
                Error::Control(
                    ControlError::NoSocket(..)
                        | ControlError::Unreachable(..)
                        | ControlError::Foreign(_)
                        | ControlError::Refused(_)
                )
            );
            let outcome = if reached || told > 0 { Stored::Unknown } else { Stored::NotStored };
            self.counts.add(outcome, part.items - told.min(part.items));
            return Err(error);
        }
        Ok(())
    }

    fn exchange(&mut self, part: &Part, told: &mut u64) -> Result<(), Error> {
        let mut answer = self.service.ask("POST", "/publish", &part.text)?.accepted()?;
        while let Some(mut receipt) = answer.line::<Receipt>()? {
            receipt.line += part.before;
            *told += 1;
            self.tell(&receipt)?;
        }
        if *told < part.items {
            return Err(ControlError::Answer("there are fewer receipts than items".to_owned()).into());
        }
        Ok(())
    }

    fn tell(&mut self, receipt: &Receipt) -> Result<(), Error> {
        self.counts.add(receipt.outcome, 1);
        if self.args.json {
            print_json(receipt, false)?;
        } else if !receipt.outcome.is_stored() {
            match self.counts.failed() {
                ..=TOLD => {
                    let why = receipt.error.as_deref().unwrap_or("not stored");
                    // What tells a column goes on from there.
                    let mark = if why.starts_with("column ") { ',' } else { ':' };
                    self.meter.note(&format!("line {}{mark} {why}", receipt.line));
                }
                more if more == TOLD + 1 => self.meter.note("further lines failed; --json tells which"),
                _ => {}
            }
        }
        self.meter.show(|| self.counts.line());
        Ok(())
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let some = input.fill_buf()?;
        let (used, ended) = match some.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (some.len(), some.is_empty()),
        };
        input.consume(used);
        if ended {
            return Ok(());
        }
    }
}
