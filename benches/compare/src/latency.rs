//! From submit to start: open-loop pacing, both stamps from one clock.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::clock;

/// The percentiles of one round, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// A job under way: stamped before it is submitted, and again by the first instruction of the job.
#[derive(Debug)]
pub struct Arrival {
    submitted: u64,
    slot: &'static AtomicU64,
}

impl Arrival {
    /// What the job does, and all it does.
    #[inline]
    pub fn started(self) {
        let now = clock::raw();
        // Release: pairs with the Acquire of whoever collects the samples.
        self.slot.store(now.saturating_sub(self.submitted), Ordering::Release);
    }
}

/// A steady stream of jobs, and the room for their samples.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    gap: u64,
    warm_up: usize,
    slots: &'static [AtomicU64],
}

const PENDING: u64 = u64::MAX;

impl Pace {
    /// `jobs` measured jobs, one each `gap`, after a tenth as many to warm up.
    ///
    /// The room for the samples stays allocated for the rest of the process, so that a job can point into it.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "gaps are far below 584 years")]
    pub fn new(gap: Duration, jobs: u32) -> Self {
        let warm_up = jobs as usize / 10;
        let slots: Box<[AtomicU64]> = (0..warm_up + jobs as usize).map(|_| AtomicU64::new(PENDING)).collect();
        Self { gap: gap.as_nanos() as u64, warm_up, slots: Box::leak(slots) }
    }

    /// Submits the whole stream from the calling thread and waits until every job has started.
    ///
    /// Open loop: each job has its due time, whether or not those before it were late.
    pub fn run(&self, submit: impl Fn(Arrival)) -> Latency {
        let start = clock::raw();
        let mut due = 0;
        self.each(
            || {
                clock::spin_until(start, due);
                due += self.gap;
            },
            submit,
        )
    }

    /// As [`run`](Self::run), but sleeps between the jobs, so that a third thread finds a core where there are two.
    pub fn run_asleep(&self, submit: impl Fn(Arrival)) -> Latency {
        self.each(|| std::thread::sleep(Duration::from_nanos(self.gap)), submit)
    }

    fn each(&self, mut wait: impl FnMut(), submit: impl Fn(Arrival)) -> Latency {
        for slot in self.slots {
            // Relaxed: handing over the job orders this before the job's store.
            slot.store(PENDING, Ordering::Relaxed);
        }
        for slot in self.slots {
            wait();
            submit(Arrival { submitted: clock::raw(), slot });
        }
        self.collect()
    }

    fn collect(&self) -> Latency {
        let mut histogram = Histogram::<u64>::new_with_max(60_000_000_000, 3).expect("bounds are in order");
        for slot in &self.slots[self.warm_up..] {
            let ticks = loop {
                // Acquire: pairs with the Release in `Arrival::started`.
                match slot.load(Ordering::Acquire) {
                    PENDING => spin_loop(),
                    ticks => break ticks,
                }
            };
            histogram.saturating_record(clock::nanos_between(0, ticks));
        }
        Latency {
            p50: histogram.value_at_quantile(0.5) as f64,
            p99: histogram.value_at_quantile(0.99) as f64,
        }
    }
}
