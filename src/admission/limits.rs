//! The law of admission: who may come in, as a pure function of what is in flight and what is allowed.

use crate::error::{Reason, Rejected};

/// How much may be in flight at once.
///
/// Counts of permits: `soft <= hard`, `reserved < hard`, `hard` from 1 to [`Limits::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    soft: u32,
    hard: u32,
    reserved: u32,
}

/// The limits contradict each other or are out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitsError {
    /// The hard limit is 0 or above [`Limits::MAX`].
    HardOutOfRange(u32),
    /// The soft limit is 0 or above the hard one.
    SoftOutOfRange {
        /// The soft limit given.
        soft: u32,
        /// The hard limit given.
        hard: u32,
    },
    /// The reserve leaves nothing to the others.
    ReserveTooLarge {
        /// The reserve given.
        reserved: u32,
        /// The hard limit given.
        hard: u32,
    },
}

impl std::fmt::Display for LimitsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LimitsError::HardOutOfRange(hard) => {
                write!(f, "the hard limit is {hard}; it must be from 1 to {}", Limits::MAX)
            }
            LimitsError::SoftOutOfRange { soft, hard } => {
                write!(f, "the soft limit is {soft}; it must be from 1 to the hard limit ({hard})")
            }
            LimitsError::ReserveTooLarge { reserved, hard } => {
                write!(f, "the reserve is {reserved}; it must be below the hard limit ({hard})")
            }
        }
    }
}

impl std::error::Error for LimitsError {}

impl Limits {
    /// The largest hard limit: three limits share one 64-bit word, 21 bits each.
    pub const MAX: u32 = (1 << 21) - 1;

    /// Limits of `soft` and `hard` permits, of which `reserved` are for priority work alone.
    ///
    /// # Errors
    /// Unless `1 <= soft <= hard <=` [`Limits::MAX`] and `reserved < hard`.
    ///
    /// ```
    /// use heijunka::Limits;
    ///
    /// let limits = Limits::new(1000, 1200, 240)?;
    /// assert_eq!(limits.normal(), 960); // what the others may use of the hard limit
    /// assert_eq!(limits.normal_soft(), 800);
    /// # Ok::<(), heijunka::LimitsError>(())
    /// ```
    pub const fn new(soft: u32, hard: u32, reserved: u32) -> Result<Self, LimitsError> {
        if hard == 0 || hard > Self::MAX {
            return Err(LimitsError::HardOutOfRange(hard));
        }
        if soft == 0 || soft > hard {
            return Err(LimitsError::SoftOutOfRange { soft, hard });
        }
        if reserved >= hard {
            return Err(LimitsError::ReserveTooLarge { reserved, hard });
        }
        Ok(Self { soft, hard, reserved })
    }

    /// Limits with a share of the hard limit reserved: `share` of 0.2 is 20 %, rounded up to whole permits.
    ///
    /// # Errors
    /// As [`Limits::new`]; a share that is negative or not a number counts as 0.
    pub fn with_reserve(soft: u32, hard: u32, share: f64) -> Result<Self, LimitsError> {
        // The small slack keeps products such as 0.2 x 1200, which is 240.00000000000003, at 240.
        let reserved = (share * f64::from(hard) - 1e-6).ceil().max(0.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and was clipped at 0"
        )]
        Self::new(soft, hard, reserved as u32)
    }

    /// From here on low-priority work is refused, and [`Status::pressure`](super::Status::pressure) warns.
    #[must_use]
    pub const fn soft(self) -> u32 {
        self.soft
    }

    /// Never exceeded.
    #[must_use]
    pub const fn hard(self) -> u32 {
        self.hard
    }

    /// Kept for priority work, never lent.
    #[must_use]
    pub const fn reserved(self) -> u32 {
        self.reserved
    }

    /// The effective limit of everything that is not priority work.
    #[must_use]
    pub const fn normal(self) -> u32 {
        self.hard - self.reserved
    }

    /// The soft limit of everything that is not priority work: the soft limit less its share of the reserve.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "at most `soft`, since normal() <= hard")]
    pub const fn normal_soft(self) -> u32 {
        (self.soft as u64 * self.normal() as u64 / self.hard as u64) as u32
    }

    pub(super) const fn pack(self) -> u64 {
        (self.soft as u64) << 42 | (self.hard as u64) << 21 | self.reserved as u64
    }

    #[allow(clippy::cast_possible_truncation, reason = "each field is masked to 21 bits")]
    pub(super) const fn unpack(word: u64) -> Self {
        let mask = Limits::MAX as u64;
        Self {
            soft: (word >> 42 & mask) as u32,
            hard: (word >> 21 & mask) as u32,
            reserved: (word & mask) as u32,
        }
    }
}

/// Which limits a piece of work has to obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    pub(super) rank: Rank,
    pub(super) sub: Option<SubLimitId>,
    /// Whether it is still admitted while nothing comes in from outside.
    pub(super) pulled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Priority,
    Normal,
    Low,
}

/// Names one of a regulator's sub-limits; see [`Regulator::with_sub_limits`](super::Regulator::with_sub_limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubLimitId(pub(super) u8);

impl Class {
    /// Work of a priority domain: up to the hard limit, reserve included.
    pub const PRIORITY: Class = Class { rank: Rank::Priority, sub: None, pulled: false };
    /// Ordinary work: up to the hard limit less the reserve.
    pub const NORMAL: Class = Class { rank: Rank::Normal, sub: None, pulled: false };
    /// Low-priority work, of whatever domain: as [`Class::NORMAL`], and refused from the soft limit on.
    pub const LOW: Class = Class { rank: Rank::Low, sub: None, pulled: false };

    /// The same class, capped by a sub-limit as well.
    #[must_use]
    pub const fn capped_by(self, sub: SubLimitId) -> Class {
        Class { sub: Some(sub), ..self }
    }

    /// The same class, for work that was accepted long ago and is pulled from a queue: it is admitted while a drain empties that
    /// queue, when nothing else is.
    pub(crate) const fn pulled(self) -> Class {
        Class { pulled: true, ..self }
    }
}

/// What is in flight, and whether the door is closed: the value of the token word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) normal: u32,
    pub(super) total: u32,
    pub(super) closed: bool,
}

/// The decision: what is in flight after `n` permits of `rank` are taken, or why they are not.
///
/// Both constraints are checked against one value of one word, so that taking them in one compare-and-swap keeps
/// `total <= hard` and `normal <= hard - reserved` for the limits given, whatever else happens.
#[allow(
    clippy::inline_always,
    reason = "so short that a call, and a result returned through memory, would show"
)]
#[inline(always)]
pub(super) fn admit(now: InFlight, limits: Limits, rank: Rank, n: u32) -> Result<InFlight, Rejected> {
    let refuse = |reason, in_flight, limit| Err(Rejected { reason, in_flight, limit, wanted: n });
    if now.closed {
        return refuse(Reason::Closed, now.total, 0);
    }
    if n > limits.hard - now.total.min(limits.hard) {
        let reason = if n > limits.hard { Reason::TooLarge } else { Reason::HardLimit };
        return refuse(reason, now.total, limits.hard);
    }
    if rank == Rank::Priority {
        return Ok(InFlight { total: now.total + n, ..now });
    }
    if n > limits.normal() - now.normal.min(limits.normal()) {
        let reason = if n > limits.normal() { Reason::TooLarge } else { Reason::Reserve };
        return refuse(reason, now.normal, limits.normal());
    }
    if rank == Rank::Low {
        if now.total >= limits.soft {
            return refuse(Reason::SoftLimit, now.total, limits.soft);
        }
        if now.normal >= limits.normal_soft() {
            return refuse(Reason::SoftLimit, now.normal, limits.normal_soft());
        }
    }
    Ok(InFlight { normal: now.normal + n, total: now.total + n, closed: false })
}

/// When to retry, by Little's law (J. Little, "A Proof for the Queuing Formula L = λW", 1961): with `in_flight`
/// permits each held for `hold` on average, one comes back every `hold / in_flight`.
pub(super) fn retry_after(rejected: &Rejected, hold: std::time::Duration) -> Option<std::time::Duration> {
    if !rejected.reason.is_temporary() {
        return None;
    }
    let missing = (u64::from(rejected.in_flight) + u64::from(rejected.wanted))
        .saturating_sub(u64::from(rejected.limit))
        .clamp(1, u64::from(rejected.in_flight.max(1)));
    Some(hold.mul_f64(missing as f64 / f64::from(rejected.in_flight.max(1))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const DEFAULT: Limits = match Limits::new(1000, 1200, 240) {
        Ok(limits) => limits,
        Err(_) => unreachable!(),
    };

    fn at(normal: u32, priority: u32) -> InFlight {
        InFlight { normal, total: normal + priority, closed: false }
    }

    fn reason(now: InFlight, rank: Rank, n: u32) -> Option<Reason> {
        admit(now, DEFAULT, rank, n).err().map(|rejected| rejected.reason)
    }

    #[test]
    fn h07_the_effective_limit_of_normal_work_is_960() {
        assert_eq!(reason(at(959, 0), Rank::Normal, 1), None);
        assert_eq!(reason(at(960, 0), Rank::Normal, 1), Some(Reason::Reserve));
        assert_eq!(reason(at(960, 239), Rank::Priority, 1), None);
        assert_eq!(reason(at(960, 240), Rank::Priority, 1), Some(Reason::HardLimit));
        assert_eq!(reason(at(0, 1200), Rank::Normal, 1), Some(Reason::HardLimit));
    }

    #[test]
    fn h07_low_priority_work_is_shed_from_the_soft_limit_on() {
        assert_eq!(reason(at(799, 0), Rank::Low, 1), None);
        assert_eq!(reason(at(800, 0), Rank::Low, 1), Some(Reason::SoftLimit));
        assert_eq!(reason(at(0, 1000), Rank::Low, 1), Some(Reason::SoftLimit));
        assert_eq!(reason(at(800, 0), Rank::Normal, 1), None);
    }

    #[test]
    fn what_can_never_fit_is_said_so() {
        assert_eq!(reason(at(0, 0), Rank::Priority, 1201), Some(Reason::TooLarge));
        assert_eq!(reason(at(0, 0), Rank::Normal, 961), Some(Reason::TooLarge));
        assert_eq!(reason(at(1, 0), Rank::Normal, 960), Some(Reason::Reserve));
    }

    #[test]
    fn shrinking_below_what_is_in_flight_admits_nothing() {
        let small = Limits::new(5, 10, 2).unwrap();
        assert!(admit(at(900, 100), small, Rank::Priority, 1).is_err());
    }

    #[test]
    fn limits_that_contradict_each_other_say_what_would_be_right() {
        assert_eq!(
            Limits::new(1500, 1200, 0).unwrap_err().to_string(),
            "the soft limit is 1500; it must be from 1 to the hard limit (1200)"
        );
        assert_eq!(Limits::new(1, 0, 0), Err(LimitsError::HardOutOfRange(0)));
        assert_eq!(Limits::new(1, Limits::MAX + 1, 0), Err(LimitsError::HardOutOfRange(Limits::MAX + 1)));
        assert_eq!(Limits::new(1, 10, 10), Err(LimitsError::ReserveTooLarge { reserved: 10, hard: 10 }));
        assert_eq!(Limits::with_reserve(1000, 1200, 0.2).unwrap().reserved(), 240);
        assert_eq!(Limits::with_reserve(1000, 1200, f64::NAN).unwrap().reserved(), 0);
        assert_eq!(Limits::with_reserve(1, 7, 0.5).unwrap().reserved(), 4);
    }

    #[test]
    fn the_retry_hint_follows_littles_law() {
        let refused =
            |in_flight, limit, wanted| Rejected { reason: Reason::HardLimit, in_flight, limit, wanted };
        let hold = Duration::from_millis(100);
        // 100 in flight for 100 ms each: one comes back every millisecond.
        assert_eq!(retry_after(&refused(100, 100, 1), hold), Some(Duration::from_millis(1)));
        assert_eq!(retry_after(&refused(100, 100, 10), hold), Some(Duration::from_millis(10)));
        assert_eq!(retry_after(&refused(100, 50, 1), hold), Some(Duration::from_millis(51)));
        let never = Rejected { reason: Reason::TooLarge, in_flight: 0, limit: 10, wanted: 11 };
        assert_eq!(retry_after(&never, hold), None);
    }

    fn any_limits() -> impl Strategy<Value = Limits> {
        (1..=Limits::MAX).prop_flat_map(|hard| {
            (1..=hard, 0..hard).prop_map(move |(soft, reserved)| Limits::new(soft, hard, reserved).unwrap())
        })
    }

    fn any_rank() -> impl Strategy<Value = Rank> {
        prop_oneof![Just(Rank::Priority), Just(Rank::Normal), Just(Rank::Low)]
    }

    proptest! {
        #[test]
        fn both_constraints_hold_after_every_admission(
            limits in any_limits(), rank in any_rank(),
            normal in 0..=Limits::MAX, priority in 0..=Limits::MAX, n in 1..=Limits::MAX,
        ) {
            if let Ok(after) = admit(at(normal, priority), limits, rank, n) {
                prop_assert!(after.total <= limits.hard());
                prop_assert_eq!(after.total, normal + priority + n);
                if rank == Rank::Priority {
                    prop_assert_eq!(after.normal, normal);
                } else {
                    prop_assert!(after.normal <= limits.normal());
                    prop_assert_eq!(after.normal, normal + n);
                }
            }
        }

        #[test]
        fn whoever_is_admitted_would_be_admitted_with_a_better_rank(
            limits in any_limits(), normal in 0..=Limits::MAX, priority in 0..=Limits::MAX, n in 1..=Limits::MAX,
        ) {
            let ok = |rank| admit(at(normal, priority), limits, rank, n).is_ok();
            prop_assert!(!ok(Rank::Low) || ok(Rank::Normal));
            prop_assert!(!ok(Rank::Normal) || ok(Rank::Priority));
        }

        #[test]
        fn packing_loses_nothing(limits in any_limits()) {
            prop_assert_eq!(Limits::unpack(limits.pack()), limits);
        }

        #[test]
        fn the_reserve_is_always_there_for_priority_work(limits in any_limits(), normal in 0..=Limits::MAX) {
            // Whatever normal work was admitted, `reserved` priority permits still fit.
            let normal = normal.min(limits.normal());
            prop_assert!(limits.reserved() == 0 || admit(at(normal, 0), limits, Rank::Priority, limits.reserved()).is_ok());
        }
    }
}
