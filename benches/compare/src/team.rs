//! Threads that exist before the clock starts, leave a barrier together, and are as slow as their slowest.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use core_affinity::CoreId;

use crate::{clock, cores};

/// Nanoseconds per operation of `work`, which does as many as it is told, on one pinned thread per core at once.
///
/// Each thread warms up with a tenth of the operations first.
///
/// # Panics
/// If `work` does, or a core can no longer be pinned to.
pub fn nanos_per_operation(cores: &[CoreId], operations: u32, work: impl Fn(u32) + Sync) -> f64 {
    let ready = AtomicUsize::new(0);
    let member = |core: CoreId| {
        cores::pin(core);
        work(operations / 10);
        // Spun, not slept: waking from a futex would let the first thread run alone for some microseconds.
        // AcqRel and Acquire: nothing of the warm-up may drift past the barrier.
        ready.fetch_add(1, Ordering::AcqRel);
        while ready.load(Ordering::Acquire) < cores.len() {
            spin_loop();
        }
        let start = clock::raw();
        work(operations);
        clock::nanos_between(start, clock::raw())
    };
    let member = &member;
    let slowest = thread::scope(|scope| {
        let threads: Vec<_> = cores.iter().map(|&core| scope.spawn(move || member(core))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a measured operation panicked")).max()
    });
    slowest.unwrap_or(0) as f64 / f64::from(operations)
}
