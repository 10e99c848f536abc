//! Processor time: what this process used, and what others took meanwhile.

use std::fs;
use std::time::Duration;

/// The processor time all threads of this process have used, in user and kernel mode. `None` where it is not known.
#[cfg(unix)]
#[must_use]
pub fn time_used() -> Option<Duration> {
    fn part(value: impl TryInto<u64>) -> Option<u64> {
        value.try_into().ok()
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec, alive for the whole call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    (failed == 0).then_some(())?;
    Some(Duration::from_secs(part(time.tv_sec)?) + Duration::from_nanos(part(time.tv_nsec)?))
}

/// The processor time all threads of this process have used: not known on this system.
#[cfg(not(unix))]
#[must_use]
pub fn time_used() -> Option<Duration> {
    None
}

/// The processor time everything on this machine has used, stolen time included. `None` where `/proc` does not tell.
#[must_use]
pub fn time_used_by_all() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect();
    // user, nice, system, (idle, iowait,) irq, softirq, steal; the rest is contained in these.
    let busy: u64 = ticks.get(..3)?.iter().chain(ticks.get(5..8)?).sum();
    // Linux reports a hundred ticks a second to user space on every common architecture.
    Some(Duration::from_millis(busy * 10))
}

/// Watches what other programs take from the machine: beside a busy one, rows of two threads measure the scheduler.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    all: Option<Duration>,
    own: Option<Duration>,
}

impl Noise {
    /// Starts watching.
    #[must_use]
    pub fn watch() -> Self {
        Self { all: time_used_by_all(), own: time_used() }
    }

    /// The processor time others used since.
    #[must_use]
    pub fn of_others(&self) -> Option<Duration> {
        let all = time_used_by_all()?.checked_sub(self.all?)?;
        let own = time_used()?.checked_sub(self.own?)?;
        Some(all.saturating_sub(own))
    }
}
