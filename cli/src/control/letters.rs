//! `heijunka dlq`: what failed for good.

use std::fmt::Write as _;
use std::process::ExitCode;

use heijunka::Timestamp;
use heijunka::ops::wire::{self, Counted, Done, Letter, LetterLine, Letters};

use super::args::{Dlq, Drop, Filter, Lines, List, Replay, Show, Which};
use super::client::{Service, with_query};
use super::error::ControlError;
use super::meter::Meter;
use super::{PARTLY, counted, print_json, printable};
use crate::error::Error;
use crate::output;
use crate::table::Table;
use crate::units::{Count, Human};

pub(super) fn run(args: &Dlq) -> Result<ExitCode, Error> {
    match args {
        Dlq::List(args) => list(args),
        Dlq::Show(args) => show(args),
        Dlq::Replay(args) => replay(args),
        Dlq::Drop(args) => drop_some(args),
    }
}

fn list(args: &List) -> Result<ExitCode, Error> {
    let Filter { domain, reason, after, most } = args.filter.clone();
    let pairs = [
        ("domain", domain),
        ("reason", reason),
        ("after", after.map(|number| number.to_string())),
        ("most", most.map(|number| number.to_string())),
    ];
    let found: Letters = Service::new(&args.at)?.json("GET", &with_query("/dlq", pairs), b"")?;
    if args.json {
        print_json(&found, true)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["domain", "priority", "id", "reason", "error", "attempts", "age", "number"];
    let mut table = Table::new(5, head).widest(40);
    let now = Timestamp::from(std::time::SystemTime::now());
    for letter in &found.letters {
        table.row([
            letter.domain.clone(),
            letter.priority.clone(),
            letter.id.clone(),
            letter.reason.clone(),
            one_line(&letter.error),
            letter.attempts.to_string(),
            Human(now.since(letter.at)).to_string(),
            letter.serial.to_string(),
        ]);
    }
    let mut text = String::new();
    if !found.letters.is_empty() {
        table.render(&mut text);
    }
    let _ = write!(text, "{} of {}", Count(found.letters.len() as u64), counted(found.count, "dead letter"));
    if let Some(next) = found.next {
        let _ = write!(text, "; more with --after {next}");
    }
    text.push('\n');
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn show(args: &Show) -> Result<ExitCode, Error> {
    let letter: Letter = Service::new(&args.at)?.json("GET", &format!("/dlq/{}", args.serial), b"")?;
    if args.json {
        print_json(&letter, true)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = vec![
        ("number", letter.serial.to_string()),
        ("domain", letter.domain),
        ("priority", letter.priority),
        ("id", letter.id),
    ];
    if let Some(id) = letter.original_id {
        lines.push(("first id", id));
    }
    if letter.replays > 0 {
        lines.push(("replays", letter.replays.to_string()));
    }
    if let Some(key) = letter.key {
        lines.push(("key", key));
    }
    lines.push(("reason", letter.reason));
    lines.push(("error", letter.error.trim_end().replace('\n', "\n           ")));
    lines.push(("attempts", letter.attempts.to_string()));
    lines.push(("published", letter.published.to_string()));
    if let Some(deadline) = letter.deadline {
        lines.push(("deadline", deadline.to_string()));
    }
    lines.push(("died", letter.at.to_string()));
    lines.extend(letter.headers.iter().map(|(name, value)| ("header", format!("{name}: {value}"))));
    lines.push(("payload", format!("{} bytes", Count(letter.size))));
    let mut text = String::new();
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<10} {value}");
    }
    match (letter.payload, letter.payload_base64) {
        (Some(payload), _) => _ = writeln!(text, "\n{payload}"),
        (None, Some(payload)) => _ = writeln!(text, "\nbase64: {payload}"),
        (None, None) => {}
    }
    output::print(&printable(&text))?;
    Ok(ExitCode::SUCCESS)
}

fn replay(args: &Replay) -> Result<ExitCode, Error> {
    let wanted = wire::Replay {
        filter: filter(&args.which.filter),
        dry_run: args.dry_run,
        per_second: args.per_second,
        force: args.force,
    };
    let body = json(&wanted)?;
    let mut sum = Sum::new(&args.output, if args.dry_run { "would be replayed" } else { "replayed" })?;
    if args.which.serials.is_empty() {
        sum.follow("POST", "/dlq/replay", &body)?;
    }
    for serial in &args.which.serials {
        sum.follow("POST", &format!("/dlq/{serial}/replay"), &body)?;
    }
    sum.end()
}

fn drop_some(args: &Drop) -> Result<ExitCode, Error> {
    let mut sum = Sum::new(&args.output, if args.dry_run { "would be dropped" } else { "dropped" })?;
    let Which { serials, filter: wanted, .. } = &args.which;
    if serials.is_empty() {
        let wanted = wire::Drop { filter: filter(wanted), dry_run: args.dry_run };
        sum.follow("POST", "/dlq/drop", &json(&wanted)?)?;
    }
    for serial in serials {
        let target = format!("/dlq/{serial}");
        if args.dry_run {
            sum.each(sum.service.json::<Letter>("GET", &target, b"").map(|_| ()))?;
        } else {
            sum.each(sum.service.json::<Done>("DELETE", &target, b"").map(|_| ()))?;
        }
    }
    sum.end()
}

/// What became of them, as it is told.
struct Sum<'a> {
    service: Service,
    output: &'a Lines,
    meter: Meter,
    verb: &'static str,
    counted: Counted,
}

impl<'a> Sum<'a> {
    fn new(output: &'a Lines, verb: &'static str) -> Result<Self, ControlError> {
        let (service, meter) = (Service::new(&output.at)?, Meter::new(output.quiet));
        Ok(Self { service, output, meter, verb, counted: Counted::default() })
    }

    /// Follows an answer to its end.
    fn follow(&mut self, method: &str, target: &str, body: &[u8]) -> Result<(), Error> {
        let asked = self.service.ask(method, target, body).and_then(super::client::Answer::accepted);
        let mut answer = match asked {
            Ok(answer) => answer,
            Err(error) => return self.each(Err(error)),
        };
        let before = self.counted;
        let mut ended = false;
        while let Some(line) = answer.line::<LetterLine>()? {
            if self.output.json {
                print_json(&line, false)?;
            }
            match line {
                LetterLine::Letter(fate) if fate.done => self.counted.done += 1,
                LetterLine::Letter(fate) if !self.output.json => {
                    self.meter.note(&printable(&format!("{} {}: {}", fate.serial, fate.id, fate.told)));
                }
                LetterLine::Letter(_) => {}
                LetterLine::Done(counted) => {
                    ended = true;
                    self.counted = Counted {
                        done: before.done + counted.done,
                        skipped: before.skipped + counted.skipped,
                        failed: before.failed + counted.failed,
                    };
                }
            }
            self.meter.show(|| format!("{} {}", Count(self.counted.done), self.verb));
        }
        if ended { Ok(()) } else { Err(ControlError::Answer("it has no last line".to_owned()).into()) }
    }

    /// Counts one that was asked for by itself: the others need not fail with it.
    fn each(&mut self, result: Result<(), ControlError>) -> Result<(), Error> {
        match result {
            Ok(()) => self.counted.done += 1,
            Err(error @ ControlError::Refused(_)) => {
                self.counted.failed += 1;
                self.meter.note(&format!("heijunka: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn end(self) -> Result<ExitCode, Error> {
        let Counted { done, skipped, failed } = self.counted;
        drop(self.meter);
        if !self.output.json {
            let mut text = format!("{} {}", counted(done, "dead letter"), self.verb);
            for (number, what) in [(skipped, "left out"), (failed, "failed")] {
                if number > 0 {
                    let _ = write!(text, ", {} {what}", Count(number));
                }
            }
            output::print(&(text + "\n"))?;
        }
        Ok(match (done, skipped + failed) {
            (_, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(2),
            _ => ExitCode::from(PARTLY),
        })
    }
}

fn filter(filter: &Filter) -> wire::Filter {
    let Filter { domain, reason, after, most } = filter.clone();
    wire::Filter { domain, reason, after, most }
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, ControlError> {
    serde_json::to_vec(value).map_err(|error| ControlError::Invalid(error.to_string()))
}

fn one_line(text: &str) -> String {
    printable(text.lines().next().unwrap_or_default())
}
