//! A pool that has as many workers as the law says, and a load in erlangs: workers busy on average, if there are enough.

use std::time::Duration;

use super::super::{Decision, Sample, Scaling, Surge, Thresholds};
use crate::law::Law;
use crate::time::Moment;

pub(super) const TICK: Duration = Duration::from_millis(250);

/// Two idle workers of a pool of 1 to 64.
pub(super) const SAMPLE: Sample = Sample {
    workers: 2,
    min: 1,
    max: 64,
    utilisation: 0.0,
    least_delay: None,
    waiting: 0,
    surge: Surge { extra: 0, held: 0, lease: false },
    manual: None,
    auto: true,
    wish: None,
    thresholds: THRESHOLDS,
};

pub(super) const THRESHOLDS: Thresholds = Thresholds {
    up: 0.8,
    target: 0.7,
    down: 0.5,
    calm: Duration::from_secs(60),
    queue_delay: Duration::from_millis(5),
};

#[derive(Clone)]
pub(super) struct Simulator {
    pub(super) law: Scaling,
    /// The next sample but for what the load decides; what a test changes here holds from then on.
    pub(super) sample: Sample,
    pub(super) tick: Duration,
    pub(super) now: Moment,
    /// Numbers of workers, one per change.
    pub(super) changes: Vec<u32>,
}

impl Simulator {
    pub(super) fn new(workers: u32, min: u32, max: u32) -> Self {
        let sample = Sample { workers, min, max, ..SAMPLE };
        Self { law: Scaling::default(), sample, tick: TICK, now: Moment::default(), changes: vec![] }
    }

    /// One tick under this load; says what the sample was, too.
    pub(super) fn step(&mut self, load: f64) -> (Sample, Decision) {
        let workers = f64::from(self.sample.workers);
        let overloaded = load > workers;
        let utilisation = if overloaded { 1.0 } else { load / workers };
        self.measured(utilisation, u32::from(overloaded))
    }

    pub(super) fn measured(&mut self, utilisation: f64, waiting: u32) -> (Sample, Decision) {
        self.now = self.now.after(self.tick);
        let sample = Sample { utilisation, waiting, ..self.sample };
        let decision = self.law.step(&sample, self.now);
        let least = sample.min.min(sample.max);
        assert!((least..=sample.max.max(sample.min)).contains(&decision.to), "bounds: {decision:?}");
        assert!(decision.surge <= decision.to, "{decision:?}");
        if decision.to != sample.workers {
            self.changes.push(decision.to);
        }
        self.sample.workers = decision.to;
        self.sample.surge.held = decision.surge;
        (sample, decision)
    }

    pub(super) fn run(&mut self, time: Duration, load: impl Fn(Duration) -> f64) {
        let start = self.now;
        while self.now.since(start) < time {
            self.step(load(self.now.since(start)));
        }
    }

    pub(super) fn workers(&self) -> u32 {
        self.sample.workers
    }

    /// How often it went one way after it had gone the other.
    pub(super) fn reversals(&self, start: u32) -> usize {
        let mut numbers = vec![start];
        numbers.extend(&self.changes);
        let ways: Vec<bool> = numbers.windows(2).map(|pair| pair[1] > pair[0]).collect();
        ways.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}
