//! Who sleeps, who spins, and how a hand-over wakes exactly one sleeper. The atomics of this component.

use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::{CachePadded, Parker, Unparker, weakened};

/// The idle workers of one pool, in one word; at most [`IdleSet::SLOTS`] of them.
///
/// ```text
/// word  63: one worker spins | 49..0: the worker of this slot sleeps (or is about to)
/// ```
///
/// | transition | by | what follows |
/// |---|---|---|
/// | sleep bit 0 -> 1 | its worker, before it looks at the lanes a last time | work there: withdraws it; else parks |
/// | sleep bit 1 -> 0 | a submitter (lowest bit first), or whoever wants the worker to leave | unparks the worker |
/// | sleep bit 1 -> 0 | its worker, withdrawing | goes on to take work |
/// | spin bit 0 -> 1 | a worker without work | submitters wake nobody: the spinner will see the work |
/// | spin bit 1 -> 0 | the spinner, with work or giving up | looks at the lanes once more, and wakes a sleeper if work is left |
/// | spin bit 1 -> 0 | a worker that falls asleep, whoever spins | at worst, one wake-up too many |
///
/// The spinner of a pool without other workers may keep its bit while it works, which spares the line a change of
/// hands per job: nobody sleeps who could be woken, and whoever falls asleep later clears the bit.
///
/// No wake-up is lost, because both sides write, fence, and then read what the other wrote. If the submitter's fence
/// comes first, the worker's last look sees the work; if the worker's comes first, the submitter sees its bit.
#[derive(Debug)]
pub(crate) struct IdleSet {
    word: CachePadded<AtomicU64>,
    unparkers: Box<[Unparker]>,
}

const SPINNING: u64 = 1 << 63;

impl IdleSet {
    /// The most workers a set can hold. Models make do with two.
    pub(crate) const SLOTS: usize = if cfg!(heijunka_loom) { 2 } else { 50 };

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
    pub(crate) fn work_arrived(&self) {
        if !weakened("announce") {
            // SeqCst: pairs with the fences in `sleep` and `end_spin`; orders the hand-over before the load below.
            fence(Ordering::SeqCst);
        }
        // Relaxed: ordered by the fence above.
        let seen = self.word.load(Ordering::Relaxed);
        if seen != 0 && seen & SPINNING == 0 {
            self.wake_one(seen);
        }
    }

    /// Apart from the fast path, so that it stays small: this one ends in a system call anyway.
    #[cold]
    fn wake_one(&self, mut seen: u64) {
        while seen != 0 && seen & SPINNING == 0 {
            let slot = seen.trailing_zeros();
            // Relaxed on both outcomes: the unpark carries what the sleeper has to see.
            match self.word.compare_exchange_weak(
                seen,
                seen & !(1 << slot),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return self.unparkers[slot as usize].unpark(),
                Err(now) => seen = now,
            }
        }
    }

    /// Becomes the pool's one spinner, if there is none.
    pub(crate) fn try_spin(&self) -> bool {
        // Relaxed: the bit guards no data; it only saves wake-ups, and `end_spin` makes good for those it saved.
        self.word.load(Ordering::Relaxed) & SPINNING == 0
            && self.word.fetch_or(SPINNING, Ordering::Relaxed) & SPINNING == 0
    }

    /// Stops being the spinner; if work is left, somebody else is woken for it. Returns whether the bit was kept.
    #[inline]
    pub(crate) fn end_spin(&self, alone: bool, has_work: impl FnOnce() -> bool) -> bool {
        // Relaxed: whoever falls asleep after this load clears the bit itself, and then looks at the lanes.
        if alone && self.word.load(Ordering::Relaxed) == SPINNING {
            return true;
        }
        // Relaxed: ordered by the fence below.
        let seen = self.word.fetch_and(!SPINNING, Ordering::Relaxed) & !SPINNING;
        if !weakened("end_spin") {
            // SeqCst: pairs with the fence in `work_arrived`; orders the cleared bit before the look at the lanes.
            fence(Ordering::SeqCst);
        }
        if seen != 0 && has_work() {
            self.wake_one(seen);
        }
        false
    }

    /// Sleeps until woken. Returns at once if `stay_awake` says so after the bit is set.
    pub(crate) fn sleep(&self, slot: usize, parker: &Parker, stay_awake: impl FnOnce() -> bool) {
        let bit = 1 << slot;
        // Relaxed: ordered by the fence below. Never fails, as the closure always gives a value.
        let _ =
            self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| Some(seen & !SPINNING | bit));
        if !weakened("sleep") {
            // SeqCst: pairs with the fences in `work_arrived` and `wake`; orders the bit before the last look.
            fence(Ordering::SeqCst);
        }
        if stay_awake() {
            // Relaxed: whoever cleared the bit before us also unparks us, which makes a later park return early, no more.
            self.word.fetch_and(!bit, Ordering::Relaxed);
            return;
        }
        // Relaxed: the bit is cleared before the unpark, which carries everything else.
        while self.word.load(Ordering::Relaxed) & bit != 0 {
            parker.park();
        }
    }

    /// Wakes one particular worker, asleep or not; what the caller wrote before is visible to its `stay_awake`.
    pub(crate) fn wake(&self, slot: usize) {
        if !weakened("wake") {
            // SeqCst: pairs with the fence in `sleep`.
            fence(Ordering::SeqCst);
        }
        // Relaxed: ordered by the fence.
        self.word.fetch_and(!(1 << slot), Ordering::Relaxed);
        self.unparkers[slot].unpark();
    }

    /// A leaving worker may have consumed a wake-up: if work is left, somebody else gets it.
    pub(crate) fn forward(&self, has_work: impl FnOnce() -> bool) {
        if !weakened("forward") && has_work() {
            self.work_arrived();
        }
    }

    /// How many workers sleep or spin. A snapshot.
    pub(crate) fn idle(&self) -> u32 {
        // Relaxed: a snapshot for a law that tolerates an old value.
        self.word.load(Ordering::Relaxed).count_ones()
    }
}

#[cfg(all(test, heijunka_loom))]
#[path = "../../loom-tests/wake.rs"]
mod models;
