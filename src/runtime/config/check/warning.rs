//! What is allowed, yet probably not what was meant.

use std::fmt;
use std::time::Duration;

use crate::runtime::config::{BrokerKind, Config};

/// What is allowed, yet probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The pools start with more workers than there are cores, so that some share one.
    MoreWorkersThanCores {
        /// The sum of `min_workers` over all pools.
        workers: u32,
        /// The [core budget](Config::core_budget).
        cores: usize,
    },
    /// The core budget is larger than what the process may use, so that pools may grow until workers share a core.
    BudgetAboveCores {
        /// [`ScalingConfig::cores`](super::super::ScalingConfig::cores).
        budget: u32,
        /// The cores the process may use.
        cores: usize,
    },
    /// A handler may take longer than an item may run before it is stalled: it would be delivered again while it runs.
    StalledBeforeTimeout {
        /// The domain.
        domain: String,
        /// What its handler may take.
        timeout: Duration,
        /// [`KanbanConfig::stall_after`](super::super::KanbanConfig::stall_after).
        stall_after: Duration,
    },
    /// A schedule publishes into the memory of this process, and nobody in it consumes that.
    NobodyConsumes {
        /// The schedule.
        schedule: String,
        /// Its domain.
        domain: String,
    },
}

/// All there is to warn of in a valid configuration, for a process that may use this many cores.
pub(super) fn warnings(config: &Config, cores: usize) -> Vec<Warning> {
    let more = |count: u32, cores| usize::try_from(count).is_ok_and(|count| count > cores);
    let excess = config.scaling.cores.filter(|budget| more(*budget, cores));
    let excess = excess.map(|budget| Warning::BudgetAboveCores { budget, cores });
    let (workers, cores) =
        (config.pools.values().map(|pool| pool.min_workers).sum(), config.core_budget(cores));
    let crowded = more(workers, cores).then_some(Warning::MoreWorkersThanCores { workers, cores });
    excess.into_iter().chain(crowded).chain(stalled(config)).chain(unconsumed(config)).collect()
}

fn stalled(config: &Config) -> impl Iterator<Item = Warning> {
    let stall_after = config.kanban.stall_after;
    let consumed = config.domains.iter().filter(|(_, domain)| domain.is_consumed());
    let timeouts = consumed.map(|(name, _)| (name.clone(), config.retry_of(name).timeout));
    timeouts
        .filter(move |(_, timeout)| *timeout > stall_after)
        .map(move |(domain, timeout)| Warning::StalledBeforeTimeout { domain, timeout, stall_after })
}

/// Only where it is certain: a domain that says nothing may have a handler in code.
fn unconsumed(config: &Config) -> impl Iterator<Item = Warning> {
    let in_memory = config.queue().is_some_and(|broker| broker.kind == BrokerKind::Memory);
    let domains = config.all_domains();
    let certain = move |name: &str| domains.get(name).is_none_or(|domain| domain.consume == Some(false));
    let schedules = config.schedules.iter();
    schedules.filter(move |(_, schedule)| in_memory && certain(&schedule.domain)).map(|(name, schedule)| {
        Warning::NobodyConsumes { schedule: name.clone(), domain: schedule.domain.clone() }
    })
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoreWorkersThanCores { workers, cores } => write!(
                f,
                "pools start with {workers} workers (the sum of min_workers) and share {cores} cores; \
                 lower min_workers or allow more cores"
            ),
            Self::BudgetAboveCores { budget, cores } => write!(
                f,
                "scaling.cores is {budget}, above the cores this process may use ({cores}); \
                 set it to at most {cores} or allow more cores"
            ),
            Self::StalledBeforeTimeout { domain, timeout, stall_after } => {
                let (timeout, stall_after) =
                    (humantime::format_duration(*timeout), humantime::format_duration(*stall_after));
                write!(
                    f,
                    "a handler of {domain} may take {timeout}, above kanban.stall_after ({stall_after}), from where \
                     on its item may be delivered again; raise kanban.stall_after or lower the timeout"
                )
            }
            Self::NobodyConsumes { schedule, domain } => write!(
                f,
                "schedules.{schedule} publishes for {domain}, which this process does not consume, and its broker is in \
                 memory; let domains.{domain} consume, or set broker.kind to \"file\""
            ),
        }
    }
}
