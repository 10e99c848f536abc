//! Bursts: seeing ten times the usual load within the minute, and lending every pool a few workers for it.
#![doc = include_str!("README.md")]

mod decision;
mod detector;
mod ledger;
mod minute;
mod significance;
mod status;
mod surge;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use decision::Phase;
pub(crate) use decision::{Decision, Rule};
pub(crate) use detector::Detection;
pub use ledger::Ledger;
pub use status::BurstStatus;

pub(crate) use ledger::Accrual;

use detector::{Arrivals, Detector};
use surge::{Seen, Surge};

use crate::law::Law;
use crate::time::Moment;

/// What can be set. Every change holds from the next step on; a lease that was given keeps its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Whether bursts are answered. They are looked for in any case.
    pub(crate) enabled: bool,
    /// A burst is this many times the baseline. Finite, and more than 1.
    pub(crate) threshold: f64,
    /// Fewer arrivals than this in a window are no burst, however quiet it was before.
    pub(crate) floor: u64,
    /// Workers that a surge adds to each pool.
    pub(crate) workers: u32,
    /// How long they are lent.
    pub(crate) lease: Duration,
    /// How often the lease is renewed at most.
    pub(crate) renewals: u32,
    /// Afterwards each pool gives one back, and then another each time this has passed.
    pub(crate) return_every: Duration,
    /// From the last one given back to the next surge at the earliest.
    pub(crate) cooldown: Duration,
    /// What a second of a surge worker costs, in seconds of an ordinary one.
    pub(crate) cost: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 10.0,
            floor: 100,
            workers: 5,
            lease: Duration::from_secs(300),
            renewals: 3,
            return_every: Duration::from_secs(10),
            cooldown: Duration::from_secs(30),
            cost: 2.0,
        }
    }
}

/// What the law looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) settings: Settings,
    /// All arrivals so far, refused ones included; only grows.
    pub(crate) arrivals: u64,
    /// Workers of the surge that the pools still hold, all pools together.
    pub(crate) surge_workers: u32,
}

/// The law of bursts: what was seen of the load, and how far the answer to it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Burst {
    detector: Detector,
    surge: Surge,
}

impl Burst {
    /// Whether no pool may shrink now: during a lease.
    pub(crate) fn holding(&self) -> bool {
        matches!(self.surge, Surge { state: surge::State::Surging { .. }, .. })
    }

    /// How far it has come.
    fn phase(&self, enabled: bool) -> Phase {
        match self.surge.state {
            surge::State::Idle if !enabled => Phase::Off,
            surge::State::Idle if self.detector.learns_for().is_some() => Phase::Learning,
            surge::State::Idle => Phase::Watching,
            surge::State::Surging { .. } => Phase::Surging,
            surge::State::Returning { .. } => Phase::Returning,
            surge::State::Cooling { .. } => Phase::Cooling,
        }
    }
}

impl Law for Burst {
    type Sample = Sample;
    type Decision = Decision;

    fn step(&mut self, sample: &Sample, now: Moment) -> Decision {
        let &Sample { settings, arrivals, surge_workers } = sample;
        // The time that ends now was spent in the state that ends now.
        let frozen = self.surge.freezes();
        let Settings { threshold, floor, .. } = settings;
        let detection = self.detector.step(&Arrivals { so_far: arrivals, frozen, threshold, floor }, now);
        let seen = Seen { settings, detection, learns_for: self.detector.learns_for(), surge_workers };
        let rule = self.surge.step(&seen, now);
        if rule == Rule::Detected {
            self.detector.suspect_the_minute();
        }
        let left = match rule {
            Rule::Learning => self.detector.learns_for().unwrap_or_default(),
            _ => self.surge.left(now),
        };
        let (phase, extra) = (self.phase(settings.enabled), self.surge.extra());
        Decision { phase, extra, rule, detection, left, surge_workers }
    }
}
