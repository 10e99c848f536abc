//! What jobs took lately: the difference between the counts of now and those of a while ago.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::metrics::Latencies;
use crate::ops::wire::{Latency, Percentiles};
use crate::pool::PoolStatus;
use crate::time::Moment;

/// What is compared with lies between one and two of these behind, where somebody keeps asking.
const STEP: Duration = Duration::from_secs(5);

/// The counts of a moment.
#[derive(Debug)]
struct Then {
    at: Moment,
    pools: BTreeMap<String, Latencies>,
}

/// Remembers what is compared with.
#[derive(Debug)]
pub(super) struct Recent {
    base: Then,
    /// What the base will be next.
    next: Then,
}

impl Recent {
    pub(super) fn new(now: Moment) -> Self {
        let then = || Then { at: now, pools: BTreeMap::new() };
        Self { base: then(), next: then() }
    }

    /// Moves on, if it is time.
    pub(super) fn meet(&mut self, now: Moment, pools: &[PoolStatus]) {
        if now.since(self.next.at) >= STEP {
            let pools = pools.iter().map(|pool| (pool.name.clone(), pool.latency.clone())).collect();
            self.base = std::mem::replace(&mut self.next, Then { at: now, pools });
        }
    }

    pub(super) fn of(&self, pool: &PoolStatus, now: Moment) -> Latency {
        let was = self.base.pools.get(&pool.name);
        let since = |part: fn(&Latencies) -> &Histogram<u64>| percentiles(part(&pool.latency), was.map(part));
        Latency {
            window_ms: u64::try_from(now.since(self.base.at).as_millis()).unwrap_or(u64::MAX),
            queue: since(|latency| &latency.queue),
            service: since(|latency| &latency.service),
            total: since(|latency| &latency.total),
        }
    }
}

fn percentiles(now: &Histogram<u64>, was: Option<&Histogram<u64>>) -> Percentiles {
    // A pool that was taken out and came back under its name counts from the beginning: nothing is to be subtracted.
    let lately = was.and_then(|was| {
        let mut lately = now.clone();
        lately.subtract(was).is_ok().then_some(lately)
    });
    let lately = lately.as_ref().unwrap_or(now);
    if lately.is_empty() {
        return Percentiles::default();
    }
    let at = |quantile| lately.value_at_quantile(quantile) as f64 / 1e3;
    Percentiles {
        count: lately.len(),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: lately.max() as f64 / 1e3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for value in values {
            histogram.record(*value).unwrap();
        }
        histogram
    }

    #[test]
    fn what_was_there_before_does_not_count() {
        let was = of(&[1_000_000; 1000]);
        let mut now = was.clone();
        now.add(of(&[2_000; 10])).unwrap();
        let lately = percentiles(&now, Some(&was));
        assert_eq!(lately.count, 10);
        assert!((lately.p50_us - 2.0).abs() < 0.01 && (lately.max_us - 2.0).abs() < 0.01, "{lately:?}");
        assert!(percentiles(&now, None).p50_us > 999.0);
    }

    #[test]
    fn nothing_is_no_time_at_all() {
        let was = of(&[5]);
        assert_eq!(percentiles(&was, Some(&was)), Percentiles::default());
    }

    #[test]
    fn a_pool_that_began_anew_counts_from_its_beginning() {
        assert_eq!(percentiles(&of(&[7_000]), Some(&of(&[1, 2, 3]))).count, 1);
    }
}
