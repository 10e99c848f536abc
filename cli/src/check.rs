//! `heijunka check`: validates a configuration.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use heijunka::{Config, DomainConfig, Loader, PoolConfig, Warning};

use crate::args::Check;
use crate::error::Error;
use crate::output;

/// Prints the warnings and what the configuration declares.
pub(crate) fn check(args: &Check) -> Result<ExitCode, Error> {
    let (config, warnings) = load(&args.config, &args.set)?;
    let mut text = String::new();
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let sum = |workers: fn(&PoolConfig) -> u32| -> u64 {
        config.pools.values().map(|pool| u64::from(workers(pool))).sum()
    };
    let _ = write!(
        text,
        "ok: {}, {}, {}..{} workers, soft {} hard {}",
        counted(config.all_domains().len(), "domain"),
        counted(config.pools.len(), "pool"),
        sum(|pool| pool.min_workers),
        sum(|pool| pool.max_workers),
        config.admission.soft,
        config.admission.hard,
    );
    if let Some(broker) = config.queue() {
        let consumed = config.domains.values().filter(|domain| DomainConfig::is_consumed(domain)).count();
        let _ = write!(
            text,
            ", {} broker, {} consumed, {}",
            broker.kind.name(),
            counted(consumed, "domain"),
            counted(config.schedules.len(), "schedule"),
        );
    }
    text.push('\n');
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a configuration, overridden by the environment and then by `set`; gives the warnings, too.
pub(crate) fn load(path: &Path, set: &[String]) -> Result<(Config, Vec<Warning>), Error> {
    let config = set.iter().fold(Loader::new().environment(), Loader::set).load(path)?;
    let warnings = config.check_for(cores())?;
    Ok((config, warnings))
}

/// The cores this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
