//! The law of bursts as a whole, stepped through simulated time.

mod detection;
mod random;
mod surges;

use std::time::Duration;

use super::{Accrual, Burst, Decision, Ledger, Sample, Settings};
use crate::law::Law;
use crate::time::Moment;

/// Steps a burst handler and three pools that do at once what it says.
struct Run {
    burst: Burst,
    settings: Settings,
    ledger: Ledger,
    tick: Duration,
    now: Moment,
    arrived: f64,
    surge_workers: u32,
    decisions: Vec<Decision>,
}

const POOLS: u32 = 3;

impl Run {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut run = Self {
            burst: Burst::default(),
            settings,
            ledger: Ledger::default(),
            tick: Duration::from_millis(250),
            now: Moment::default(),
            arrived: 0.0,
            surge_workers: 0,
            decisions: Vec::new(),
        };
        run.step(0.0);
        run
    }

    /// After ten minutes at this load.
    fn usual(load: f64) -> Self {
        let mut run = Self::new();
        run.load(600, load);
        run
    }

    fn step(&mut self, arrivals: f64) -> &Decision {
        self.arrived += arrivals;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number, small enough"
        )]
        let arrivals = self.arrived.floor() as u64;
        let Self { settings, surge_workers, .. } = *self;
        let decision = self.burst.step(&Sample { settings, arrivals, surge_workers }, self.now);
        self.surge_workers = POOLS * decision.extra;
        self.ledger.note(&decision);
        self.decisions.push(decision);
        &self.decisions[self.decisions.len() - 1]
    }

    /// Lets `seconds` pass at a load that may depend on the second, from 0 on.
    fn vary(&mut self, seconds: u32, load: impl Fn(f64) -> f64) {
        let (start, long) = (self.now, Duration::from_secs(seconds.into()));
        while self.now.since(start) < long {
            let at = self.now.since(start).as_secs_f64();
            self.now = self.now.after(self.tick);
            self.step(load(at) * self.tick.as_secs_f64());
        }
    }

    fn load(&mut self, seconds: u32, load: f64) {
        self.vary(seconds, |_| load);
    }

    fn last(&self) -> &Decision {
        &self.decisions[self.decisions.len() - 1]
    }

    fn baseline(&self) -> f64 {
        self.last().detection.baseline
    }

    fn saw_a_burst(&self) -> bool {
        self.decisions.iter().any(|decision| decision.detection.window.is_some())
    }
}
