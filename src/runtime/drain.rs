//! The end: draining and stopping, with one deadline and a report.

use std::time::Duration;

use super::{Report, Runtime};
use crate::kanban::KanbanReport;
use crate::pool::Pool;
use crate::time::Deadline;

/// After the deadline, running jobs see themselves cancelled and get this long to return. A worker that is checked out
/// looks every few milliseconds.
const LAST_CALL: Duration = Duration::from_millis(100);

/// The counts of which the report tells the difference.
struct Counts {
    ended: u64,
    abandoned: u64,
    refused: u64,
}

impl Runtime {
    /// Refuses new work, runs everything that was accepted, and ends: early if it is done, else at the deadline.
    ///
    /// Blocks. What has not started by then is handed back, what runs sees itself cancelled; a job that does not
    /// return keeps its thread, which is named in the report. A second call, also to [`stop`](Self::stop), waits for
    /// the first and returns the same report; one from within the first, by work that is dropped, does nothing. On a worker thread it would wait for its own job: the deadline ends that.
    /// Time is real time, whatever clock the runtime has.
    #[allow(clippy::must_use_candidate, reason = "called for what it does as much as for what it tells")]
    pub fn drain(&self, deadline: Duration) -> Report {
        self.end(deadline, true)
    }

    /// Refuses new work, hands back at once what waits, and lets run what runs. Otherwise as [`drain`](Self::drain).
    #[allow(clippy::must_use_candidate, reason = "as above")]
    pub fn stop(&self, deadline: Duration) -> Report {
        self.end(deadline, false)
    }

    fn end(&self, patience: Duration, run_what_waits: bool) -> Report {
        // What is handed back below is dropped on this thread, and may itself want the end: it would wait for itself.
        let own = std::thread::current().id();
        if *self.core.ender.lock() == Some(own) {
            return Report::default();
        }
        let mut ended = self.core.ended.lock();
        if let Some(report) = &*ended {
            return report.clone();
        }
        *self.core.ender.lock() = Some(own);
        let deadline = Deadline::after(patience);
        // No new work comes in; what waits in the queue is pulled all the same.
        let pools = self.last_pools();
        let before = self.counts(&pools);
        self.core.regulator.shut();
        let kanban = self.core.kanban.get();
        let queue = kanban.map(|kanban| kanban.end(run_what_waits, &deadline));
        // From here on nothing is admitted, so what is in flight can only become less, and no pool comes or goes.
        self.core.regulator.close();
        if run_what_waits {
            // How it ended is seen below.
            let _ = self.core.regulator.wait_drained(deadline.left());
        }
        self.core.registry.lock().closing = true;
        // Closing the lanes hands back what waits, also for a submitter that was admitted before and comes only now.
        pools.iter().for_each(Pool::retire_all);
        pools.iter().for_each(Pool::close);
        // Each thread gets what is left of the one deadline, and then a last call.
        let late: Vec<&Pool> = pools.iter().filter(|pool| !pool.join_until(&deadline).is_empty()).collect();
        if !late.is_empty() {
            // All of them: a worker that is late in one pool may still run a job of the pool that it was sent from.
            pools.iter().for_each(Pool::abort);
        }
        let last_call = Deadline::after(LAST_CALL);
        let mut unjoined: Vec<String> = late.iter().flat_map(|pool| pool.join_until(&last_call)).collect();
        // Last, so that workers which died during a drain were replaced. A tick in between does not wait for anybody.
        unjoined.extend(self.core.control.stop(&self.core.bell, &Deadline::after(LAST_CALL)));
        // A submitter that was admitted before the close and comes only now hands its own back: it belongs to the report.
        let _ = self.core.regulator.wait_drained(LAST_CALL);
        let queue = queue.map(|(report, threads)| {
            unjoined.extend(threads);
            // The last jobs may have published.
            KanbanReport { left: kanban.and_then(|kanban| kanban.close(&deadline)), ..report }
        });
        let after = self.counts(&pools);
        let abandoned = after.abandoned - before.abandoned;
        let report = Report {
            finished: after.ended - before.ended - abandoned,
            refused: after.refused - before.refused,
            abandoned,
            unjoined,
            kanban: queue,
            took: deadline.waited(),
        };
        *ended = Some(report.clone());
        *self.core.ender.lock() = None;
        drop(ended);
        // Under no lock: whoever listens may ask anything.
        for name in &report.unjoined {
            tracing::warn!(thread = %name, "it did not end in time, and is left behind");
        }
        report
    }

    /// All pools there are and will be, those that were taken out and have not ended included.
    fn last_pools(&self) -> Vec<Pool> {
        let mut registry = self.core.registry.lock();
        registry.ending = true;
        let members = registry.pools.values().map(|member| member.pool.clone());
        members.chain(registry.removed.iter().cloned()).collect()
    }

    fn counts(&self, pools: &[Pool]) -> Counts {
        let counts = Counts { ended: 0, abandoned: 0, refused: self.core.regulator.status().refused.total() };
        pools.iter().map(Pool::ended).fold(counts, |counts, (ended, abandoned)| Counts {
            ended: counts.ended + ended,
            abandoned: counts.abandoned + abandoned,
            ..counts
        })
    }
}
