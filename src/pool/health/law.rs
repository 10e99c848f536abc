//! The step of the law.

use super::{Decision, Health, Sample, observe};
use crate::law::Law;
use crate::time::Moment;

/// Good checks in a row before a pool is called better.
const GOOD: u32 = 2;

/// What the law remembers of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HealthLaw {
    /// What is acted on.
    health: Health,
    /// What the check before showed.
    before: Health,
    /// Checks in a row that showed something better than is acted on.
    good: u32,
}

impl Default for HealthLaw {
    fn default() -> Self {
        Self { health: Health::Healthy, before: Health::Healthy, good: 0 }
    }
}

impl Law for HealthLaw {
    type Sample = Sample;
    type Decision = Decision;

    fn step(&mut self, sample: &Sample, _now: Moment) -> Decision {
        let (observed, sign) = observe(sample);
        // Two in a row are as bad as the better of them.
        let sure = if sign.is_a_fact() { observed } else { observed.min(self.before) };
        if !sample.between {
            self.before = observed;
            self.good = if observed < self.health { self.good + 1 } else { 0 };
        }
        if sure > self.health {
            (self.health, self.good) = (sure, 0);
        } else if self.good == GOOD {
            self.health = one_better(self.health);
            self.good = 0;
        }
        Decision { health: self.health, observed, sign, replace: replaceable(sample) }
    }
}

fn one_better(health: Health) -> Health {
    match health {
        Health::Critical => Health::Degraded,
        Health::Degraded | Health::Healthy => Health::Healthy,
    }
}

/// Each lost worker is a thread that may never end: there are never more of them than the cap.
fn replaceable(sample: &Sample) -> u32 {
    sample.newly_stalled().min(sample.settings.replacements.saturating_sub(sample.lost))
}
