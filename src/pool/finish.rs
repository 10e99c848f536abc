//! The end of a job: measured, its permit given back, and only then announced.

use super::job::JobPermit;
use crate::metrics::{Ended, Skip, WorkerCells};
use crate::sync::weakened;
use crate::time::{Clock, Moment};

/// The field of a job's span that says how it ended.
pub(crate) const OUTCOME: &str = "heijunka.outcome";

/// What has to happen when the running job ends, however it ends: dropped without a word, it counts as a panic.
pub(crate) struct Finish<'a> {
    pub(super) cells: &'a WorkerCells,
    pub(super) clock: &'a Clock,
    pub(super) arrived: Moment,
    pub(super) started: Moment,
    pub(super) permit: Option<JobPermit>,
    /// The span it runs in, if there is one, to be told how it ended.
    pub(super) span: Option<&'a tracing::Span>,
}

impl<'a> Finish<'a> {
    /// The same, telling this span how it ended.
    pub(crate) fn telling(mut self, span: &'a tracing::Span) -> Self {
        self.span = Some(span);
        self
    }
}

impl Finish<'_> {
    /// The job ran and ended so.
    #[inline]
    pub(crate) fn ended(mut self, how: Ended) {
        self.record(how);
    }

    /// The job was not run after all.
    pub(crate) fn skipped(mut self, why: Skip) {
        if let Some(span) = self.span {
            span.record(OUTCOME, why.name());
        }
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
            if let Some(span) = self.span {
                span.record(OUTCOME, how.name());
            }
        }
    }
}

impl Drop for Finish<'_> {
    #[inline]
    fn drop(&mut self) {
        self.record(Ended::Panicked);
    }
}
