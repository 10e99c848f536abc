//! The end: draining and stopping, with one deadline and a report.

use std::time::Duration;

use super::{Report, Runtime};
use crate::pool::Pool;
use crate::time::Moment;

/// After the deadline, running jobs see themselves cancelled and get this long to return. A worker that is checked out
/// looks every 20 ms.
const LAST_CALL: Duration = Duration::from_millis(100);

/// The counts of which the report tells the difference.
#[derive(Clone, Copy)]
struct Before {
    at: Moment,
    ended: u64,
    refused: u64,
}

impl Runtime {
    /// Refuses new work, runs everything that was accepted, and ends: early if it is done, else at the deadline.
    ///
    /// Blocks. What has not started by then is handed back, what runs sees itself cancelled; a job that does not
    /// return keeps its thread, which is named in the report. A second call, also to [`stop`](Self::stop), waits for
    /// the first and returns the same report. On a worker thread it would wait for its own job: the deadline ends that.
    pub fn drain(&self, deadline: Duration) -> Report {
        self.end(deadline, true)
    }

    /// Refuses new work, lets run what runs, and hands everything else back at once. Otherwise as
    /// [`drain`](Self::drain).
    pub fn stop(&self, deadline: Duration) -> Report {
        self.end(deadline, false)
    }

    fn end(&self, patience: Duration, run_what_waits: bool) -> Report {
        let mut ended = self.core.ended.lock();
        if let Some(report) = &*ended {
            return report.clone();
        }
        let before = self.counts();
        let deadline = before.at.after(patience);
        // From here on nothing is admitted, so what is in flight can only become less.
        self.core.regulator.close();
        if run_what_waits {
            // Told by the release of the last permit; how it ended is seen below.
            let _ = self.core.regulator.wait_drained(patience);
        }
        let pools: Vec<Pool> =
            self.core.registry.lock().pools.values().map(|member| member.pool.clone()).collect();
        pools.iter().for_each(Pool::retire_all);
        // Each thread gets what is left of the one deadline.
        let mut late: Vec<&Pool> =
            pools.iter().filter(|pool| !pool.join_until(deadline).is_empty()).collect();
        // Closing the lanes hands back what waits, and refuses a submitter that was admitted before the close but comes
        // only now.
        let abandoned = pools.iter().map(Pool::close).sum();
        for pool in &late {
            pool.abort();
        }
        let last_call = self.core.clock.now().after(LAST_CALL);
        late.retain(|pool| !pool.join_until(last_call).is_empty());
        let unjoined: Vec<String> = late.iter().flat_map(|pool| pool.join_until(Moment::default())).collect();
        for name in &unjoined {
            tracing::warn!(thread = %name, "the job it runs did not end in time; the thread is left behind");
        }
        let after = self.counts();
        let report = Report {
            finished: after.ended - before.ended,
            refused: after.refused - before.refused,
            abandoned,
            unjoined,
            took: after.at.since(before.at),
        };
        *ended = Some(report.clone());
        report
    }

    fn counts(&self) -> Before {
        let status = self.status();
        let ended = status.pools.iter().map(|pool| pool.total_requests - pool.abandoned).sum();
        Before { at: self.core.clock.now(), ended, refused: status.admission.refused.total() }
    }
}
