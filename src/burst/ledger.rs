//! What surges cost, and what they were good for.

use std::time::Duration;

use super::decision::{Decision, Rule};

/// The account of all surges since the start. Times are of workers: two workers for a second are two seconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Ledger {
    /// Surges started.
    pub surges: u64,
    /// Leases renewed.
    pub renewals: u64,
    /// Time of surge workers that the pools had.
    pub granted: Duration,
    /// The part of it that they spent on jobs.
    pub busy: Duration,
    /// Time of surge workers that were wished for and not to be had: no cores, or a pool at its maximum.
    pub denied: Duration,
    /// Jobs that surge workers finished.
    pub jobs: u64,
    /// What was granted, in seconds of an ordinary worker: each second times the cost that was set at the time.
    pub cost: f64,
}

/// What came to pass since the last entry, all pools together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Accrual {
    pub(crate) elapsed: Duration,
    /// Surge workers that should have been there.
    pub(crate) wished: u32,
    /// Surge workers that were there; more than wished for while they are being returned.
    pub(crate) granted: u32,
    /// What they spent on jobs.
    pub(crate) busy: Duration,
    /// Jobs that they finished.
    pub(crate) jobs: u64,
    pub(crate) cost_factor: f64,
}

impl Ledger {
    /// Enters surges and renewals.
    pub(crate) fn note(&mut self, decision: &Decision) {
        self.surges += u64::from(decision.rule == Rule::Detected);
        self.renewals += u64::from(decision.rule == Rule::Renewed);
    }

    /// Enters what came to pass.
    pub(crate) fn add(&mut self, entry: Accrual) {
        let Accrual { elapsed, wished, granted, busy, jobs, cost_factor } = entry;
        let time = elapsed.saturating_mul(granted);
        self.granted = self.granted.saturating_add(time);
        // Workers measure their own time: a job that ended just now may count more than has passed since the last entry.
        self.busy = self.busy.saturating_add(busy.min(time));
        self.denied = self.denied.saturating_add(elapsed.saturating_mul(wished.saturating_sub(granted)));
        self.jobs = self.jobs.saturating_add(jobs);
        self.cost += time.as_secs_f64() * cost_factor;
    }

    /// Time that surge workers were there for nothing.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.granted.saturating_sub(self.busy)
    }

    /// The part of the granted time that was spent on jobs, 0 to 1; 0 if none was granted.
    #[must_use]
    pub fn efficiency(&self) -> f64 {
        if self.granted.is_zero() { 0.0 } else { self.busy.as_secs_f64() / self.granted.as_secs_f64() }
    }

    /// The return on investment: jobs finished by surge workers per second of an ordinary worker that they cost; 0 if they cost nothing.
    #[must_use]
    pub fn jobs_per_cost(&self) -> f64 {
        if self.cost > 0.0 { self.jobs as f64 / self.cost } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<Accrual>> {
        let entry = (0..10_000_u64, 0..50_u32, 0..50_u32, 0..100_000_u64, 0..1000_u64, 1.0..5.0);
        let entry = entry.prop_map(|(elapsed, wished, granted, busy, jobs, cost_factor)| {
            let (elapsed, busy) = (Duration::from_millis(elapsed), Duration::from_millis(busy));
            Accrual { elapsed, wished, granted, busy, jobs, cost_factor }
        });
        vec(entry, 0..50)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_the_columns(entries in entries()) {
            let mut ledger = Ledger::default();
            let (mut cost, mut wished, mut jobs) = (0.0, Duration::ZERO, 0);
            for entry in entries {
                ledger.add(entry);
                cost += entry.cost_factor * f64::from(entry.granted) * entry.elapsed.as_secs_f64();
                wished += entry.elapsed * entry.wished.max(entry.granted);
                jobs += entry.jobs;
            }
            prop_assert!((ledger.cost - cost).abs() <= 1e-9 * cost.max(1.0));
            prop_assert_eq!(ledger.granted, ledger.busy + ledger.idle());
            prop_assert_eq!(wished, ledger.granted + ledger.denied);
            prop_assert_eq!(jobs, ledger.jobs);
            prop_assert!((0.0..=1.0).contains(&ledger.efficiency()));
        }

        #[test]
        fn nothing_is_too_much(elapsed: u64, workers: (u32, u32), busy: u64, jobs: u64) {
            let (wished, granted) = workers;
            let (elapsed, busy) = (Duration::from_secs(elapsed), Duration::from_secs(busy));
            let mut ledger = Ledger::default();
            for _ in 0..3 {
                ledger.add(Accrual { elapsed, wished, granted, busy, jobs, cost_factor: 2.0 });
            }
            prop_assert!(ledger.busy <= ledger.granted && ledger.cost.is_finite());
        }
    }

    #[test]
    fn an_hour_of_surge_in_figures() {
        let mut ledger = Ledger::default();
        assert!(ledger.efficiency().abs() < 1e-9 && ledger.jobs_per_cost().abs() < 1e-9);
        let (elapsed, busy) = (Duration::from_secs(3600), Duration::from_secs(5400));
        ledger.add(Accrual { elapsed, wished: 5, granted: 3, busy, jobs: 43_200, cost_factor: 2.0 });
        assert_eq!(ledger.granted, Duration::from_secs(3 * 3600));
        assert_eq!(ledger.denied, Duration::from_secs(2 * 3600));
        assert_eq!(ledger.idle(), Duration::from_secs(5400));
        assert!((ledger.cost - 21_600.0).abs() < 1e-6 && (ledger.efficiency() - 0.5).abs() < 1e-9);
        assert!((ledger.jobs_per_cost() - 2.0).abs() < 1e-9);
    }
}
