//! What a pool had to do lately, in workers that were busy: a figure that does not change when the pool does.

use std::time::Duration;

use crate::time::Moment;

/// One tick says little: a load is the mean of three.
pub(super) const TICKS: usize = 3;

/// Parts of the calm that are remembered, and one more that is being filled: so the calm is covered at any time.
const PARTS: usize = 6;

/// Loads of the last ticks, and the greatest within the calm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Demand {
    /// Newest first.
    recent: [f64; TICKS],
    ticks: usize,
    /// Greatest means, newest part first.
    peaks: [f64; PARTS + 1],
    part_since: Moment,
    watched_since: Option<Moment>,
}

impl Demand {
    pub(super) fn note(&mut self, load: f64, calm: Duration, now: Moment) {
        self.recent.rotate_right(1);
        self.recent[0] = load;
        self.ticks = (self.ticks + 1).min(TICKS);
        if self.watched_since.is_none() {
            self.watched_since = Some(now);
            self.part_since = now;
        }
        self.forget(calm, now);
        self.peaks[0] = self.peaks[0].max(self.mean());
    }

    /// Starts new parts, as many as have passed.
    fn forget(&mut self, calm: Duration, now: Moment) {
        let part = u64::try_from(calm.as_nanos()).unwrap_or(u64::MAX) / PARTS as u64;
        let passed = now.nanos_since(self.part_since).checked_div(part).unwrap_or(u64::MAX);
        if passed > PARTS as u64 {
            self.peaks = [0.0; PARTS + 1];
            self.part_since = now;
            return;
        }
        for _ in 0..passed {
            self.peaks.rotate_right(1);
            self.peaks[0] = 0.0;
        }
        self.part_since = self.part_since.after(Duration::from_nanos(part * passed));
    }

    /// Of the last three ticks, or as many as there were.
    pub(super) fn mean(&self) -> f64 {
        let ticks = self.ticks.max(1);
        self.recent[..ticks].iter().sum::<f64>() / ticks as f64
    }

    /// The greatest mean within the calm; none until the pool was watched for that long.
    pub(super) fn peak(&self, calm: Duration, now: Moment) -> Option<f64> {
        let watched = now.since(self.watched_since?) >= calm;
        watched.then(|| self.peaks.into_iter().fold(0.0, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It forgets nothing within the calm, and nothing is remembered for much longer.
        #[test]
        fn the_peak_covers_the_calm(
            loads in vec(0_u32..100, 1..300), tick_ms in 10_u64..10_000, calm_ms in 0_u64..100_000,
        ) {
            let calm = Duration::from_millis(calm_ms);
            let at = |tick: usize| Moment::from_nanos(tick as u64 * tick_ms * 1_000_000);
            let mut demand = Demand::default();
            let mut means = Vec::new();
            for (tick, load) in loads.iter().enumerate() {
                let now = at(tick);
                demand.note(f64::from(*load), calm, now);
                means.push((now, demand.mean()));
                let since = |age: Duration| {
                    let young = means.iter().filter(|(then, _)| now.since(*then) <= age);
                    young.map(|(_, mean)| *mean).fold(0.0, f64::max)
                };
                let Some(peak) = demand.peak(calm, now) else {
                    prop_assert!(now.since(at(0)) < calm);
                    continue;
                };
                prop_assert!(now.since(at(0)) >= calm);
                prop_assert!(peak >= since(calm.mul_f64(0.999)), "{peak} forgets");
                prop_assert!(peak <= since(calm.mul_f64(7.001 / 6.0)), "{peak} is of long ago");
            }
        }
    }
}
