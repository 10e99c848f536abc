//! The law of hot keys: which keys make up much of what a pool gets.
//!
//! A hot key is reported, not moved: its pool is where its data is warm, and one key cannot be divided among pools.

use std::time::Duration;

use crate::law::Law;
use crate::time::Moment;

/// Keys counted at a time.
const COUNTERS: usize = 8;
/// What was sampled so long ago counts half.
const HALF_LIFE: Duration = Duration::from_secs(10);
/// With fewer samples in memory than this, nothing new is said,
const ENOUGH: f64 = 30.0;
/// and with fewer than this, nothing at all.
const STILL_ENOUGH: f64 = 15.0;
/// A key is hot from this share of the samples on,
const HOT: f64 = 0.20;
/// and no more below this one.
const COOL: f64 = 0.15;

/// The keys sampled since the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) keys: Vec<u64>,
}

/// The hot keys with their shares, 0 to 1, the hottest first. A share is known to 1/18 either side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) hot: Vec<(u64, f64)>,
}

/// The summary of Misra and Gries, "Finding repeated elements" (Science of Computer Programming 2, 1982), with weights
/// that fade: a new sample counts 1, and all that is remembered is halved in every half-life.
///
/// What does not fit into the counters is taken off all of them alike. So each is too low by the same figure at
/// most, which fades as they do, and is a ninth of all samples or less: nine at once are taken out each time, one
/// from each of eight counters and the new one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hot {
    counters: Vec<Counter>,
    /// The weight of all samples.
    total: f64,
    last: Option<Moment>,
    /// The keys that were hot at the last look.
    reported: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Counter {
    key: u64,
    weight: f64,
}

impl Law for Hot {
    type Sample = Sample;
    type Decision = Decision;

    fn step(&mut self, sample: &Sample, now: Moment) -> Decision {
        self.fade(now);
        sample.keys.iter().for_each(|key| self.count(*key));
        let mut hot: Vec<(u64, f64)> = Vec::new();
        let enough = if self.reported.is_empty() { ENOUGH } else { STILL_ENOUGH };
        if self.total >= enough {
            let shares = self.counters.iter().map(|counter| (counter.key, self.share(counter)));
            hot.extend(
                shares.filter(|(key, share)| *share >= if self.reported.contains(key) { COOL } else { HOT }),
            );
        }
        hot.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.reported = hot.iter().map(|(key, _)| *key).collect();
        Decision { hot }
    }
}

impl Hot {
    fn fade(&mut self, now: Moment) {
        let passed = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.last = Some(now);
        let left = f64::exp2(-passed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.total *= left;
        for counter in &mut self.counters {
            counter.weight *= left;
        }
    }

    fn count(&mut self, key: u64) {
        self.total += 1.0;
        if let Some(counter) = self.counters.iter_mut().find(|counter| counter.key == key) {
            counter.weight += 1.0;
            return;
        }
        let mut weight = 1.0;
        if self.counters.len() == COUNTERS {
            let least = self.counters.iter().map(|counter| counter.weight).fold(weight, f64::min);
            weight -= least;
            self.counters.retain_mut(|counter| {
                counter.weight -= least;
                counter.weight > 0.0
            });
        }
        if weight > 0.0 {
            self.counters.push(Counter { key, weight });
        }
    }

    /// The share of a key: in the middle between what was counted and what it may be at most.
    fn share(&self, counter: &Counter) -> f64 {
        let kept: f64 = self.counters.iter().map(|each| each.weight).sum();
        // Each time, as much was taken off every counter as off the new sample.
        let taken = (self.total - kept).max(0.0) / (COUNTERS + 1) as f64;
        (counter.weight + taken / 2.0) / self.total
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// What the summary stands for, counted exactly.
    #[derive(Default)]
    struct Exact {
        weights: BTreeMap<u64, f64>,
        last: u64,
    }

    impl Exact {
        fn step(&mut self, keys: &[u64], millis: u64) {
            let left = f64::exp2(-((millis - self.last) as f64) / 10_000.0);
            self.last = millis;
            self.weights.values_mut().for_each(|weight| *weight *= left);
            for key in keys {
                *self.weights.entry(*key).or_default() += 1.0;
            }
        }

        fn total(&self) -> f64 {
            self.weights.values().sum()
        }

        fn share(&self, key: u64) -> f64 {
            self.weights.get(&key).map_or(0.0, |weight| weight / self.total())
        }
    }

    /// Batches of keys and the time before each: a few keys of any share (small draws) among many rare ones.
    fn batches() -> impl Strategy<Value = Vec<(Vec<u64>, u64)>> {
        let key = |common: u32| prop_oneof![common => 0_u64..3, 2 => 3_u64..9, 6 => 9_u64..60, 10 => 1_000_000_u64..2_000_000];
        (1_u32..30).prop_flat_map(move |common| vec((vec(key(common), 0..64), 1_u64..5000), 1..40))
    }

    proptest! {
        #[test]
        fn shares_are_within_the_error_and_hot_keys_are_found(batches in batches()) {
            let (mut law, mut exact, mut now) = (Hot::default(), Exact::default(), 0);
            let mut before: Vec<u64> = Vec::new();
            for (keys, wait) in batches {
                now += wait;
                exact.step(&keys, now);
                let hot = law.step(&Sample { keys }, at(now)).hot;
                let enough = if before.is_empty() { ENOUGH } else { STILL_ENOUGH };
                if exact.total() < enough {
                    prop_assert!(hot.is_empty());
                } else if exact.total() > enough + 1e-6 {
                    let found = |key: u64| hot.iter().any(|(hot, _)| *hot == key);
                    let total = exact.total();
                    for (key, weight) in exact.weights.iter().filter(|(_, weight)| **weight > 0.3 * total) {
                        prop_assert!(found(*key), "{key}: {weight} of {total}");
                    }
                    for (key, share) in &hot {
                        let exact = exact.share(*key);
                        prop_assert!((share - exact).abs() <= 1.0 / 18.0 + 1e-9, "{key}: {share} for {exact}");
                        let least = if before.contains(key) { COOL } else { HOT };
                        prop_assert!(*share >= least && exact >= least - 1.0 / 18.0 - 1e-9);
                        prop_assert!(exact > 0.1 || before.contains(key));
                    }
                    prop_assert!(hot.is_sorted_by(|a, b| a.1 >= b.1));
                }
                before = hot.iter().map(|(key, _)| *key).collect();
                prop_assert!(law.counters.len() <= COUNTERS);
            }
        }

        #[test]
        fn how_often_one_looks_changes_nothing(keys in vec(0_u64..12, 30..200), looks in 1_usize..20) {
            let (mut once, mut often) = (Hot::default(), Hot::default());
            once.step(&Sample { keys: keys.clone() }, at(0));
            often.step(&Sample { keys }, at(0));
            for look in 1..=looks {
                often.step(&Sample { keys: Vec::new() }, at(look as u64 * 100));
            }
            once.step(&Sample { keys: Vec::new() }, at(looks as u64 * 100));
            prop_assert!((once.total - often.total).abs() < 1e-9);
            for (once, often) in once.counters.iter().zip(&often.counters) {
                prop_assert!(once.key == often.key && (once.weight - often.weight).abs() < 1e-9);
            }
        }
    }

    /// A hundred samples, so many of them of key 1, the rest of seven others, so that all are counted exactly.
    fn hundred(of_key: u64, salt: u64) -> Sample {
        let key = |at: u64| if at * of_key % 100 < of_key { 1 } else { salt * 1000 + at % 7 };
        Sample { keys: (0..100).map(key).collect() }
    }

    #[test]
    fn a_hot_key_stays_hot_down_to_fifteen_per_cent_and_is_forgotten_in_time() {
        let mut law = Hot::default();
        let mut is_hot = |of_key, minute| {
            // A minute apart: hardly anything is left of the round before.
            !law.step(&hundred(of_key, minute), at(minute * 60_000)).hot.is_empty()
        };
        assert!(!is_hot(17, 1));
        assert!(is_hot(30, 2));
        assert!(is_hot(17, 3));
        assert!(!is_hot(8, 4));
        assert!(!is_hot(17, 5));
        // A hundred samples are 15 after 27.4 s.
        assert!(is_hot(40, 6));
        let mut later =
            |millis: u64| !law.step(&Sample { keys: Vec::new() }, at(6 * 60_000 + millis)).hot.is_empty();
        assert!(later(27_000));
        assert!(!later(28_000));
    }
}
