//! Jobs with spans: one for their submission, and one for their run, on whatever thread that is. Only while they are switched on.

use tracing::Span;
use tracing::field::Empty;

use super::{Domain, JobSpec};
use crate::error::{JobError, Refused};
use crate::pool::{Context, Finish, OUTCOME, Work};
use crate::priority::Priority;
use crate::spans::TARGET;

/// Work that remembers where it was submitted. Larger than its lane's slots, so that it lies in a box.
pub(super) struct Traced<W> {
    pub(super) work: W,
    submit: Span,
    domain: Domain,
    priority: Priority,
}

impl<W> Traced<W> {
    pub(super) fn new(work: W, spec: &JobSpec<'_>, submit: &Span) -> Self {
        Self { work, submit: submit.clone(), domain: spec.domain.clone(), priority: spec.priority }
    }

    /// From the start to the end of the job, or of no length for one that never ran.
    fn run_span(&self) -> Span {
        tracing::info_span!(
            target: TARGET,
            parent: &self.submit,
            "heijunka.run",
            heijunka.domain = self.domain.name(),
            heijunka.priority = self.priority.name(),
            heijunka.pool = Empty,
            heijunka.worker = Empty,
            heijunka.queue_delay_us = Empty,
            heijunka.outcome = Empty,
        )
    }
}

impl<W: Work> Work for Traced<W> {
    fn run(self, context: Context<'_>, finish: Finish<'_>) {
        let span = self.run_span();
        span.record("heijunka.pool", context.pool());
        span.record("heijunka.worker", context.worker());
        let waited = u64::try_from(context.queue_delay().as_micros()).unwrap_or(u64::MAX);
        span.record("heijunka.queue_delay_us", waited);
        span.in_scope(|| self.work.run(context, finish.telling(&span)));
    }

    fn discard(self, why: JobError) {
        self.run_span().record(OUTCOME, why.name());
        self.work.discard(why);
    }
}

/// The span of a submission of so many jobs, disabled if no subscriber takes it.
pub(super) fn submit_span(spec: &JobSpec<'_>, jobs: usize) -> Span {
    tracing::info_span!(
        target: TARGET,
        "heijunka.submit",
        heijunka.domain = spec.domain.name(),
        heijunka.priority = spec.priority.name(),
        heijunka.jobs = jobs,
        heijunka.outcome = Empty,
    )
}

/// As [`JobSpec::place`], with spans if a subscriber takes them.
#[cold]
pub(super) fn place<W: Work>(spec: JobSpec<'_>, work: W) -> Result<(), Refused<W>> {
    let submit = submit_span(&spec, 1);
    if submit.is_disabled() {
        return spec.place_bare(work);
    }
    let placed = submit.in_scope(|| spec.place_bare(Traced::new(work, &spec, &submit)));
    let outcome = placed.as_ref().map_or_else(|refused| refused.rejected.reason.name(), |()| ACCEPTED);
    submit.record(OUTCOME, outcome);
    placed.map_err(|Refused { rejected, work }| Refused { rejected, work: work.work })
}

pub(super) const ACCEPTED: &str = "accepted";
