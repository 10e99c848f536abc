//! The step of the law.

use std::time::Duration;

use super::demand::{Demand, TICKS};
use super::{Decision, Rule, Sample};
use crate::calm::{Calm, Way};
use crate::law::Law;
use crate::time::Moment;

/// A pool has to be idle for this long, and for as many ticks as growing takes.
const IDLE: Duration = Duration::from_secs(1);

/// What the law remembers of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scaling {
    calm: Calm,
    demand: Demand,
    /// Ticks in a row, up to those needed.
    busy: usize,
    delayed: usize,
    idle: Option<Idle>,
    last: Option<Moment>,
}

/// Idle ticks in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Idle {
    since: Moment,
    ticks: usize,
    greatest_load: f64,
}

impl Law for Scaling {
    type Sample = Sample;
    type Decision = Decision;

    fn step(&mut self, sample: &Sample, now: Moment) -> Decision {
        self.count(sample, now);
        let decision = self.decide(sample, now);
        if decision.to != sample.workers {
            // What comes next is decided by ticks of the changed pool.
            (self.busy, self.delayed, self.idle) = (0, 0, None);
            if !matches!(decision.rule, Rule::Manual | Rule::Bounds) {
                let way = if decision.to > sample.workers { Way::Forth } else { Way::Back };
                self.calm.went(way, sample.thresholds.calm, now);
            }
        }
        decision
    }
}

impl Scaling {
    fn count(&mut self, sample: &Sample, now: Moment) {
        let in_a_row = |ticks: usize, one_more: bool| if one_more { (ticks + 1).min(TICKS) } else { 0 };
        let load = sample.load();
        self.demand.note(load, sample.thresholds.calm, now);
        self.busy = in_a_row(self.busy, sample.utilisation() > sample.thresholds.up);
        self.delayed = in_a_row(self.delayed, sample.delayed());
        let is_idle =
            sample.utilisation() < sample.thresholds.down && sample.waiting == 0 && !sample.delayed();
        // A tick is about the time since the one before.
        let start = Idle { since: self.last.unwrap_or(now), ticks: 0, greatest_load: 0.0 };
        self.idle = is_idle.then(|| {
            let Idle { since, ticks, greatest_load } = self.idle.unwrap_or(start);
            Idle { since, ticks: in_a_row(ticks, true), greatest_load: greatest_load.max(load) }
        });
        self.last = Some(now);
    }

    fn decide(&self, sample: &Sample, now: Moment) -> Decision {
        let Sample { workers, surge, .. } = *sample;
        let by_hand = |to: u32, rule: Rule| {
            // Nobody returns them one by one; those beyond the surge are now as ordinary as the others.
            Decision { to, surge: surge.held.min(surge.extra).min(to), rule }
        };
        if let Some(manual) = sample.manual {
            return by_hand(sample.within_bounds(manual), Rule::Manual);
        }
        let bounded = sample.within_bounds(workers);
        let bounds = if bounded == workers { Rule::Steady } else { Rule::Bounds };
        if !sample.auto {
            return by_hand(bounded, bounds);
        }
        let (to, rule) = match self.largest_wish(sample) {
            _ if bounded < workers => (bounded, bounds),
            Some((wish, rule)) if sample.within_bounds(wish) > bounded => (sample.within_bounds(wish), rule),
            _ if bounded > workers => (bounded, bounds),
            Some(_) if surge.held > surge.extra && !surge.lease => (workers, Rule::SurgeKept),
            Some(_) => (workers, Rule::AtMaximum),
            None => self.less(sample, now),
        };
        Decision { to, surge: surge_workers(sample, to), rule }
    }

    /// The first of the largest wishes for more workers than there are.
    fn largest_wish(&self, sample: &Sample) -> Option<(u32, Rule)> {
        let Sample { workers, surge, .. } = *sample;
        let enough = self.enough(sample);
        // What is missing while a surge returns is not made up for: it would have to go again at once.
        let missing = if surge.lease { surge.extra.saturating_sub(surge.held) } else { 0 };
        let first = workers == 0 && sample.waiting > 0;
        let wishes = [
            (self.busy >= TICKS).then_some((enough, Rule::Busy)),
            (self.delayed >= TICKS).then_some((enough, Rule::Queueing)),
            first.then_some((1, Rule::Queueing)),
            Some((workers.saturating_add(missing), Rule::Surge)),
            sample.wish.map(|wish| (wish, Rule::Asked)),
        ];
        // `max_by_key` takes the last of equals.
        let largest = wishes.into_iter().rev().flatten().max_by_key(|(wish, _)| *wish);
        largest.filter(|(wish, _)| *wish > workers)
    }

    /// Workers that would be busy for the target's share of their time.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "capped by the cast, never negative"
    )]
    fn enough(&self, sample: &Sample) -> u32 {
        // A billionth of a worker is a rounding error.
        (self.demand.mean() / sample.thresholds.target - 1e-9).ceil() as u32
    }

    /// One worker less, or why not; nobody wants more.
    fn less(&self, sample: &Sample, now: Moment) -> (u32, Rule) {
        let Sample { workers, surge, .. } = *sample;
        let idle = self.idle.filter(|idle| idle.ticks >= TICKS && now.since(idle.since) >= IDLE);
        let is_over = surge.held > surge.extra;
        let at_minimum = workers <= sample.min;
        let wished = sample.wish.is_some_and(|wish| wish >= workers);
        // One at a time, and only by returning: what the load needs is seen when the surge is over.
        let returns = surge.extra > 0 && !is_over;
        let rule = if surge.lease && is_over || (surge.lease || returns) && idle.is_some() && !at_minimum {
            Rule::LeaseDenied
        } else if is_over {
            // A load that has just come is not averaged away.
            let unneeded = self.delayed == 0 && fits(self.demand.mean().max(sample.load()), sample);
            if unneeded && !at_minimum && !wished { Rule::SurgeReturned } else { Rule::SurgeKept }
        } else if self.delayed >= TICKS {
            Rule::NotBusyEnough
        } else if let Some(idle) = idle.filter(|_| !at_minimum) {
            if wished {
                Rule::WishDenied
            } else if !fits(idle.greatest_load, sample) {
                Rule::GuardDenied
            } else if !self.is_calm(sample, now) {
                Rule::CalmDenied
            } else {
                Rule::Idle
            }
        } else {
            Rule::Steady
        };
        (if matches!(rule, Rule::SurgeReturned | Rule::Idle) { workers - 1 } else { workers }, rule)
    }

    /// Whether the pool was idle, and the smaller one would have been enough, throughout the calm.
    fn is_calm(&self, sample: &Sample, now: Moment) -> bool {
        let calm = sample.thresholds.calm;
        let idle_at = |load: f64| load < sample.thresholds.down * f64::from(sample.workers);
        let peak = self.demand.peak(calm, now);
        peak.is_some_and(|load| idle_at(load) && fits(load, sample)) && self.calm.wait(calm, now).is_zero()
    }
}

/// Whether a pool with one worker less could carry the load.
fn fits(load: f64, sample: &Sample) -> bool {
    load <= sample.thresholds.target * f64::from(sample.workers.saturating_sub(1))
}

/// How many of the workers are there for the surge: new ones as long as it lacks some, and one less in each step
/// once it has too many, whether that one leaves or not. Whoever leaves otherwise is an ordinary one.
fn surge_workers(sample: &Sample, to: u32) -> u32 {
    let Sample { workers, surge, .. } = *sample;
    let surge_workers = if surge.held <= surge.extra && !surge.lease {
        surge.held
    } else if surge.held <= surge.extra {
        surge.held.saturating_add(to.saturating_sub(workers)).min(surge.extra)
    } else if surge.lease {
        surge.held
    } else {
        surge.held - 1
    };
    surge_workers.min(to)
}
