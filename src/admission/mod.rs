//! Admission: who may come in, decided in nanoseconds by one compare-and-swap on one word.
//!
//! - [`limits`](self): the law, a pure function;
//! - `tokens.rs`: the atomics;
//! - this file: [`Regulator`] and [`Permit`], what users see. The protocol is told in `README.md` beside it.
#![doc = include_str!("README.md")]

mod limits;
mod tokens;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use limits::{Class, Limits, LimitsError, SubLimitId};

use crate::error::{Reason, Rejected};
use crate::time::Deadline;
use tokens::Tokens;

/// Admits or refuses work, and never lets more in than its [`Limits`] allow.
///
/// Stands by itself: an existing service can ask it for a [`Permit`] before it works, whatever it works with.
///
/// ```
/// use heijunka::{Class, Limits, Reason, Regulator};
///
/// let regulator = Regulator::new(Limits::new(2, 2, 1)?);
/// let permit = regulator.try_acquire(Class::NORMAL)?;
/// let refused = regulator.try_acquire(Class::NORMAL).unwrap_err();
/// assert_eq!(refused.reason(), Reason::Reserve); // the other one is for priority work
/// let urgent = regulator.try_acquire(Class::PRIORITY)?;
/// drop(permit); // back at once, also on panic or early return
/// assert_eq!(regulator.status().in_flight, 1);
/// # drop(urgent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Regulator {
    tokens: Tokens,
    sub_names: Box<[String]>,
}

impl Regulator {
    /// A regulator with these limits and no sub-limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_sub_limits(limits, [] as [(&str, u32); 0])
    }

    /// A regulator that also caps some classes of work, by name: at most 255 of them, the rest are left out.
    ///
    /// ```
    /// use heijunka::{Class, Limits, Reason, Regulator};
    ///
    /// let regulator = Regulator::with_sub_limits(Limits::new(100, 100, 0)?, [("pulled", 1)]);
    /// let pulled = Class::NORMAL.capped_by(regulator.sub_limit("pulled").expect("declared above"));
    /// let _held = regulator.try_acquire(pulled)?;
    /// assert_eq!(regulator.try_acquire(pulled).unwrap_err().reason(), Reason::SubLimit);
    /// assert!(regulator.try_acquire(Class::NORMAL).is_ok()); // the others are not concerned
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_sub_limits<N: Into<String>>(
        limits: Limits,
        subs: impl IntoIterator<Item = (N, u32)>,
    ) -> Self {
        let (names, caps): (Vec<String>, Vec<u32>) =
            subs.into_iter().take(255).map(|(name, cap)| (name.into(), cap)).unzip();
        Self { tokens: Tokens::new(limits, caps), sub_names: names.into() }
    }

    /// Takes one permit, or says at once why not.
    ///
    /// # Errors
    /// [`Rejected`], with the bound that refused and how full it is.
    ///
    /// Lock-free: it retries only when another thread succeeded in between. Some 10 ns uncontended; a refusal only
    /// reads the shared word. A thread's first refusal allocates its counter.
    #[allow(
        clippy::inline_always,
        reason = "so short that a call, and a result returned through memory, would show"
    )]
    #[inline(always)]
    pub fn try_acquire(&self, class: Class) -> Result<Permit<&Self>, Rejected> {
        self.try_acquire_many(class, 1)
    }

    /// Takes `n` permits together, or none. They come back together, unless [split](Permit::split).
    ///
    /// # Errors
    /// [`Rejected`]; with [`Reason::TooLarge`] if `n` is more than the limit could ever allow.
    ///
    /// Lock-free, the same cost for any `n`.
    #[allow(
        clippy::inline_always,
        reason = "so short that a call, and a result returned through memory, would show"
    )]
    #[inline(always)]
    pub fn try_acquire_many(&self, class: Class, n: u32) -> Result<Permit<&Self>, Rejected> {
        self.tokens.try_acquire(class, n)?;
        Ok(Permit { regulator: self, class, n })
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can move into a thread or a task.
    ///
    /// # Errors
    /// [`Rejected`], as above. Costs a reference count more.
    pub fn try_acquire_owned(self: &Arc<Self>, class: Class) -> Result<Permit<Arc<Self>>, Rejected> {
        self.tokens.try_acquire(class, 1)?;
        Ok(Permit { regulator: self.clone(), class, n: 1 })
    }

    /// The limits in force. Wait-free.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.tokens.limits()
    }

    /// Changes the limits. Wait-free; every acquire that starts after this returned obeys them. Shrinking below what
    /// is in flight takes nothing back, and admits nothing until enough has ended.
    pub fn set_limits(&self, limits: Limits) {
        self.tokens.set_limits(limits);
    }

    /// The sub-limit of this name.
    #[must_use]
    pub fn sub_limit(&self, name: &str) -> Option<SubLimitId> {
        let at = self.sub_names.iter().position(|known| known == name)?;
        u8::try_from(at).ok().map(SubLimitId)
    }

    /// Changes a sub-limit, as [`set_limits`](Self::set_limits); false if this regulator has no such sub-limit.
    pub fn set_sub_limit(&self, sub: SubLimitId, limit: u32) -> bool {
        self.tokens.set_sub_limit(sub, limit)
    }

    /// What is in flight and what was refused, for people and dashboards. Wait-free but for the counters, which are
    /// summed up over threads; the figures may be a few operations apart.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = self.tokens.in_flight();
        let limits = self.limits();
        let pressure = if now.total >= limits.hard() {
            Pressure::Hard
        } else if now.total >= limits.soft() || now.normal >= limits.normal_soft() {
            Pressure::Soft
        } else {
            Pressure::Clear
        };
        let sub_limits = self.sub_names.iter().zip(self.tokens.subs());
        Status {
            in_flight: now.total,
            normal_in_flight: now.normal,
            limits,
            pressure,
            closed: now.closed || self.tokens.is_shut(),
            refused: Refusals(self.tokens.refused()),
            sub_limits: sub_limits
                .map(|(name, (in_flight, limit))| SubLimitStatus { name: name.clone(), in_flight, limit })
                .collect(),
        }
    }

    /// How many permits each class could get now. Wait-free.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        let now = self.tokens.in_flight();
        let limits = self.limits();
        if now.closed {
            return Capacity::default();
        }
        let priority = limits.hard().saturating_sub(now.total);
        let normal = limits.normal().saturating_sub(now.normal).min(priority);
        let shed = now.total >= limits.soft() || now.normal >= limits.normal_soft();
        Capacity { priority, normal, low: if shed { 0 } else { normal } }
    }

    /// When to retry refused work, by Little's law from how long permits are [typically held](Self::set_typical_hold);
    /// `None` if it can never fit. A hint for backing off, not a promise. Wait-free.
    #[must_use]
    pub fn retry_after(&self, rejected: &Rejected) -> Option<Duration> {
        self.retry_after_hold(rejected, Duration::from_nanos(self.tokens.hold_nanos()))
    }

    #[allow(
        clippy::unused_self,
        reason = "the hint belongs to the regulator, wherever the hold was measured"
    )]
    pub(crate) fn retry_after_hold(&self, rejected: &Rejected, hold: Duration) -> Option<Duration> {
        limits::retry_after(rejected, hold)
    }

    /// Tells how long a permit is held on average, for [`retry_after`](Self::retry_after). 10 ms unless told.
    pub fn set_typical_hold(&self, hold: Duration) {
        self.tokens.set_hold_nanos(u64::try_from(hold.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Refuses everything from now on, for good. What is in flight goes on. Wait-free.
    pub fn close(&self) {
        self.tokens.close();
    }

    /// Refuses everything but [pulled](Class::pulled) work from now on. Wait-free.
    pub(crate) fn shut(&self) {
        self.tokens.shut();
    }

    /// Waits until the regulator is [closed](Self::close) and every permit is back, at most for `timeout`; tells
    /// whether it is. Blocks, and looks every half millisecond: whoever gives a permit back tells nobody.
    #[must_use]
    pub fn wait_drained(&self, timeout: Duration) -> bool {
        let deadline = Deadline::after(timeout);
        while !self.tokens.is_drained() {
            if deadline.passed() {
                return false;
            }
            std::thread::sleep(deadline.left().min(LOOK));
        }
        true
    }

    /// Permits given out so far; 31 bits that wrap.
    pub(crate) fn admitted(&self) -> u32 {
        self.tokens.admitted()
    }

    /// What was refused so far.
    pub(crate) fn refused(&self) -> Refusals {
        Refusals(self.tokens.refused())
    }

    pub(crate) fn count_refused(&self, reason: Reason) {
        self.tokens.count_refused(reason);
    }
}

// A panic while a permit is held drops the permit; nothing of the regulator is ever half changed.
impl std::panic::UnwindSafe for Regulator {}
impl std::panic::RefUnwindSafe for Regulator {}

/// How often a drain looks.
const LOOK: Duration = Duration::from_micros(500);

/// The right to have `n` pieces of work in flight. Dropping it, also by a panic, gives it back: wait-free.
///
/// `R` is how it knows its regulator: `&Regulator` within a scope, `Arc<Regulator>` to move with the work.
#[derive(Debug)]
#[must_use = "the permit is given back as soon as it is dropped: hold it while the work lasts"]
pub struct Permit<R: Deref<Target = Regulator>> {
    regulator: R,
    class: Class,
    n: u32,
}

impl<R: Deref<Target = Regulator>> Permit<R> {
    /// How many pieces of work it stands for.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.n
    }

    /// Takes `n` out into a permit of their own; `None`, and nothing changed, if it holds fewer.
    pub fn split(&mut self, n: u32) -> Option<Permit<R>>
    where
        R: Clone,
    {
        self.n = self.n.checked_sub(n)?;
        Some(Permit { regulator: self.regulator.clone(), class: self.class, n })
    }

    /// The same permit with another way to its regulator, which must be the same one.
    pub(crate) fn rebind<S: Deref<Target = Regulator>>(mut self, regulator: S) -> Permit<S> {
        debug_assert!(std::ptr::eq(&raw const *self.regulator, &raw const *regulator));
        Permit { regulator, class: self.class, n: std::mem::take(&mut self.n) }
    }
}

impl<R: Deref<Target = Regulator>> Drop for Permit<R> {
    #[inline]
    fn drop(&mut self) {
        if self.n > 0 {
            self.regulator.tokens.release(self.class, self.n);
        }
    }
}

/// How full a regulator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Below the soft limit.
    Clear,
    /// At or above the soft limit: low-priority work is refused.
    Soft,
    /// At the hard limit: everything is refused.
    Hard,
}

/// What [`Regulator::status`] tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Permits in use.
    pub in_flight: u32,
    /// Permits in use by work that may not use the reserve.
    pub normal_in_flight: u32,
    /// The limits in force.
    pub limits: Limits,
    /// How full it is.
    pub pressure: Pressure,
    /// Whether it refuses everything for good.
    pub closed: bool,
    /// What was refused so far.
    pub refused: Refusals,
    /// The sub-limits, in the order they were declared.
    pub sub_limits: Vec<SubLimitStatus>,
}

/// How full a sub-limit is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubLimitStatus {
    /// Its name.
    pub name: String,
    /// Permits in use under it.
    pub in_flight: u32,
    /// The most it allows.
    pub limit: u32,
}

/// Refusals so far, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals([u64; Reason::ALL.len()]);

impl Refusals {
    /// Refusals for this reason.
    #[must_use]
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason.index()]
    }

    /// All refusals.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// How many more permits each class could get: what [`Regulator::capacity`] tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capacity {
    /// For work of priority domains.
    pub priority: u32,
    /// For ordinary work.
    pub normal: u32,
    /// For low-priority work: all of `normal`, or nothing once the soft limit is reached.
    pub low: u32,
}

#[cfg(all(test, heijunka_loom))]
#[path = "../../loom-tests/admission.rs"]
mod models;

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
