//! What is remembered of a pool: how many of its workers were busy lately, and how many at most in the last while.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Moment;

/// So many ticks are averaged, and for so many an imbalance must last: one busy tick says nothing.
pub(super) const PATIENCE: u32 = 3;

/// Busy workers (utilisation x workers) rather than utilisation: the figure stays true when workers come or go.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watch {
    since: Moment,
    /// The last [`PATIENCE`] ticks, newest last.
    ticks: VecDeque<f64>,
    /// Averages that no later one has exceeded, so falling from front to back; none much older than the calm.
    peaks: VecDeque<(Moment, f64)>,
}

impl Watch {
    pub(super) fn new(now: Moment) -> Self {
        Self { since: now, ticks: VecDeque::new(), peaks: VecDeque::new() }
    }

    /// So many workers were busy in the tick that ends now.
    pub(super) fn tick(&mut self, busy: f64, calm: Duration, now: Moment) {
        self.ticks.push_back(busy);
        if self.ticks.len() > PATIENCE as usize {
            self.ticks.pop_front();
        }
        let lately = self.lately();
        while self.peaks.back().is_some_and(|(_, peak)| *peak <= lately) {
            self.peaks.pop_back();
        }
        self.peaks.push_back((now, lately));
        while self.peaks.front().is_some_and(|(at, _)| at.after(calm) <= now) {
            self.peaks.pop_front();
        }
    }

    /// Busy workers, on average over the last ticks.
    pub(super) fn lately(&self) -> f64 {
        self.ticks.iter().sum::<f64>() / self.ticks.len().max(1) as f64
    }

    /// The highest such average within the calm.
    pub(super) fn peak(&self, calm: Duration, now: Moment) -> f64 {
        let within = self.peaks.iter().find(|(at, _)| at.after(calm) > now);
        within.map_or(0.0, |(_, peak)| *peak).max(self.lately())
    }

    /// How long until the peak is one that fits, if nothing changes.
    pub(super) fn wait_for_peak(&self, fits: impl Fn(f64) -> bool, calm: Duration, now: Moment) -> Duration {
        let last_unfit = self.peaks.iter().rev().find(|(_, peak)| !fits(*peak));
        last_unfit.map_or(Duration::ZERO, |(at, _)| at.after(calm).since(now))
    }

    /// How long until it has been watched for the whole calm.
    pub(super) fn wait_for_watch(&self, calm: Duration, now: Moment) -> Duration {
        self.since.after(calm).since(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const CALM: Duration = Duration::from_secs(20);

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    proptest! {
        #[test]
        fn the_peak_is_the_highest_average_within_the_calm(
            busy in vec(0_u32..10, 1..100), later in 0_u64..30, limit in 0_u32..10,
        ) {
            let mut watch = Watch::new(at(0));
            let mut averages = Vec::new();
            for (tick, &now) in (0_u64..).zip(&busy) {
                watch.tick(f64::from(now), CALM, at(tick));
                let last: Vec<f64> = busy[..=averages.len()].iter().rev().take(3).map(|&b| f64::from(b)).collect();
                averages.push(last.iter().sum::<f64>() / last.len() as f64);
                prop_assert!((watch.lately() - averages[averages.len() - 1]).abs() < 1e-9);
            }
            let now = busy.len() as u64 - 1 + later;
            let peak_at = |now: u64| {
                let within = (0_u64..).zip(&averages).filter(|(tick, _)| tick + 20 > now).map(|(_, average)| *average);
                within.fold(watch.lately(), f64::max)
            };
            prop_assert!((watch.peak(CALM, at(now)) - peak_at(now)).abs() < 1e-9);
            // After the wait the peak fits, and not before, unless what is there now does not fit.
            let fits = |peak: f64| peak <= f64::from(limit);
            if fits(watch.lately()) {
                let wait = watch.wait_for_peak(fits, CALM, at(now)).as_secs();
                prop_assert!(fits(peak_at(now + wait)));
                prop_assert!(wait == 0 || !fits(peak_at(now + wait - 1)));
            }
        }
    }
}
