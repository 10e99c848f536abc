//! `heijunka check`: validates a configuration.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use heijunka::{BrokerLook, Config, DomainConfig, Loader, PoolConfig, Severity, Warning, look_at_brokers};

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
    if !args.brokers {
        return Ok(ExitCode::SUCCESS);
    }
    let looks = look_at_brokers(&config);
    if looks.is_empty() {
        output::print("there is no broker: nothing is consumed or published\n")?;
    }
    let mut safe = true;
    for look in &looks {
        let (text, well) = told(look);
        output::print(&text)?;
        safe &= well;
    }
    Ok(if safe { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// A broker and what was found of it, the worst first; and whether nothing endangers what is promised.
fn told(look: &BrokerLook) -> (String, bool) {
    let mut text = format!("{} at {}\n", look.kind.name(), look.place);
    let found = match &look.found {
        Ok(found) => found,
        Err(error) => {
            let _ = writeln!(text, "  fails      {error}");
            return (text, false);
        }
    };
    let mut found: Vec<_> = found.iter().collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &found {
        let _ = writeln!(text, "  {:<10} {}", finding.severity.name(), finding.what);
        if !finding.cure.is_empty() {
            let _ = writeln!(text, "{:13}cure: {}", "", finding.cure);
        }
    }
    let safe = found.iter().all(|finding| finding.severity != Severity::Endangers);
    if safe {
        text.push_str("  ok         nothing endangers what is promised\n");
    }
    (text, safe)
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
