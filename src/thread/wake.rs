//! Who sleeps, who spins, and how a hand-over wakes exactly one sleeper. The atomics of this component.

use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::{CachePadded, Parker, Unparker, weakened};

/// The idle workers of one pool, in one word; at most [`IdleSet::SLOTS`] of them.
///
/// ```text
/// word  63: one worker spins | 62: and it is the only worker | 61: closed | 55..0: the worker of this slot sleeps
/// ```
///
/// | transition | by | what follows |
/// |---|---|---|
/// | sleep bit 0 -> 1 | its worker, before it looks at the lanes a last time | work there: withdraws it; else parks |
/// | sleep bit 1 -> 0 | a submitter (lowest bit first), or whoever wants the worker to leave | unparks the worker |
/// | sleep bit 1 -> 0 | its worker, withdrawing | goes on to take work |
/// | spin bit 0 -> 1 | a worker without work | submitters wake nobody: the spinner will see the work |
/// | spin bit 1 -> 0 | the spinner, with work or giving up | looks at the lanes once more, and wakes a sleeper if work is left |
/// | lone bit 0 -> 1 | an only worker that begins to spin | it keeps both bits while it works |
/// | spin and lone 1 -> 0 | another worker that falls asleep | it can be woken from then on |
/// | closed 0 -> 1 | whoever ends the pool, for good | submitters that come later hand back what they find |
///
/// An only worker that keeps its bits spares the line two changes of hands per job, and there is nobody to be woken while
/// it works. Whoever falls asleep later clears them, so that no sleeper is ever overlooked.
///
/// No wake-up is lost, because both sides write, fence, and then read what the other wrote. If the submitter's fence
/// comes first, the worker's last look sees the work; if the worker's comes first, the submitter sees its bit. The
/// closed bit is told in the same way.
#[derive(Debug)]
pub(crate) struct IdleSet {
    word: CachePadded<AtomicU64>,
    unparkers: Box<[Unparker]>,
}

const SPINNING: u64 = 1 << 63;
const LONE: u64 = 1 << 62;
const CLOSED: u64 = 1 << 61;
const SLEEPERS: u64 = (1 << 56) - 1;

/// Whoever handed work over has to see to it: the pool is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Closed(pub(crate) bool);

impl IdleSet {
    /// The most workers a set can hold: the fifty of a pool, and those that replace lost ones. Models make do with two.
    pub(crate) const SLOTS: usize = if cfg!(heijunka_loom) { 2 } else { 56 };

    /// A set for `slots` workers, and the parker of each.
    pub(crate) fn new(slots: usize) -> (Self, Vec<Parker>) {
        assert!(slots <= Self::SLOTS, "validated before");
        let parkers: Vec<Parker> = (0..slots).map(|_| Parker::new()).collect();
        let unparkers = parkers.iter().map(|parker| parker.unparker().clone()).collect();
        (Self { word: CachePadded::new(AtomicU64::new(0)), unparkers }, parkers)
    }

    /// Called after work was handed over: wakes one sleeping worker, unless one is spinning already.
    ///
    /// Lock-free; a fence and a load unless somebody has to be woken, which is a system call.
    #[inline]
    pub(crate) fn work_arrived(&self) -> Closed {
        if !weakened("announce") {
            // SeqCst: pairs with the fences in `sleep`, `end_spin` and `close`; orders the hand-over before the load.
            fence(Ordering::SeqCst);
        }
        // Relaxed: ordered by the fence above.
        let seen = self.word.load(Ordering::Relaxed);
        if seen != 0 && seen & SPINNING == 0 {
            self.wake_one(seen);
        }
        Closed(seen & CLOSED != 0)
    }

    /// Apart from the fast path, so that it stays small: this one ends in a system call anyway.
    #[cold]
    fn wake_one(&self, mut seen: u64) {
        while seen & SLEEPERS != 0 && seen & SPINNING == 0 {
            let slot = (seen & SLEEPERS).trailing_zeros();
            // Release: pairs with the Acquire in `sleep`, for a worker that is awake already and only sees its bit gone.
            // Relaxed on failure: only the next guess.
            match self.word.compare_exchange_weak(
                seen,
                seen & !(1 << slot),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return self.unparkers[slot as usize].unpark(),
                Err(now) => seen = now,
            }
        }
    }

    /// Becomes the pool's one spinner, if there is none. `alone`: there is no other worker.
    pub(crate) fn try_spin(&self, alone: bool) -> bool {
        let bits = if alone { SPINNING | LONE } else { SPINNING };
        // Relaxed, both: the bits guard no data; they only save wake-ups, and `end_spin` makes good for those they saved.
        let seen = self.word.load(Ordering::Relaxed);
        if seen & SPINNING != 0 {
            // Kept since the last time: only an only worker can have.
            return alone && seen & LONE != 0;
        }
        self.word.fetch_or(bits, Ordering::Relaxed) & SPINNING == 0
    }

    /// Stops being the spinner; if work is left, somebody else is woken for it.
    #[inline]
    pub(crate) fn end_spin(&self, has_work: impl FnOnce() -> bool) {
        // Relaxed: whoever falls asleep after this load clears the bits itself, and then looks at the lanes.
        if self.word.load(Ordering::Relaxed) == SPINNING | LONE {
            return;
        }
        // Relaxed: ordered by the fence below.
        let seen = self.word.fetch_and(!(SPINNING | LONE), Ordering::Relaxed) & !(SPINNING | LONE);
        if !weakened("end_spin") {
            // SeqCst: pairs with the fence in `work_arrived`; orders the cleared bit before the look at the lanes.
            fence(Ordering::SeqCst);
        }
        if seen & SLEEPERS != 0 && has_work() {
            self.wake_one(seen);
        }
    }

    /// Sleeps until woken. Returns at once if `stay_awake` says so after the bit is set. `spinning`: the caller is the
    /// spinner, and stops being it.
    pub(crate) fn sleep(
        &self,
        slot: usize,
        parker: &Parker,
        spinning: bool,
        stay_awake: impl FnOnce() -> bool,
    ) {
        let bit = 1 << slot;
        let asleep = |seen: u64| {
            let ends = if spinning || seen & LONE != 0 { SPINNING | LONE } else { 0 };
            Some(seen & !ends | bit)
        };
        // Relaxed: ordered by the fence below. Never fails, as the closure always gives a value.
        let _ = self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, asleep);
        if !weakened("sleep") {
            // SeqCst: pairs with the fence in `work_arrived`, orders the bit before the last look; as an Acquire fence, pairs
            // with the Release in `wake`.
            fence(Ordering::SeqCst);
        }
        if stay_awake() {
            // Acquire: pairs with the Release in `wake_one`. Whoever cleared the bit before us also unparks us, which makes
            // a later park return early, no more.
            self.word.fetch_and(!bit, Ordering::Acquire);
            return;
        }
        // Acquire: pairs with the Release in `wake_one`; the unpark that woke us may have been another's.
        while self.word.load(Ordering::Acquire) & bit != 0 {
            parker.park();
        }
    }

    /// Wakes one particular worker, asleep or not; what the caller wrote before is visible to its `stay_awake`.
    pub(crate) fn wake(&self, slot: usize) {
        // Release: pairs with the fence in `sleep`, which follows an update of the same word. If that update comes first, its
        // bit is cleared here; if this does, the sleeper's last look sees what the caller wrote.
        let release = if weakened("wake") { Ordering::Relaxed } else { Ordering::Release };
        self.word.fetch_and(!(1 << slot), release);
        self.unparkers[slot].unpark();
    }

    /// A worker that just woke up, or leaves, may not be the only one that is needed.
    pub(crate) fn forward(&self, has_work: impl FnOnce() -> bool) {
        if !weakened("forward") && has_work() {
            // The one who forwards is a worker: if the pool is closed, whoever closed it has looked, or will.
            let _ = self.work_arrived();
        }
    }

    /// From now on, whoever hands work over is told that the pool is closed; what was handed over before is visible to
    /// the caller.
    pub(crate) fn close(&self) {
        // Relaxed: ordered by the fence below.
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
        if !weakened("close") {
            // SeqCst: pairs with the fence in `work_arrived`. If that comes first, the caller sees the work; if this does,
            // the submitter sees the bit.
            fence(Ordering::SeqCst);
        }
    }

    /// How many workers sleep or spin. A snapshot.
    pub(crate) fn idle(&self) -> u32 {
        // Relaxed: a snapshot for a law that tolerates an old value.
        (self.word.load(Ordering::Relaxed) & !(LONE | CLOSED)).count_ones()
    }
}

#[cfg(all(test, heijunka_loom))]
#[path = "../../loom-tests/wake.rs"]
mod models;
