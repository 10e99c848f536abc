//! What a pool tells about itself, and how the figures are made.

use std::time::Duration;

use super::health::{Health, Sample, health};
use crate::metrics::{Latencies, Totals};
use crate::thread::Pinning;
use crate::time::Moment;

/// A pool as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// The domain it belongs to.
    pub domain: String,
    /// Workers that take jobs.
    pub workers: u32,
    /// Workers it never falls below.
    pub min_workers: u32,
    /// Workers it never exceeds.
    pub max_workers: u32,
    /// Whether the number of workers was set by hand, and holds until [`Pool::auto`](crate::Pool::auto).
    pub by_hand: bool,
    /// Of its workers, those that a burst brought.
    pub surge_workers: u32,
    /// Workers given up because their job does not end. They are not among `workers`; others have taken their places.
    pub lost_workers: u32,
    /// The share of their time that its workers spent running jobs lately (the last second or two of status calls),
    /// 0 to 1: work time over wall time as the workers measured it, never processor time.
    pub utilisation: f64,
    /// Jobs waiting in its lanes.
    pub queue_length: usize,
    /// Jobs running or waiting.
    pub in_flight: u32,
    /// The mean time from arrival to end of all jobs that ran so far.
    pub average_latency: Duration,
    /// Jobs that were accepted so far and have ended: completed, failed, expired, cancelled or abandoned.
    pub total_requests: u64,
    /// Jobs that panicked or called themselves failed, expired, or were abandoned.
    pub failed_requests: u64,
    /// How well it does: as it looks at this moment, or, in a [runtime's status](crate::Runtime::status), what the control
    /// thread acts on, if that is worse.
    pub health: Health,
    /// Jobs that ran to their end.
    pub completed: u64,
    /// Jobs that panicked or called themselves failed.
    pub failed: u64,
    /// Of those, jobs that panicked.
    pub panicked: u64,
    /// Jobs not run because their deadline had passed.
    pub expired: u64,
    /// Jobs not run because they were cancelled.
    pub cancelled: u64,
    /// Jobs not run because the runtime stopped.
    pub abandoned: u64,
    /// Workers that died and were replaced.
    pub replaced_workers: u64,
    /// Work time of all workers so far.
    pub busy: Duration,
    /// Wall time of all workers so far: `busy` over `capacity` is the utilisation since the start.
    pub capacity: Duration,
    /// The latencies of all jobs that ran so far.
    pub latency: Latencies,
    /// Its workers.
    pub worker_status: Vec<WorkerStatus>,
}

impl PoolStatus {
    /// Jobs by how they ended, each in one place only: here panics are no failures.
    pub(crate) fn outcomes(&self) -> [(&'static str, u64); 6] {
        [
            ("completed", self.completed),
            ("failed", self.failed.saturating_sub(self.panicked)),
            ("panicked", self.panicked),
            ("expired", self.expired),
            ("cancelled", self.cancelled),
            ("abandoned", self.abandoned),
        ]
    }
}

/// One worker as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// The name of its thread.
    pub name: String,
    /// Where it runs.
    pub pinning: Pinning,
    /// For how long its present job has been running, if it has one.
    pub running_for: Option<Duration>,
    /// Whether it stays.
    pub duty: Duty,
    /// Whether a burst brought it.
    pub surge: bool,
    /// Whether it serves one caller alone.
    pub checked_out: bool,
}

/// Whether a worker stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Duty {
    /// It takes jobs.
    Serving,
    /// It leaves at the end of its job.
    Leaving,
    /// It was given up because its job does not end; should it end after all, it leaves.
    Lost,
}

/// Worker time that was there to be used: the integral of the number of workers over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    nanos: u64,
    since: Moment,
    workers: u32,
}

impl Capacity {
    pub(super) fn new(now: Moment) -> Self {
        Self { nanos: 0, since: now, workers: 0 }
    }

    pub(super) fn set_workers(&mut self, workers: u32, now: Moment) {
        *self = Self { nanos: self.at(now), since: now, workers };
    }

    pub(super) fn at(self, now: Moment) -> u64 {
        // Clocks that are compressed get far.
        self.nanos.saturating_add(now.nanos_since(self.since).saturating_mul(self.workers.into()))
    }
}

/// Two past readings, at least a second apart, so that "lately" has a meaning however often somebody looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lately {
    older: Reading,
    newer: Reading,
}

/// The counts at some moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) at: Moment,
    pub(super) totals: Totals,
    pub(super) capacity: u64,
}

/// A look is remembered for this long before the next one replaces it.
const WINDOW_NANOS: u64 = 1_000_000_000;

impl Lately {
    pub(super) fn new(now: Moment) -> Self {
        let start = Reading { at: now, totals: Totals::default(), capacity: 0 };
        Self { older: start, newer: start }
    }

    /// The reading to compare `now` with.
    pub(super) fn look(&mut self, now: Reading) -> Reading {
        if now.at.nanos_since(self.newer.at) >= WINDOW_NANOS {
            self.older = self.newer;
            self.newer = now;
        }
        self.older
    }
}

/// Work time over wall time between two readings.
pub(super) fn utilisation(from: Reading, to: Reading) -> f64 {
    let wall = to.capacity.saturating_sub(from.capacity);
    let busy = to.totals.busy_nanos.saturating_sub(from.totals.busy_nanos);
    if wall == 0 { 0.0 } else { (busy as f64 / wall as f64).min(1.0) }
}

/// Health between two readings.
pub(super) fn health_between(
    from: Reading,
    to: Reading,
    workers: u32,
    wanted: u32,
    waiting: usize,
    lane: usize,
) -> Health {
    let ran = |totals: Totals| totals.completed + totals.failed;
    health(&Sample {
        workers,
        wanted,
        waiting,
        lane,
        ended: ran(to.totals).saturating_sub(ran(from.totals)),
        failed: to.totals.failed.saturating_sub(from.totals.failed),
        ..Sample::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    fn reading(seconds: u64, busy_seconds: u64, capacity: u64) -> Reading {
        let totals = Totals { busy_nanos: busy_seconds * 1_000_000_000, ..Totals::default() };
        Reading { at: at(seconds), totals, capacity }
    }

    #[test]
    fn capacity_follows_the_number_of_workers() {
        let mut capacity = Capacity::new(at(0));
        capacity.set_workers(2, at(1));
        capacity.set_workers(3, at(4));
        assert_eq!(capacity.at(at(6)), (2 * 3 + 3 * 2) * 1_000_000_000);
    }

    #[test]
    fn utilisation_is_work_time_over_wall_time() {
        let capacity = 4_000_000_000;
        assert!((utilisation(reading(0, 0, 0), reading(2, 3, capacity)) - 0.75).abs() < 1e-9);
        assert!(utilisation(reading(0, 0, 0), reading(0, 0, 0)).abs() < 1e-9);
    }

    #[test]
    fn lately_spans_at_least_the_last_second() {
        let mut lately = Lately::new(at(0));
        assert_eq!(lately.look(reading(1, 1, 1)).at, at(0));
        assert_eq!(lately.look(reading(2, 1, 1)).at, at(1));
        assert_eq!(lately.look(reading(2, 1, 1)).at, at(1));
        assert_eq!(lately.look(reading(9, 1, 1)).at, at(2));
    }
}
