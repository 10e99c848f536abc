//! Processor time.

use std::time::Duration;

/// The processor time all threads of this process have used, in user and kernel mode.
///
/// # Panics
/// If the system has no such clock; every Linux has.
#[must_use]
pub fn time_used() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec, alive for the whole call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "the clock of processor time cannot be read");
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}
