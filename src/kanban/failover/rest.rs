//! The law of leaving a broker alone: one that fails a consumer's call is not asked again until a probe is answered, so that it cannot
//! hold up the other.

use std::time::Duration;

use crate::time::Moment;

/// From a failure to the next probe: for one that answers and fails, and for one that does not answer. Doubled each time.
const FAILS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
const HANGS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// When it is to be probed; `None` if it may be asked.
    until: Option<Moment>,
    /// Failures since it last worked.
    times: u32,
    hangs: bool,
}

impl Rest {
    /// A call or a probe failed; `hung`: without an answer. Tells whether the rest begins with it.
    pub(super) fn failed(&mut self, hung: bool, now: Moment) -> bool {
        let begins = self.times == 0;
        let (least, most) = if hung { HANGS } else { FAILS };
        let pause = least.saturating_mul(1 << self.times.min(16)).min(most);
        self.times = self.times.saturating_add(1);
        self.hangs = hung;
        self.until = Some(now.after(pause));
        begins
    }

    /// A probe was answered: it may be asked again. How long the next rest is depends on what comes of that.
    pub(super) fn wake(&mut self) {
        self.until = None;
    }

    /// A call worked; tells whether a rest ends with it.
    pub(super) fn worked(&mut self) -> bool {
        let ends = self.times > 0;
        *self = Self::default();
        ends
    }

    pub(super) fn is_resting(&self) -> bool {
        self.until.is_some()
    }

    /// Whether to ask it would cost time.
    pub(super) fn would_hang(&self) -> bool {
        self.until.is_some() && self.hangs
    }

    /// When it is to be probed, if it rests.
    pub(super) fn until(&self) -> Option<Moment> {
        self.until
    }

    /// Whether it has failed since it last worked.
    pub(super) fn is_failing(&self) -> bool {
        self.times > 0
    }
}
