//! The atomics of a pool: who has to leave, whether running jobs should give up, and how many workers there are.

use crate::sync::CachePadded;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A flag that is set once and stays set. It guards no data.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

impl Default for Flag {
    fn default() -> Self {
        Self(AtomicBool::new(false))
    }
}

impl Flag {
    pub(crate) fn set(&self) {
        // Relaxed: nothing is published with it, and seeing it late only makes a job run in vain.
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        // Relaxed: as in `set`.
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct State {
    /// One flag per slot, each read by its worker before every job: padded, so that nobody disturbs that.
    leave: Box<[CachePadded<AtomicBool>]>,
    abort: Flag,
    workers: AtomicU32,
    /// The control thread's present tick, by which workers tell for when their least delay holds.
    tick: AtomicU32,
    /// One bit per slot: its worker is checked out.
    checked_out: AtomicU64,
    replaced: AtomicU64,
    abandoned: AtomicU64,
}

impl State {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            leave: (0..slots).map(|_| CachePadded::new(AtomicBool::new(false))).collect(),
            abort: Flag::default(),
            workers: AtomicU32::new(0),
            tick: AtomicU32::new(1),
            checked_out: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    /// Whether the worker of this slot has to leave at the next job boundary.
    #[inline]
    pub(super) fn must_leave(&self, slot: usize) -> bool {
        // Relaxed: no data comes with it; a sleeping worker is shown it by the fences of `IdleSet::wake` and `sleep`.
        self.leave[slot].load(Ordering::Relaxed)
    }

    /// Tells the worker of this slot to leave, or (false) makes the slot ready for a new one.
    pub(super) fn set_leave(&self, slot: usize, leave: bool) {
        // Relaxed: as in `must_leave`.
        self.leave[slot].store(leave, Ordering::Relaxed);
    }

    /// Running jobs see themselves cancelled from now on.
    pub(super) fn abort(&self) {
        self.abort.set();
    }

    pub(super) fn aborted(&self) -> bool {
        self.abort.is_set()
    }

    /// Workers that take jobs.
    pub(super) fn workers(&self) -> u32 {
        // Relaxed: a snapshot; changes are serialised by the pool's control lock.
        self.workers.load(Ordering::Relaxed)
    }

    pub(super) fn set_workers(&self, workers: u32) {
        // Relaxed: as in `workers`.
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// The present tick: never 0.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "kept within 16 bits")]
    pub(super) fn tick(&self) -> u16 {
        // Relaxed: a number that labels figures; seen late, a figure counts for the tick before, and is not looked at.
        self.tick.load(Ordering::Relaxed) as u16
    }

    /// The next tick begins. Called by one thread at a time.
    pub(super) fn next_tick(&self) {
        // Relaxed: as in `tick`.
        self.tick.store(u32::from(self.tick().checked_add(1).unwrap_or(1)), Ordering::Relaxed);
    }

    /// The worker of this slot serves one caller alone, or no longer does.
    pub(super) fn set_checked_out(&self, slot: usize, checked_out: bool) {
        // Relaxed, both: a hint for choosing who leaves, and for not taking a long tenancy for a stalled job.
        if checked_out {
            self.checked_out.fetch_or(1 << slot, Ordering::Relaxed);
        } else {
            self.checked_out.fetch_and(!(1 << slot), Ordering::Relaxed);
        }
    }

    pub(super) fn is_checked_out(&self, slot: usize) -> bool {
        // Relaxed: as in `set_checked_out`.
        self.checked_out.load(Ordering::Relaxed) & 1 << slot != 0
    }

    /// Workers that died and were replaced.
    pub(super) fn replaced(&self) -> u64 {
        // Relaxed: a count.
        self.replaced.load(Ordering::Relaxed)
    }

    pub(super) fn count_replaced(&self, workers: u32) {
        // Relaxed: a count.
        self.replaced.fetch_add(u64::from(workers), Ordering::Relaxed);
    }

    /// Accepted jobs that were handed back unrun.
    pub(super) fn abandoned(&self) -> u64 {
        // Relaxed: a count.
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(super) fn count_abandoned(&self) {
        // Relaxed: a count.
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }
}
