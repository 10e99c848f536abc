//! What one worker counts: its own cache lines, written by it alone.

use hdrhistogram::Histogram;

use super::histogram::{Recorder, bump, empty};
use crate::sync::CachePadded;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::Moment;

/// How a job that ran has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    /// It called itself failed.
    Failed,
    Panicked,
}

impl Ended {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Ended::Completed => "completed",
            Ended::Failed => "failed",
            Ended::Panicked => "panicked",
        }
    }
}

/// Why a job was dropped unrun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    Expired,
    Cancelled,
}

impl Skip {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Skip::Expired => "expired",
            Skip::Cancelled => "cancelled",
        }
    }
}

/// The cells of one worker. Only that worker writes, with plain stores; anybody reads, without disturbing it.
#[derive(Debug)]
pub(crate) struct WorkerCells {
    counts: CachePadded<Counts>,
    queue: Recorder,
    service: Recorder,
    total: Recorder,
}

#[derive(Debug, Default)]
struct Counts {
    completed: AtomicU64,
    failed: AtomicU64,
    expired: AtomicU64,
    cancelled: AtomicU64,
    panicked: AtomicU64,
    busy_nanos: AtomicU64,
    /// When the running job started, in nanoseconds plus one; 0 while idle.
    running_since: AtomicU64,
    /// The least queue delay in a tick of the control thread: `tick (16 bits) | nanoseconds (48 bits)`.
    least_delay: AtomicU64,
}

const DELAY_BITS: u32 = 48;
const MOST_DELAY: u64 = (1 << DELAY_BITS) - 1;

/// The counts of one worker, or of several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    pub(crate) cancelled: u64,
    pub(crate) panicked: u64,
    pub(crate) busy_nanos: u64,
}

/// Latencies of jobs, in nanoseconds, and their exact sums.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Latencies {
    /// From arrival to start.
    pub queue: Histogram<u64>,
    /// From start to end.
    pub service: Histogram<u64>,
    /// From arrival to end.
    pub total: Histogram<u64>,
    pub(crate) sums: [u64; 3],
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { queue: empty(), service: empty(), total: empty(), sums: [0; 3] }
    }
}

impl WorkerCells {
    pub(crate) fn new() -> Self {
        Self {
            counts: CachePadded::default(),
            queue: Recorder::new(),
            service: Recorder::new(),
            total: Recorder::new(),
        }
    }

    /// A job that arrived then starts now: from here on the worker counts as busy. `tick`: the control thread's present one.
    #[inline]
    pub(crate) fn begin(&self, arrived: Moment, now: Moment, tick: u16) {
        let counts = &self.counts;
        // Relaxed: read only to tell how long the job has been running.
        counts.running_since.store(now.as_nanos() + 1, Ordering::Relaxed);
        let delay = u64::from(tick) << DELAY_BITS | now.nanos_since(arrived).min(MOST_DELAY);
        // Relaxed, both: a single writer, and one self-contained figure. One of an older tick has another upper part.
        let least = counts.least_delay.load(Ordering::Relaxed);
        if least >> DELAY_BITS != u64::from(tick) || delay < least {
            counts.least_delay.store(delay, Ordering::Relaxed);
        }
    }

    /// The least queue delay of the jobs that this worker started in that tick, in nanoseconds.
    pub(crate) fn least_delay(&self, tick: u16) -> Option<u64> {
        // Relaxed: see `begin`.
        let least = self.counts.least_delay.load(Ordering::Relaxed);
        // What was never written looks like tick 0, which therefore is no tick.
        (least >> DELAY_BITS == u64::from(tick) && tick != 0).then_some(least & MOST_DELAY)
    }

    /// The job that arrived and started at these moments has ended.
    #[inline]
    pub(crate) fn end(&self, arrived: Moment, started: Moment, now: Moment, how: Ended) {
        let counts = &self.counts;
        let service = now.nanos_since(started);
        match how {
            Ended::Completed => bump(&counts.completed, 1),
            Ended::Failed => bump(&counts.failed, 1),
            Ended::Panicked => {
                bump(&counts.failed, 1);
                bump(&counts.panicked, 1);
            }
        }
        bump(&counts.busy_nanos, service);
        // Relaxed: as in `begin`. A reader that sees the new sum and the old start counts the job twice for a moment.
        counts.running_since.store(0, Ordering::Relaxed);
        self.queue.record(started.nanos_since(arrived));
        self.service.record(service);
        self.total.record(now.nanos_since(arrived));
    }

    /// A job was dropped unrun, whether it had begun or not.
    pub(crate) fn skip(&self, why: Skip) {
        // Relaxed: as in `begin`.
        self.counts.running_since.store(0, Ordering::Relaxed);
        match why {
            Skip::Expired => bump(&self.counts.expired, 1),
            Skip::Cancelled => bump(&self.counts.cancelled, 1),
        }
    }

    /// When the running job started, if one is running.
    pub(crate) fn running_since(&self) -> Option<Moment> {
        // Relaxed: see `begin`.
        self.counts.running_since.load(Ordering::Relaxed).checked_sub(1).map(Moment::from_nanos)
    }

    /// Adds this worker's counts to `sums`; the busy time includes the running job's up to `now`.
    pub(crate) fn add_to(&self, sums: &mut Totals, now: Moment) {
        // Relaxed, all of them: independent counts, for people and laws that tolerate an old value.
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let counts = &self.counts;
        sums.completed += read(&counts.completed);
        sums.failed += read(&counts.failed);
        sums.expired += read(&counts.expired);
        sums.cancelled += read(&counts.cancelled);
        sums.panicked += read(&counts.panicked);
        sums.busy_nanos +=
            read(&counts.busy_nanos) + self.running_since().map_or(0, |since| now.nanos_since(since));
    }

    /// The sum of all times from arrival to end in nanoseconds, and how many there are.
    pub(crate) fn total_latency(&self) -> (u64, u64) {
        // Relaxed: as in `add_to`.
        let ran = self.counts.completed.load(Ordering::Relaxed) + self.counts.failed.load(Ordering::Relaxed);
        (self.total.sum(), ran)
    }

    pub(crate) fn add_latencies(&self, into: &mut Latencies) {
        into.sums[0] += self.queue.read(&mut into.queue);
        into.sums[1] += self.service.read(&mut into.service);
        into.sums[2] += self.total.read(&mut into.total);
    }
}
