//! What a worker does while there is nothing to do: the trade of latency against processor time.

use std::time::Duration;

/// What the idle worker of a pool does before it sleeps.
///
/// At most one worker per pool spins; the others sleep, however many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Spin for ever: a job starts within fractions of a microsecond, and one core is always busy.
    Spin,
    /// Spin for `spin`, then yield to other threads for as long again, then sleep. The default, with 50 µs:
    /// a stream of jobs meets a waking worker, and an idle pool costs nothing.
    Backoff {
        /// How long to spin; more than the usual gap between jobs keeps the worker awake through it.
        spin: Duration,
    },
    /// Sleep at once: the least processor time; each start pays for waking a thread (some microseconds).
    Park,
}

impl Default for Idle {
    fn default() -> Self {
        Idle::Backoff { spin: Idle::DEFAULT_SPIN }
    }
}

/// What to do next while idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Spin,
    Yield,
    Sleep,
}

impl Idle {
    /// How long [`Idle::Backoff`] spins unless told otherwise.
    pub const DEFAULT_SPIN: Duration = Duration::from_micros(50);

    /// The law: what to do after `idle_nanos` nanoseconds without a job.
    pub(crate) fn step(self, idle_nanos: u64) -> Step {
        match self {
            Idle::Spin => Step::Spin,
            Idle::Park => Step::Sleep,
            Idle::Backoff { spin } => {
                let spin = u64::try_from(spin.as_nanos()).unwrap_or(u64::MAX);
                if idle_nanos < spin {
                    Step::Spin
                } else if idle_nanos < spin.saturating_mul(2) {
                    Step::Yield
                } else {
                    Step::Sleep
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_spins_then_yields_then_sleeps() {
        let idle = Idle::Backoff { spin: Duration::from_micros(50) };
        assert_eq!(idle.step(0), Step::Spin);
        assert_eq!(idle.step(49_999), Step::Spin);
        assert_eq!(idle.step(50_000), Step::Yield);
        assert_eq!(idle.step(100_000), Step::Sleep);
    }

    #[test]
    fn the_extremes_never_change_their_mind() {
        for nanos in [0, 1, 1 << 20, u64::MAX] {
            assert_eq!(Idle::Spin.step(nanos), Step::Spin);
            assert_eq!(Idle::Park.step(nanos), Step::Sleep);
        }
    }
}
