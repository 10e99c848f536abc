//! The law of detection: what the usual load is, and whether the present one is a burst beside it.

use std::fmt;
use std::time::Duration;

use super::minute::{MINUTE, Minute, SECOND};
use super::significance::significance;
use crate::law::Law;
use crate::time::Moment;

/// The lengths of the windows, in seconds: short ones see a burst soon, long ones see the small one and the slow one.
const WINDOWS: [u8; 7] = [1, 2, 3, 6, 12, 30, 60];
/// The present load is that of so many seconds, as long as Knative's panic window by default.
const CURRENT: usize = 6;
/// How long the baseline remembers, in seconds.
const MEMORY: u32 = 600;
/// What the first baseline stands for, in seconds.
const SEED: u32 = 60;
/// Five standard deviations: by chance about once in three million windows.
const SIGNIFICANT: f64 = 5.0;

/// What was seen of the load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Detection {
    /// The usual load, in arrivals per second: the average of what is older than a minute and belonged to no surge, where the
    /// last 10 minutes or so count most. 0 in the first minute, while it is not known.
    pub(crate) baseline: f64,
    /// The present load, in arrivals per second: of the last 6 seconds.
    pub(crate) current: f64,
    /// The present load over the usual one; 0 while that is not known. Always finite: of a baseline so low that the floor alone
    /// decides what a burst is (by default below 1/6 per second), it takes what the floor stands for.
    pub(crate) ratio: f64,
    /// The shortest window that holds a burst, if one does.
    pub(crate) window: Option<Duration>,
}

impl fmt::Display for Detection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detection { baseline, current, ratio, .. } = self;
        write!(f, "{current:.1}/s now, usually {baseline:.1}/s, ratio {ratio:.1}")
    }
}

/// What the law looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    pub(super) so_far: u64,
    /// What arrived since the last look belongs to a surge, and must not enter the baseline.
    pub(super) frozen: bool,
    pub(super) threshold: f64,
    pub(super) floor: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Detector {
    last: Option<(Moment, u64)>,
    minute: Minute,
    baseline: Baseline,
}

impl Detector {
    /// How long until the baseline is known, if it is not.
    pub(super) fn learns_for(&self) -> Option<Duration> {
        (self.baseline.seconds == 0).then(|| self.minute.missing())
    }

    /// A burst was seen: whatever of it is in the last minute must not enter the baseline.
    pub(super) fn suspect_the_minute(&mut self) {
        self.minute.suspect_all();
    }

    /// Spreads what arrived evenly over the time in which it did.
    fn pass(&mut self, nanos: u64, arrivals: u64, frozen: bool) {
        if nanos > MINUTE as u64 * SECOND {
            return self.skip();
        }
        let (mut passed, mut placed) = (0, 0);
        loop {
            let part = self.minute.left().min(nanos - passed);
            passed += part;
            let due = share(arrivals, passed, nanos);
            self.minute.fill(part, due - placed, frozen);
            placed = due;
            if self.minute.left() > 0 {
                return;
            }
            let old = self.minute.turn();
            if self.baseline.seconds == 0 && self.minute.seconds() == MINUTE {
                self.baseline = Baseline::seed(&self.minute);
                self.minute.suspect_all();
            } else if let Some(old) = old.filter(|old| !old.suspect) {
                self.baseline.enter(old.arrivals);
            }
        }
    }

    /// Nobody looked for more than a minute, as when the machine was suspended. When the arrivals of that time came is not known, so
    /// they are left out; what was seen before has left the minute; a baseline that was not yet known is learnt anew.
    fn skip(&mut self) {
        let seen = self.minute.clear();
        if self.baseline.seconds > 0 {
            seen.iter().filter(|old| !old.suspect).for_each(|old| self.baseline.enter(old.arrivals));
        }
    }

    fn detect(&self, threshold: f64, floor: u64) -> Detection {
        let current = self.minute.rate(CURRENT);
        if self.baseline.seconds == 0 {
            return Detection { current, ..Detection::default() };
        }
        let (baseline, measured) = (self.baseline.per_second, f64::from(self.baseline.seconds));
        let is_burst = |window: &u8| {
            let (count, seconds) = (self.minute.within(usize::from(*window)), f64::from(*window));
            count >= floor.max(1)
                && count as f64 >= threshold * baseline * seconds
                && significance(count, seconds, baseline, measured) >= SIGNIFICANT
        };
        let window = WINDOWS.into_iter().find(is_burst);
        let least = floor.max(1) as f64 / (threshold * MINUTE as f64);
        let window = window.map(|window| Duration::from_secs(window.into()));
        Detection { baseline, current, ratio: current / baseline.max(least), window }
    }
}

impl Law for Detector {
    type Sample = Arrivals;
    type Decision = Detection;

    fn step(&mut self, sample: &Arrivals, now: Moment) -> Detection {
        // The first look only says where the counting starts: when the arrivals before it came is not known.
        let (last, before) = self.last.unwrap_or((now, sample.so_far));
        self.pass(now.nanos_since(last), sample.so_far.saturating_sub(before), sample.frozen);
        self.last = Some((last.max(now), before.max(sample.so_far)));
        self.detect(sample.threshold, sample.floor)
    }
}

/// How many of `arrivals` came within the first `passed` of `nanos` nanoseconds; all of them at the end.
fn share(arrivals: u64, passed: u64, nanos: u64) -> u64 {
    if passed == nanos {
        return arrivals;
    }
    let share = u128::from(arrivals) * u128::from(passed) / u128::from(nanos);
    u64::try_from(share).unwrap_or(arrivals)
}

/// The usual load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Baseline {
    per_second: f64,
    /// How many seconds it stands for, up to its memory; 0: it is not known. A mean over so many seconds is known at least as well as
    /// the exponential average that it turns into.
    seconds: u32,
}

impl Baseline {
    /// The median load of the first minute, in ten spans of six seconds: a burst of up to 24 seconds does not hide itself, and
    /// arrivals that come in clumps every few seconds are not taken for none, as they would be with spans of a second.
    fn seed(minute: &Minute) -> Self {
        let mut spans = minute.spans(CURRENT);
        spans.sort_unstable();
        let middle = spans.len() / 2;
        let two: f64 = spans[middle - 1..=middle].iter().map(|&span| span as f64).sum();
        Self { per_second: two / 2.0 / CURRENT as f64, seconds: SEED }
    }

    /// A mean whose count stops growing is an exponential average from there on.
    fn enter(&mut self, arrivals: u64) {
        self.seconds = (self.seconds + 1).min(MEMORY);
        self.per_second += (arrivals as f64 - self.per_second) / f64::from(self.seconds);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Looks after so many milliseconds, at so many more arrivals.
    fn look(detector: &mut Detector, after: u64, arrivals: u64, frozen: bool) -> Detection {
        let (last, before) = detector.last.unwrap_or_default();
        let sample = Arrivals { so_far: before + arrivals, frozen, threshold: 10.0, floor: 100 };
        detector.step(&sample, last.after(Duration::from_millis(after)))
    }

    fn started() -> Detector {
        let mut detector = Detector::default();
        look(&mut detector, 0, 0, false);
        detector
    }

    proptest! {
        #[test]
        fn every_arrival_is_in_one_second(ticks in vec((1..=10_000_u64, 0..100_000_u64), 1..40)) {
            let mut detector = started();
            let (mut passed, mut expected) = (0, 0);
            for (after, arrivals) in ticks {
                passed += after;
                expected += arrivals;
                look(&mut detector, after, arrivals, true);
                if passed <= 60_000 {
                    prop_assert_eq!(detector.minute.total(), expected);
                }
                prop_assert!(detector.minute.total() <= expected);
            }
        }

        #[test]
        fn a_tick_is_spread_evenly(after in 1..=60_000_u64, arrivals in 0..1_000_000_u64) {
            let mut detector = started();
            look(&mut detector, after, arrivals, false);
            let each = arrivals as f64 * 1000.0 / after as f64;
            for second in detector.minute.spans(1) {
                prop_assert!((second as f64 - each).abs() <= 1.0, "{second} of {each}");
            }
        }

        #[test]
        fn nothing_that_is_counted_makes_it_panic(
            looks in vec((any::<u64>(), any::<u64>(), any::<bool>()), 0..50), threshold in 1.0..1e6, floor: u64,
        ) {
            let mut detector = Detector::default();
            for (nanos, arrivals, frozen) in looks {
                let sample = Arrivals { so_far: arrivals, frozen, threshold, floor };
                let seen = detector.step(&sample, Moment::from_nanos(nanos));
                prop_assert!([seen.baseline, seen.current, seen.ratio].iter().all(|figure| figure.is_finite()));
            }
        }

        #[test]
        fn what_is_frozen_never_enters(before in 0..1000_u64, ticks in vec((1..=10_000_u64, 0..100_000_u64), 1..40)) {
            let mut detector = started();
            for _ in 0..200 {
                look(&mut detector, 1000, before, false);
            }
            let baseline = detector.baseline;
            detector.suspect_the_minute();
            for (after, arrivals) in ticks {
                look(&mut detector, after, arrivals, true);
            }
            for _ in 0..60 {
                look(&mut detector, 1000, before, false);
            }
            prop_assert_eq!(detector.baseline, baseline);
        }

        /// More arrivals in the last minute, which has not entered the baseline: whatever was a burst still is. So it is with ticks of up to a
        /// second; a longer one is spread over seconds in whole arrivals, and one of them in its midst may get one fewer.
        #[test]
        fn more_arrivals_never_undo_a_burst(
            usual in 0..50_u64, minute in vec((1..=1_000_u64, 0..2_000_u64, 0..500_u64), 1..60),
        ) {
            let mut less = started();
            for _ in 0..120 {
                look(&mut less, 1000, usual, false);
            }
            let mut more = less.clone();
            for (after, arrivals, added) in minute {
                let seen = look(&mut less, after, arrivals, false).window;
                let seen_with_more = look(&mut more, after, arrivals + added, false).window;
                if let Some(window) = seen {
                    prop_assert!(seen_with_more.is_some_and(|shortest| shortest <= window));
                }
            }
        }

        #[test]
        fn the_length_of_the_ticks_makes_no_difference(rate in 1..500_u64, ticks in vec(10..=10_000_u64, 30..80)) {
            let (mut irregular, mut regular) = (started(), started());
            let (mut arrived, mut passed) = (0, 0);
            for after in ticks {
                passed += after;
                let now = passed * rate / 1000;
                look(&mut irregular, after, now - arrived, false);
                arrived = now;
            }
            for tick in 1..=passed / 250 {
                look(&mut regular, 250, tick * rate / 4 - (tick - 1) * rate / 4, false);
            }
            let (a, b) = (irregular.baseline.per_second, regular.baseline.per_second);
            prop_assert!((a - b).abs() <= 0.4, "{a} and {b}");
        }
    }

    #[test]
    fn the_baseline_is_a_mean_and_then_an_exponential_average() {
        let mut baseline = Baseline { per_second: 1.0, seconds: 60 };
        (0..60).for_each(|_| baseline.enter(3));
        assert!((baseline.per_second - 2.0).abs() < 1e-9, "the plain mean of two minutes");
        let mut baseline = Baseline { per_second: 100.0, seconds: 600 };
        (0..600).for_each(|_| baseline.enter(0));
        assert!((baseline.per_second - 100.0 / std::f64::consts::E).abs() < 0.1, "after one time constant");
    }

    #[test]
    fn a_gap_invents_no_history() {
        let mut detector = started();
        for _ in 0..600 {
            look(&mut detector, 1000, 100, false);
        }
        let seen = look(&mut detector, 8 * 3_600_000, 5000, false);
        assert!((seen.baseline - 100.0).abs() < 1e-9, "eight hours of nothing did not happen");
        assert!(seen.window.is_none() && seen.current < 1e-9);
        assert_eq!(detector.minute.total(), 0);
        assert!(look(&mut detector, 1000, 1000, false).window.is_some(), "it looks on at once");

        let mut cold = started();
        look(&mut cold, 59_000, 100, false);
        look(&mut cold, 60_001, 100, false);
        assert_eq!(cold.learns_for(), Some(Duration::from_secs(60)), "learning starts anew");
    }

    #[test]
    fn clumps_in_the_first_minute_are_a_load_and_no_burst() {
        let mut detector = started();
        for second in 1..=600_u64 {
            let seen = look(&mut detector, 1000, if second.is_multiple_of(5) { 50 } else { 0 }, false);
            assert!(seen.window.is_none(), "{seen:?}");
        }
    }
}
