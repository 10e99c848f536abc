//! The law of health: how well a pool does, from what can be seen of it.
//!
//! What is seen once may be chance: worse is acted on after two checks in a row, better after two more, one level at a time.
//! That a pool has no worker, or none that moves, needs no second look.

mod law;
mod share;

use std::time::Duration;

pub(crate) use law::HealthLaw;
pub(crate) use share::weights;

/// How well a pool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Nothing to see.
    Healthy,
    /// It works, with workers missing or stalled, lanes nearly full, jobs waiting, or one job in ten failing.
    Degraded,
    /// It has no worker that moves, or half of its jobs fail.
    Critical,
}

impl Health {
    /// The name used in metrics and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Degraded => "degraded",
            Health::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// From where on something is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// The share of jobs that fail, from which a pool is degraded; 0 to 1.
    pub(crate) degraded: f64,
    /// The same for critical.
    pub(crate) critical: f64,
    /// Lost workers that are replaced at a time.
    pub(crate) replacements: u32,
    /// Jobs that wait twice as long as this wait too long.
    pub(crate) queue_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { degraded: 0.1, critical: 0.5, replacements: 2, queue_delay: Duration::from_millis(5) }
    }
}

/// What the law looks at; jobs are those since the last check.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Workers that take jobs; lost ones do not.
    pub(crate) workers: u32,
    /// Workers the pool should have.
    pub(crate) wanted: u32,
    /// Jobs waiting in the fullest lane.
    pub(crate) waiting: usize,
    /// What a lane holds.
    pub(crate) lane: usize,
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    /// Workers whose job is beyond the stall limit, lost ones included.
    pub(crate) stalled: u32,
    /// Workers declared lost and still stuck.
    pub(crate) lost: u32,
    /// The least time that jobs which started had waited.
    pub(crate) least_delay: Option<Duration>,
    pub(crate) settings: Limits,
    /// Somebody asks between two checks: what they show is acted on, yet it is no check of its own. However often somebody
    /// asks, a pool is neither worse nor better for it.
    pub(crate) between: bool,
}

impl Sample {
    /// Stalled workers that are not yet declared lost.
    fn newly_stalled(&self) -> u32 {
        self.stalled.saturating_sub(self.lost)
    }
}

/// What a check found and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The health to act on.
    pub(crate) health: Health,
    /// What this check alone would call it.
    pub(crate) observed: Health,
    /// What made this check call it so.
    pub(crate) sign: Sign,
    /// Stalled workers to be declared lost and replaced now.
    pub(crate) replace: u32,
}

/// What is wrong with a pool; of several, the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sign {
    /// Nothing.
    Fine,
    /// It has fewer workers than it should.
    WorkersMissing,
    /// It has none.
    NoWorkers,
    /// Some workers' jobs run for longer than the stall limit.
    Stalled,
    /// All workers' jobs do.
    EveryWorkerStalled,
    /// Too many jobs fail.
    Failing,
    /// A lane is nine tenths full.
    LaneFull,
    /// Jobs wait too long.
    Delayed,
}

impl Sign {
    /// Whether there is no doubt about it.
    fn is_a_fact(self) -> bool {
        matches!(self, Sign::NoWorkers | Sign::EveryWorkerStalled)
    }
}

/// Fewer ended jobs than this say nothing about the share that fails.
const ENOUGH: u64 = 20;

/// What one check shows.
pub(super) fn health(sample: &Sample) -> Health {
    observe(sample).0
}

/// What one check shows, and by what.
fn observe(sample: &Sample) -> (Health, Sign) {
    let Sample { workers, wanted, waiting, lane, ended, failed, settings, .. } = *sample;
    let failing = |share: f64| ended >= ENOUGH && failed as f64 / ended as f64 >= share;
    let signs = [
        (workers == 0, Health::Critical, Sign::NoWorkers),
        (sample.newly_stalled() >= workers, Health::Critical, Sign::EveryWorkerStalled),
        (failing(settings.critical), Health::Critical, Sign::Failing),
        (workers < wanted, Health::Degraded, Sign::WorkersMissing),
        (sample.stalled > 0, Health::Degraded, Sign::Stalled),
        (failing(settings.degraded), Health::Degraded, Sign::Failing),
        (waiting.saturating_mul(10) >= lane.saturating_mul(9), Health::Degraded, Sign::LaneFull),
        (sample.least_delay > Some(settings.queue_delay.saturating_mul(2)), Health::Degraded, Sign::Delayed),
    ];
    let worst = signs.into_iter().find(|(seen, ..)| *seen);
    worst.map_or((Health::Healthy, Sign::Fine), |(_, health, sign)| (health, sign))
}

#[cfg(test)]
mod tests;
