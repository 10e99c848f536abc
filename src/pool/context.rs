//! What a running job can ask about itself.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use super::job::NEVER;
use super::shared::Shared;
use super::state::Flag;
use crate::time::Moment;

/// Given to every job when it runs.
pub struct Context<'a> {
    pub(super) pool: &'a Shared,
    pub(super) worker: usize,
    pub(super) arrived: Moment,
    pub(super) started: Moment,
    pub(super) deadline: Moment,
    pub(super) cancelled: Option<&'a Flag>,
    pub(super) failed: Cell<bool>,
}

impl<'a> Context<'a> {
    /// The same with less time: not beyond `time` from its start, nor once `cancelled` is set.
    pub(crate) fn limited(self, time: Duration, cancelled: &'a Flag) -> Self {
        Self { deadline: self.deadline.min(self.started.after(time)), cancelled: Some(cancelled), ..self }
    }

    /// Whether its time is up, whatever else may have cancelled it.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline != NEVER && self.pool.clock.now() >= self.deadline
    }

    /// How long it has been running.
    pub(crate) fn ran(&self) -> Duration {
        self.pool.clock.now().since(self.started)
    }
}

impl Context<'_> {
    /// Whether the result is still wanted: false once the handle was [cancelled](crate::JobHandle::cancel), the deadline
    /// has passed, or the runtime's stop ran out of time. A thread cannot be killed: long jobs should ask now and then.
    /// Wait-free, some 10 ns.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(Flag::is_set)
            || self.pool.state.aborted()
            || self.deadline != NEVER && self.pool.clock.now() >= self.deadline
    }

    /// The time left until the deadline, if there is one.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        (self.deadline != NEVER).then(|| self.deadline.since(self.pool.clock.now()))
    }

    /// When the work arrived.
    #[must_use]
    pub fn arrived(&self) -> Moment {
        self.arrived
    }

    /// How long it waited from arrival to start.
    #[must_use]
    pub fn queue_delay(&self) -> Duration {
        self.started.since(self.arrived)
    }

    /// The name of the pool it runs in.
    #[must_use]
    pub fn pool(&self) -> &str {
        &self.pool.settings.name
    }

    /// The number of its worker within the pool, from 0.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Counts this job as failed, as a panic would, whatever it returns.
    pub fn fail(&self) {
        self.failed.set(true);
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("pool", &self.pool())
            .field("worker", &self.worker)
            .field("queue_delay", &self.queue_delay())
            .finish_non_exhaustive()
    }
}
