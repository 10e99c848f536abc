//! The one clock of every row: the time-stamp counter, read raw and converted off the measured path.

use std::hint::spin_loop;
use std::sync::LazyLock;

static CLOCK: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// The counter now, in its own unit. A few nanoseconds; the first call calibrates, which takes up to 200 ms.
#[inline]
#[must_use]
pub fn raw() -> u64 {
    CLOCK.raw()
}

/// Nanoseconds between two readings of [`raw`], 0 if `end` is before `start`.
#[inline]
#[must_use]
pub fn nanos_between(start: u64, end: u64) -> u64 {
    CLOCK.delta_as_nanos(start, end)
}

/// Spins until `nanos` nanoseconds have passed since `start`.
#[inline]
pub fn spin_until(start: u64, nanos: u64) {
    while nanos_between(start, raw()) < nanos {
        spin_loop();
    }
}
