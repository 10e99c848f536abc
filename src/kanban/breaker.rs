//! The breaker of a domain: its items are left in the broker while what they depend on is down.

#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::time::Moment;

/// When a domain is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many retryable failures in a row open it; 3 by default, 0 counts as 1.
    pub failures: u32,
    /// How long nothing is started then; 30 s by default. Each time it opens again before it was closed this doubles, up to
    /// eight-fold.
    pub open: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 3, open: Duration::from_secs(30) }
    }
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Everything.
    #[default]
    Closed,
    /// Nothing: neither pulled nor started.
    Open {
        /// Since when.
        since: Moment,
        /// Until when.
        until: Moment,
    },
    /// One item, as a probe, once nothing of the domain runs any more.
    HalfOpen,
    /// The probe succeeded: up to so many items at once.
    Ramp(u32),
}

impl BreakerState {
    /// The name used in metrics and reports: `closed`, `open`, `half_open` or `ramp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open { .. } => "open",
            BreakerState::HalfOpen => "half_open",
            BreakerState::Ramp(_) => "ramp",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BreakerState::Open { since, until } => write!(f, "open for {:?}", until.since(*since)),
            BreakerState::Ramp(most) => write!(f, "ramp, {most} at once"),
            state => f.pad(state.name()),
        }
    }
}

/// A breaker went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) from: BreakerState,
    pub(crate) to: BreakerState,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

/// The law: closed -> open -> half-open -> ramp -> closed, and from anywhere back to open.
///
/// It needs no identity of items to tell old results from new ones, because of two rules. What ends while it is open was
/// started before, and says nothing. Half-open, the probe may start only once nothing runs: until then results are old as
/// well, and from then on there are no old ones left. So no success of before can close it, and no failure of before can
/// open it again.
///
/// Whoever uses it therefore counts as running what was started and whose end was not told here yet. Ends that say nothing
/// about what the domain depends on (permanent, expired, undecodable, interrupted) are not told at all: the item is then not
/// running any more, which is what frees the place of a probe. An item given up as stalled is not running either, and what
/// comes of it later is not told.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: BreakerState,
    /// In a row, while closed.
    failures: u32,
    /// How often it opened again since it was last closed.
    reopened: u32,
    /// Half-open: nothing runs that was started before.
    cleared: bool,
    /// On the present rung of the ramp.
    successes: u32,
    /// As last told.
    workers: u32,
}

/// The open time doubles so often: up to eight-fold.
const MOST_DOUBLINGS: u32 = 3;

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: BreakerState::Closed,
            failures: 0,
            reopened: 0,
            cleared: false,
            successes: 0,
            workers: 1,
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether nothing may be started or pulled: not so half-open, when one item may.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, BreakerState::Open { .. })
    }

    /// Time has passed: from open to half-open. [`allowance`](Self::allowance) does so by itself, but does not tell.
    pub(crate) fn tick(&mut self, now: Moment) -> Option<Change> {
        match self.state {
            BreakerState::Open { until, .. } if until <= now => {
                self.cleared = false;
                Some(self.go(BreakerState::HalfOpen))
            }
            _ => None,
        }
    }

    /// How many items of the domain may be started now, beyond the `running` ones, of its `workers`.
    pub(crate) fn allowance(&mut self, running: u32, workers: u32, now: Moment) -> u32 {
        self.workers = workers.max(1);
        self.tick(now);
        match self.state {
            BreakerState::Closed => u32::MAX,
            BreakerState::Open { .. } => 0,
            BreakerState::HalfOpen => {
                self.cleared |= running == 0;
                u32::from(running == 0)
            }
            BreakerState::Ramp(most) => most.saturating_sub(running),
        }
    }

    /// An item ended well.
    pub(crate) fn succeeded(&mut self) -> Option<Change> {
        match self.state {
            BreakerState::Closed => {
                self.failures = 0;
                None
            }
            BreakerState::HalfOpen if self.cleared => Some(self.climb(1)),
            BreakerState::Ramp(rung) => {
                self.successes += 1;
                // Fewer workers than the rung asks for are all that can be tried.
                (self.successes >= rung.min(self.workers)).then(|| self.climb(rung))
            }
            BreakerState::HalfOpen | BreakerState::Open { .. } => None,
        }
    }

    /// An item failed in a way that may pass: also its last attempt, a panic, a timeout.
    pub(crate) fn failed(&mut self, now: Moment) -> Option<Change> {
        match self.state {
            BreakerState::Closed => {
                self.failures += 1;
                (self.failures >= self.settings.failures).then(|| self.open(now))
            }
            BreakerState::HalfOpen if self.cleared => Some(self.open_again(now)),
            BreakerState::Ramp(_) => Some(self.open_again(now)),
            BreakerState::HalfOpen | BreakerState::Open { .. } => None,
        }
    }

    /// A rung is completed: twice as many at once, until that is all of the workers.
    fn climb(&mut self, rung: u32) -> Change {
        self.successes = 0;
        let next = rung.saturating_mul(2);
        if next < self.workers {
            return self.go(BreakerState::Ramp(next));
        }
        self.failures = 0;
        self.reopened = 0;
        self.go(BreakerState::Closed)
    }

    fn open_again(&mut self, now: Moment) -> Change {
        self.reopened = (self.reopened + 1).min(MOST_DOUBLINGS);
        self.open(now)
    }

    fn open(&mut self, now: Moment) -> Change {
        let long = self.settings.open.saturating_mul(1 << self.reopened);
        self.go(BreakerState::Open { since: now, until: now.after(long) })
    }

    fn go(&mut self, to: BreakerState) -> Change {
        Change { from: std::mem::replace(&mut self.state, to), to }
    }
}
