//! Counts the jobs that have run, cheaply enough not to be what is measured.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crossbeam_utils::CachePadded;

/// A counter with one writer, the worker, on a line of its own.
#[derive(Debug, Default)]
pub struct Tally(CachePadded<AtomicU64>);

impl Tally {
    /// One for the rest of the process, so that jobs can carry a plain reference instead of a shared count.
    #[must_use]
    pub fn leaked() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Counts one. Only one thread may: load and store, which is cheaper than a locked add.
    #[inline]
    pub fn add_one(&self) {
        // Relaxed: the single writer reads its own value; Release: pairs with the Acquire in `wait_for`.
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        // Acquire: as in `wait_for`.
        self.0.load(Ordering::Acquire)
    }

    /// Starts again from zero, while nobody counts.
    pub fn reset(&self) {
        // Relaxed: whatever hands over the next job orders this before its count.
        self.0.store(0, Ordering::Relaxed);
    }

    /// Waits until `jobs` have been counted, looking seldom, so as not to take the line from the worker.
    pub fn wait_for(&self, jobs: u64) {
        // Acquire: pairs with the Release in `add_one`; the jobs are over.
        while self.0.load(Ordering::Acquire) < jobs {
            for _ in 0..16 {
                spin_loop();
            }
        }
    }

    /// As [`wait_for`](Self::wait_for), but asleep: where more threads than this one and the worker have work to do.
    pub fn wait_asleep(&self, jobs: u64) {
        // Acquire: as in `wait_for`.
        while self.0.load(Ordering::Acquire) < jobs {
            sleep(Duration::from_micros(100));
        }
    }
}
