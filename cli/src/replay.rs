//! `heijunka replay`: from the command line to the report and the exit code.

use std::path::Path;
use std::process::ExitCode;

use heijunka::{Config, DomainConfig, Kind, PoolConfig};

use crate::args::{Replay, WorkKind};
use crate::check;
use crate::drive::{self, Plan};
use crate::error::Error;
use crate::output;
use crate::progress::Console;
use crate::report::{Report, json, text};
use crate::trace::{Columns, Day, Domains, Input, Reading, Source};

/// Arrivals per second and core of the built-in day: two thirds of a core at noon.
const RATE_PER_CORE: f64 = 1200.0;

/// Runs the command; gives its exit code.
pub(crate) fn replay(args: &Replay) -> Result<ExitCode, Error> {
    let declared = args.run.config.as_deref().map(|path| declared(path, &args.run.set)).transpose()?;
    let known =
        declared.as_ref().map(|config| Domains::known(config.all_domains().into_keys().map(str::to_owned)));
    let input = input(args);
    let title = title(&input);
    let builtin = matches!(input, Input::Builtin(_));
    let reading = Reading {
        format: args.columns.format,
        columns: Columns::from_args(&args.columns),
        strict: args.columns.strict,
    };
    let source = Source::open(input, reading, known)?;
    let config = declared.unwrap_or_else(|| pool_per_domain(&source.domains, args.run.work_kind, builtin));
    let plan = Plan {
        config,
        speed: args.run.speed,
        deadline: args.run.deadline,
        drain: args.run.drain,
        work_kind: args.run.work_kind,
        strict: args.columns.strict,
        console: Console::new(args.output.quiet, source.length),
    };
    let speed = plan.speed;
    let outcome = drive::run(source, plan)?;
    let report = Report::new(&outcome);
    output::print(&if args.output.json { json(&report) } else { text(&report, &title, speed) })?;
    if let Some(error) = outcome.error {
        output::note(&format!("heijunka: {error}"));
        return Ok(ExitCode::from(if report.is_sound() { 2 } else { 1 }));
    }
    Ok(match outcome.signal {
        _ if !report.is_sound() => ExitCode::from(1),
        Some(signal) => ExitCode::from(128 + signal),
        None => ExitCode::SUCCESS,
    })
}

/// The configuration of a file, its warnings printed.
fn declared(path: &Path, set: &[String]) -> Result<Config, Error> {
    let (config, warnings) = check::load(path, set)?;
    for warning in warnings {
        output::note(&format!("heijunka: warning: {warning}"));
    }
    Ok(config)
}

/// A pool with the defaults for every domain; payments of the built-in day may use the reserve.
fn pool_per_domain(domains: &Domains, work: WorkKind, builtin: bool) -> Config {
    let kind = match work {
        WorkKind::Cpu => Kind::Cpu,
        WorkKind::Wait => Kind::Blocking,
    };
    let mut config = Config::default();
    for name in domains.names() {
        config.pools.insert(name.clone(), PoolConfig { kind, ..PoolConfig::default() });
        let priority = builtin && name == "payment";
        config.domains.insert(name.clone(), DomainConfig { priority, ..DomainConfig::default() });
    }
    config
}

fn input(args: &Replay) -> Input {
    match &args.trace {
        None => Input::Builtin(Day {
            seed: args.builtin.seed,
            duration: args.builtin.duration,
            rate: args.builtin.rate.unwrap_or_else(|| RATE_PER_CORE * check::cores() as f64),
        }),
        Some(path) if path.as_os_str() == "-" => Input::Stdin,
        Some(path) => Input::File(path.clone()),
    }
}

/// What the report calls the trace.
fn title(input: &Input) -> String {
    match input {
        Input::Builtin(day) => {
            format!("the built-in day, seed {}, {} arrivals/s on average", day.seed, day.rate)
        }
        Input::Stdin => "standard input".into(),
        Input::File(path) => path.display().to_string(),
    }
}
