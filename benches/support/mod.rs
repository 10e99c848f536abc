//! What the suites share.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `measure` while `others` threads run `noise` over and over; all have started when it begins.
pub(crate) fn among<R>(others: usize, noise: impl Fn() + Sync, measure: impl FnOnce() -> R) -> R {
    let stop = AtomicBool::new(false);
    let barrier = Barrier::new(others + 1);
    std::thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| {
                barrier.wait();
                while !stop.load(Ordering::Relaxed) {
                    noise();
                }
            });
        }
        barrier.wait();
        let result = measure();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

/// As many threads as there are cores, less the measured one.
#[allow(dead_code, reason = "not every suite needs it")]
pub(crate) fn other_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1)
}
