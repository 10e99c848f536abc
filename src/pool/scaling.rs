//! The law of scaling: how many workers a pool should have, from what its present ones have to do.
//!
//! Several voices speak: the load, a surge, somebody who asks. The largest wish within bounds is followed, and a pool
//! shrinks only if all of them agree. Growing takes three ticks; shrinking goes by the greatest load within the last
//! calm, one worker a second, so that a load which comes and goes is met once and then has its workers.

mod demand;
mod explain;
mod law;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use law::Scaling;

pub use super::scale_error::ScaleError;
pub(super) use super::scale_error::bounded;

/// What the load is compared with. Shares of the workers' time, 0 to 1; `down` < `target` < `up`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Thresholds {
    /// Above it a pool grows.
    pub(crate) up: f64,
    /// What a pool grows to, and what a smaller pool must not exceed.
    pub(crate) target: f64,
    /// Below it a pool may shrink.
    pub(crate) down: f64,
    /// How long a load is remembered before a pool shrinks, and how long growth is not undone.
    pub(crate) calm: Duration,
    /// Jobs that wait longer than this wait too long.
    pub(crate) queue_delay: Duration,
}

impl Default for Thresholds {
    /// The figures of the requirements; the delay is `CoDel`'s (RFC 8289).
    fn default() -> Self {
        Self {
            up: 0.8,
            target: 0.7,
            down: 0.5,
            calm: Duration::from_secs(60),
            queue_delay: Duration::from_millis(5),
        }
    }
}

/// What the surge wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surge {
    /// Surge workers the pool should have now; 0 without a surge.
    pub(crate) extra: u32,
    /// Surge workers it has: [`Decision::surge`] of the last step.
    pub(crate) held: u32,
    /// A lease is running: no shrinking.
    pub(crate) lease: bool,
}

/// What the law looks at, once per tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Workers that take jobs.
    pub(crate) workers: u32,
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// Work time over wall time since the last tick, 0 to 1; not finite counts as 0.
    pub(crate) utilisation: f64,
    /// The least time that jobs which started in this tick had waited; none started: none.
    pub(crate) least_delay: Option<Duration>,
    /// Jobs that wait.
    pub(crate) waiting: u32,
    pub(crate) surge: Surge,
    /// Held by hand at this number, within the bounds.
    pub(crate) manual: Option<u32>,
    /// If not, nothing but `manual` and the bounds counts.
    pub(crate) auto: bool,
    /// Workers that somebody else asks for, the pull queue for example.
    pub(crate) wish: Option<u32>,
    pub(crate) thresholds: Thresholds,
}

impl Sample {
    fn within_bounds(&self, workers: u32) -> u32 {
        workers.min(self.max).max(self.min)
    }

    fn utilisation(&self) -> f64 {
        if self.utilisation.is_finite() { self.utilisation.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Workers that were busy on average.
    fn load(&self) -> f64 {
        self.utilisation() * f64::from(self.workers)
    }

    /// Whether jobs waited too long. If none started while some wait, nobody knows how long it will be.
    fn delayed(&self) -> bool {
        self.least_delay.map_or(self.waiting > 0, |delay| delay > self.thresholds.queue_delay)
    }
}

/// How many workers a pool should have, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Workers it should have.
    pub(crate) to: u32,
    /// How many of them are there for a surge.
    pub(crate) surge: u32,
    /// Why.
    pub(crate) rule: Rule,
}

/// Why a pool should have as many workers as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// Nobody wants anything else.
    Steady,
    /// More: utilisation was above `up` for three ticks.
    Busy,
    /// More: jobs waited too long for three ticks.
    Queueing,
    /// Less: utilisation was below `down` for a second, and the calm has passed.
    Idle,
    /// More: there is a surge.
    Surge,
    /// Less: a surge is over.
    SurgeReturned,
    /// A surge is over, yet its worker stays: without it the others would have too much to do.
    SurgeKept,
    /// More: somebody asks.
    Asked,
    /// Held by hand.
    Manual,
    /// The bounds changed, or workers died.
    Bounds,
    /// More was wanted: the pool is as large as it may be.
    AtMaximum,
    /// Jobs wait too long, yet the workers have time: more of them would not help.
    NotBusyEnough,
    /// Less was wanted: the remaining workers would have too much to do.
    GuardDenied,
    /// Less was wanted: the pool has grown, or had more to do, or was started, too short a time ago.
    CalmDenied,
    /// Less was wanted: the lease of a surge is running.
    LeaseDenied,
    /// Less was wanted: somebody asks for the present workers.
    WishDenied,
}

impl Rule {
    /// Whether something was wished for and not done.
    pub(crate) const fn denies(self) -> bool {
        matches!(
            self,
            Rule::AtMaximum
                | Rule::NotBusyEnough
                | Rule::GuardDenied
                | Rule::CalmDenied
                | Rule::LeaseDenied
                | Rule::WishDenied
        )
    }
}
