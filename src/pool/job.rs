//! A job: work, when it came, until when it is wanted, and the permit it runs under.

use std::ops::Deref;
use std::ptr::NonNull;

use super::work::{Erased, Work};
use crate::admission::{Permit, Regulator};
use crate::error::JobError;
use crate::time::Moment;

/// A pointer to the regulator of the pool whose lane the job is in: a job must not pay for a reference count.
#[derive(Clone, Copy)]
pub(crate) struct Keeper(NonNull<Regulator>);

/// The permit of a job.
pub(crate) type JobPermit = Permit<Keeper>;

impl Keeper {
    /// # Safety
    /// The regulator must outlive every job that holds this. Jobs exist in the hands of a submitter, whose domain owns
    /// the regulator, in a lane, or with a worker; both of the latter end before the pool gives its regulator up.
    pub(crate) unsafe fn new(regulator: &Regulator) -> Self {
        Self(NonNull::from(regulator))
    }
}

impl Deref for Keeper {
    type Target = Regulator;

    #[inline]
    fn deref(&self) -> &Regulator {
        // SAFETY: whoever made this promised that the regulator outlives it.
        unsafe { self.0.as_ref() }
    }
}

// SAFETY: it stands for a `&Regulator`, and `Regulator` is `Sync`.
unsafe impl Send for Keeper {}

/// A piece of work on its way to a worker. Dropped on the way, it gives the permit back and is reported abandoned.
pub(crate) struct Job {
    /// First, so that it is back before anybody is told.
    pub(super) permit: JobPermit,
    pub(super) work: Erased,
    pub(super) arrived: Moment,
    /// [`NEVER`] if there is none.
    pub(super) deadline: Moment,
}

/// No deadline.
pub(crate) const NEVER: Moment = Moment::from_nanos(u64::MAX);

impl Job {
    #[inline]
    pub(crate) fn new<W: Work>(work: W, arrived: Moment, deadline: Moment, permit: JobPermit) -> Self {
        Self { permit, work: Erased::new(work), arrived, deadline }
    }

    /// Takes the work out and gives the permit back.
    ///
    /// # Safety
    /// The job was made by [`Job::new`] from a `W`.
    pub(crate) unsafe fn into_work<W: Work>(self) -> W {
        // SAFETY: by the caller's promise.
        unsafe { self.work.into_inner() }
    }

    /// Drops it unrun, permit first.
    pub(super) fn discard(self, why: JobError) {
        drop(self.permit);
        self.work.discard(why);
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("arrived", &self.arrived).finish_non_exhaustive()
    }
}
