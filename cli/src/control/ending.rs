//! `heijunka drain` and `heijunka stop`: the end of the service.

use std::fmt::Write as _;
use std::process::ExitCode;

use heijunka::ops::wire::{Done, DrainLine, Drained, Progress};

use super::args::{Drain, Stop};
use super::client::{PATIENCE, Service, with_query};
use super::error::ControlError;
use super::meter::Meter;
use super::{PARTLY, counted, print_json};
use crate::error::Error;
use crate::output;
use crate::units::Count;

/// Ids of items that are shown; all of them are in the JSON.
const SHOWN: usize = 20;

pub(super) fn drain(args: &Drain) -> Result<ExitCode, Error> {
    let within = args.within.map(|time| humantime::format_duration(time).to_string());
    let target = with_query("/drain", [("within", within)]);
    let service = Service::new(&args.output.at)?;
    let service = service.patience(PATIENCE.saturating_add(args.within.unwrap_or_default()));
    let meter = Meter::new(args.output.quiet);
    let mut answer = service.ask("POST", &target, b"")?.accepted()?;
    while let Some(line) = answer.line::<DrainLine>()? {
        if args.output.json {
            print_json(&line, false)?;
        }
        match line {
            DrainLine::Progress(Progress { ready, delayed, running }) => {
                let [ready, delayed, running] = [ready, delayed, running].map(Count);
                meter.show(|| format!("draining: {ready} ready, {delayed} delayed, {running} running"));
            }
            DrainLine::Done(drained) => {
                drop(meter);
                if !args.output.json {
                    output::print(&text(&drained))?;
                }
                return Ok(if drained.clean { ExitCode::SUCCESS } else { ExitCode::from(PARTLY) });
            }
        }
    }
    Err(ControlError::Answer("the drain has no last line: it is not known how it ended".to_owned()).into())
}

fn text(drained: &Drained) -> String {
    let mut out = String::from(if drained.clean { "drained" } else { "drained in part" });
    if let Some(left) = drained.left {
        let _ = write!(out, ", {} left in the broker", counted(left, "item"));
    }
    if drained.lost > 0 {
        let _ = write!(out, ", {} of them lost", Count(drained.lost));
    }
    out.push('\n');
    for (what, ids) in [("given back", &drained.given_back), ("abandoned", &drained.abandoned)] {
        if !ids.is_empty() {
            let _ = writeln!(out, "{what}: {}", counted(ids.len() as u64, "item"));
            let more = if ids.len() > SHOWN { ", …" } else { "" };
            let shown: Vec<&str> = ids.iter().take(SHOWN).map(String::as_str).collect();
            let _ = writeln!(out, "  {}{more}", shown.join(", "));
        }
    }
    out
}

pub(super) fn stop(args: &Stop) -> Result<ExitCode, Error> {
    let done: Done = Service::new(&args.at)?.json("POST", "/stop", b"")?;
    output::print(&(done.done + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
