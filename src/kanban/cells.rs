//! The atomics of this component: the signal that wakes a consumer's driver, and counters.

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Arc, CachePadded, PerThread, Unparker, weakened};

/// Why a driver is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A broker has items for a lane that was empty.
    Arrival = 1,
    /// An item ended, or somebody wants something.
    Desk = 2,
}

/// Calls a driver that may sleep. Calls while it is awake cost one atomic operation and are heard at its next look, as one.
///
/// Whoever calls has first made what he calls for: put the item into the broker, laid the report on the desk. Both sides
/// change the one word, so one of the two sees the other: the driver takes the call and then finds what was made, or the caller
/// finds no call pending and unparks.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    calls: Arc<CachePadded<AtomicU32>>,
    driver: Unparker,
}

impl Signal {
    pub(crate) fn new(driver: Unparker) -> Self {
        Self { calls: Arc::new(CachePadded::new(AtomicU32::new(0))), driver }
    }

    /// Calls the driver.
    #[inline]
    pub(crate) fn call(&self, call: Call) {
        // Release: pairs with the Acquire in `take`, so that what was made is found, also if this call is heard together with others.
        let pending = if weakened("signal_look") {
            // The mistake that a model must find: a look instead of a change.
            let pending = self.calls.load(Ordering::Acquire);
            self.calls.store(pending | call as u32, Ordering::Release);
            pending
        } else {
            let release = if weakened("signal_call") { Ordering::Relaxed } else { Ordering::Release };
            self.calls.fetch_or(call as u32, release)
        };
        if pending == 0 && !weakened("signal_wake") {
            self.driver.unpark();
        }
    }

    /// Whether anything is called for. A hint.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        // Relaxed: `take` follows, and decides.
        self.calls.load(Ordering::Relaxed) != 0
    }

    /// Takes all calls; tells whether there was an arrival among them.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Acquire: pairs with the Release in `call`, of all calls that it takes.
        let acquire = if weakened("signal_take") { Ordering::Relaxed } else { Ordering::Acquire };
        self.calls.swap(0, acquire) & Call::Arrival as u32 != 0
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Stored by a publish.
    Published,
    /// Published again while still there.
    PublishedTwice,
    /// Refused as wrong.
    Invalid,
    /// Certainly not stored.
    NotStored,
    /// Stored or not.
    Unknown,
    /// Delivered to this process.
    Pulled,
    /// Handlers that succeeded.
    Done,
    /// Handlers that failed in any way.
    Failed,
    /// Settled: done with.
    Acked,
    /// Settled: to be tried again.
    Retried,
    /// Settled: given back without an attempt.
    Released,
    /// Settled: to the dead letters.
    DeadLettered,
    /// Dropped by policy.
    Dropped,
    /// Delivered again though done: acknowledged without being run.
    Duplicate,
    /// Delivered while running here.
    Concurrent,
    /// Settlements that came too late.
    Gone,
    /// Settlements that failed and were tried again.
    Unsettled,
    /// Items that ran so long that their lease was given up.
    Stalled,
}

impl Count {
    /// All of them, each at its own position.
    pub(crate) const ALL: [Count; 18] = [
        Count::Published,
        Count::PublishedTwice,
        Count::Invalid,
        Count::NotStored,
        Count::Unknown,
        Count::Pulled,
        Count::Done,
        Count::Failed,
        Count::Acked,
        Count::Retried,
        Count::Released,
        Count::DeadLettered,
        Count::Dropped,
        Count::Duplicate,
        Count::Concurrent,
        Count::Gone,
        Count::Unsettled,
        Count::Stalled,
    ];
}

/// Counters that nobody fights over: each thread counts for itself.
#[derive(Debug)]
pub(crate) struct Counts(PerThread<CachePadded<Cells>>);

#[derive(Debug)]
struct Cells([AtomicU64; Count::ALL.len()]);

impl Default for Cells {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self(PerThread::new())
    }
}

impl Counts {
    #[inline]
    pub(crate) fn add(&self, count: Count, n: u64) {
        let cell = &self.0.mine().0[count as usize];
        // Relaxed: only this thread writes the cell, and readers take any value: a count carries no other data.
        cell.store(cell.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// The sum over all threads.
    pub(crate) fn sum(&self, count: Count) -> u64 {
        // Relaxed: a sum of independent counts.
        self.0.iter().map(|cells| cells.0[count as usize].load(Ordering::Relaxed)).sum()
    }
}

#[cfg(all(test, heijunka_loom))]
#[path = "../../loom-tests/signal.rs"]
mod models;
