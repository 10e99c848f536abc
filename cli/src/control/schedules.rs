//! `heijunka schedule`: what is published again and again.

use std::process::ExitCode;

use heijunka::ops::wire::{Done, Schedules};
use heijunka::{Misfire, Overlap, Schedule, ScheduleStatus, Timestamp, When};

use super::args::{self, Add, ListSchedules, Named};
use super::client::{Service, encode};
use super::error::ControlError;
use super::{contents, print_json, printable};
use crate::error::Error;
use crate::output;
use crate::table::Table;
use crate::units::{Count, Human};

pub(super) fn run(args: &args::Schedule) -> Result<ExitCode, Error> {
    match args {
        args::Schedule::List(args) => list(args),
        args::Schedule::Add(args) => add(args),
        args::Schedule::Cancel(args) => ask(args, "DELETE", ""),
        args::Schedule::Pause(args) => ask(args, "POST", "/pause"),
        args::Schedule::Resume(args) => ask(args, "POST", "/resume"),
        args::Schedule::Run(args) => ask(args, "POST", "/run"),
    }
}

fn ask(args: &Named, method: &str, action: &str) -> Result<ExitCode, Error> {
    let target = format!("/schedules/{}{action}", encode(&args.name));
    let done: Done = Service::new(&args.at)?.json(method, &target, b"")?;
    output::print(&(done.done + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn add(args: &Add) -> Result<ExitCode, Error> {
    let schedule = schedule(args)?;
    let body = serde_json::to_vec(&schedule).map_err(|error| ControlError::Invalid(error.to_string()))?;
    let target = format!("/schedules/{}", encode(&args.name));
    let done: Done = Service::new(&args.at)?.json("PUT", &target, &body)?;
    output::print(&(done.done + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn schedule(args: &Add) -> Result<Schedule, ControlError> {
    let when = match (&args.cron, args.every) {
        (Some(expression), _) => match &args.zone {
            Some(zone) => When::cron_in(expression, zone),
            None => When::cron(expression),
        },
        (None, Some(time)) => When::Every(time),
        (None, None) => return Err(ControlError::Invalid("give --cron or --every".to_owned())),
    };
    let schedule = Schedule::new(&args.name, &args.domain, when)
        .map_err(|error| ControlError::Invalid(error.to_string()))?;
    let payload = match (&args.file, &args.payload) {
        (Some(file), _) => contents(file)?,
        (None, payload) => payload.clone().unwrap_or_default().into_bytes(),
    };
    Ok(Schedule {
        priority: args.priority,
        key: args.key.clone(),
        payload: payload.into(),
        headers: args.header.iter().cloned().collect(),
        deadline: args.deadline,
        misfire: if args.skip_missed { Misfire::Skip } else { Misfire::Once },
        overlap: if args.allow_overlap { Overlap::Allow } else { Overlap::Skip },
        canary: args.canary,
        batch: args.batch,
        ..schedule
    })
}

fn list(args: &ListSchedules) -> Result<ExitCode, Error> {
    let found: Schedules = Service::new(&args.at)?.json("GET", "/schedules", b"")?;
    if args.json {
        print_json(&found, true)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.schedules.is_empty() {
        output::print("no schedules\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        Table::new(5, ["schedule", "when", "domain", "state", "error", "published", "skipped", "next"])
            .widest(40);
    let now = Timestamp::from(std::time::SystemTime::now());
    for status in &found.schedules {
        let skipped = status.skipped;
        let skipped =
            skipped.missed + skipped.unfinished + skipped.slowed + skipped.unpublished + skipped.canary;
        let next =
            status.next.map_or_else(|| "-".to_owned(), |next| format!("in {}", Human(next.since(now))));
        table.row([
            status.schedule.name.to_string(),
            when(&status.schedule.when),
            status.schedule.domain.to_string(),
            state(status),
            printable(status.error.as_deref().unwrap_or_default()),
            Count(status.published).to_string(),
            Count(skipped).to_string(),
            next,
        ]);
    }
    let mut text = String::new();
    table.render(&mut text);
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn when(when: &When) -> String {
    match when {
        When::Cron { expression, zone } if zone == "UTC" => expression.clone(),
        When::Cron { expression, zone } => format!("{expression} {zone}"),
        When::Every(time) => format!("every {}", humantime::format_duration(*time)),
    }
}

fn state(status: &ScheduleStatus) -> String {
    match status {
        ScheduleStatus { paused: true, .. } => "paused".to_owned(),
        ScheduleStatus { schedule: Schedule { enabled: false, .. }, .. } => "disabled".to_owned(),
        ScheduleStatus { slowed: 2.., .. } => format!("slowed to 1 in {}", status.slowed),
        _ => "active".to_owned(),
    }
}
