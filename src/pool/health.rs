//! The law of health: how well a pool does, from what can be seen of it.

/// How well a pool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Nothing to see.
    Healthy,
    /// It works, with workers missing, lanes nearly full, or one job in ten failing.
    Degraded,
    /// It has no worker, or half of its jobs fail.
    Critical,
}

impl Health {
    /// The name used in metrics and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Degraded => "degraded",
            Health::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What the law looks at; jobs are those that ended since the last look but one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) workers: u32,
    pub(super) wanted: u32,
    /// Jobs waiting in the fullest lane.
    pub(super) waiting: usize,
    pub(super) lane: usize,
    pub(super) ended: u64,
    pub(super) failed: u64,
}

/// Fewer ended jobs than this say nothing about the share that fails.
const ENOUGH: u64 = 20;

pub(super) fn health(sample: Sample) -> Health {
    let Sample { workers, wanted, waiting, lane, ended, failed } = sample;
    let failing = |one_in: u64| ended >= ENOUGH && failed * one_in >= ended;
    if workers == 0 || failing(2) {
        Health::Critical
    } else if workers < wanted || waiting * 10 >= lane * 9 || failing(10) {
        Health::Degraded
    } else {
        Health::Healthy
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: Sample = Sample { workers: 2, wanted: 2, waiting: 0, lane: 256, ended: 100, failed: 0 };

    #[test]
    fn each_sign_counts() {
        assert_eq!(health(GOOD), Health::Healthy);
        assert_eq!(health(Sample { workers: 1, ..GOOD }), Health::Degraded);
        assert_eq!(health(Sample { waiting: 231, ..GOOD }), Health::Degraded);
        assert_eq!(health(Sample { failed: 10, ..GOOD }), Health::Degraded);
        assert_eq!(health(Sample { failed: 50, ..GOOD }), Health::Critical);
        assert_eq!(health(Sample { workers: 0, wanted: 0, ..GOOD }), Health::Critical);
        assert_eq!(health(Sample { ended: 2, failed: 2, ..GOOD }), Health::Healthy, "two jobs say nothing");
    }

    proptest! {
        #[test]
        fn more_failures_never_look_better(ended in 0u64..1000, a in 0u64..1000, b in 0u64..1000) {
            let at = |failed: u64| health(Sample { ended, failed: failed.min(ended), ..GOOD });
            prop_assert!(at(a.min(b)) <= at(a.max(b)));
        }
    }
}
