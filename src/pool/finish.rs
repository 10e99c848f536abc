//! The end of a job: measured, its permit given back, and only then announced.

use super::job::JobPermit;
use crate::metrics::{Ended, Skip, WorkerCells};
use crate::sync::weakened;
use crate::time::{Clock, Moment};

/// What has to happen when the running job ends, however it ends: dropped without a word, it counts as a panic.
pub(crate) struct Finish<'a> {
    pub(super) cells: &'a WorkerCells,
    pub(super) clock: &'a Clock,
    pub(super) arrived: Moment,
    pub(super) started: Moment,
    pub(super) permit: Option<JobPermit>,
}

impl Finish<'_> {
    /// The job ran and ended so.
    #[inline]
    pub(crate) fn ended(mut self, how: Ended) {
        self.record(how);
    }

    /// The job was not run after all.
    pub(crate) fn skipped(mut self, why: Skip) {
        self.cells.skip(why);
        drop(self.permit.take());
    }

    #[inline]
    fn record(&mut self, how: Ended) {
        if let Some(permit) = self.permit.take() {
            self.cells.end(self.arrived, self.started, self.clock.now(), how);
            if weakened("finish") {
                // The mistake that a model must find: the permit is kept for ever.
                std::mem::forget(permit);
                return;
            }
            drop(permit);
        }
    }
}

impl Drop for Finish<'_> {
    #[inline]
    fn drop(&mut self) {
        self.record(Ended::Panicked);
    }
}
