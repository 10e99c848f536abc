//! A domain: the handle through which work of one kind comes in. This file is the way of a request.

mod batch;
mod traced;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use batch::RefusedMany;

use crate::admission::{Class, Regulator, SubLimitId};
use crate::error::{Reason, Refused, Rejected};
use crate::pool::{
    Checkout, CheckoutError, Context, Job, JobHandle, Keeper, NEVER, Plain, Shared, Tracked, Work,
};
use crate::priority::Priority;
use crate::routing::{Key, Load, Router};
use crate::spans::Spans;
use crate::time::{Clock, Moment};

/// The handle through which one kind of work comes in: resolved once, cloned freely, used from any thread.
#[derive(Clone)]
pub struct Domain {
    pub(crate) shared: Arc<DomainShared>,
}

pub(crate) struct DomainShared {
    pub(crate) name: String,
    pub(crate) priority: bool,
    pub(crate) sub_limit: Option<SubLimitId>,
    pub(crate) router: Router<PoolRef>,
    pub(crate) regulator: Arc<Regulator>,
    pub(crate) clock: Clock,
    pub(crate) spans: Spans,
}

/// A pool as a routing target.
#[derive(Clone, Debug)]
pub(crate) struct PoolRef(pub(crate) crate::sync::Arc<Shared>);

impl Load for PoolRef {
    fn in_flight(&self) -> u32 {
        self.0.in_flight()
    }

    fn workers(&self) -> u32 {
        self.0.workers()
    }
}

impl Domain {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether its work may use the reserve.
    #[must_use]
    pub fn is_priority(&self) -> bool {
        self.shared.priority
    }

    /// A job to be described further: priority, arrival, deadline.
    #[inline]
    pub fn job(&self, key: impl Into<Key>) -> JobSpec<'_> {
        JobSpec {
            domain: self,
            key: key.into(),
            priority: Priority::Normal,
            arrived: None,
            deadline: None,
            background: false,
        }
    }

    /// Runs `work` on the pool that `key` belongs to, with a handle to its result.
    ///
    /// # Errors
    /// [`Refused`], at once, with the reason and the work itself.
    ///
    /// Lock-free; the handle costs two allocations. If a sleeping worker has to be woken, that is a system call of some
    /// microseconds.
    #[inline]
    pub fn submit<F, T>(&self, key: impl Into<Key>, work: F) -> Result<JobHandle<T>, Refused<F>>
    where
        F: FnOnce(&Context<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job(key).submit(work)
    }

    /// Runs `work` on the pool that `key` belongs to; nobody waits for it.
    ///
    /// # Errors
    /// [`Refused`], at once, with the reason and the work itself.
    ///
    /// Lock-free, and allocates nothing if the closure captures at most 48 bytes. Waking a worker as for
    /// [`submit`](Self::submit).
    #[inline]
    pub fn execute<F>(&self, key: impl Into<Key>, work: F) -> Result<(), Refused<F>>
    where
        F: FnOnce(&Context<'_>) + Send + 'static,
    {
        self.job(key).execute(work)
    }

    /// Checks a worker out of the pool that `key` belongs to, waiting for it at most `timeout`.
    ///
    /// # Errors
    /// [`CheckoutError`]: refused like other work, no worker free in time, or called on a worker thread. Blocks.
    pub fn checkout(&self, key: impl Into<Key>, timeout: Duration) -> Result<Checkout, CheckoutError> {
        let (work, pending) = Checkout::work()?;
        let spec = self.job(key).priority(Priority::High);
        spec.place(work).map_err(|refused| CheckoutError::Refused(refused.rejected))?;
        pending.wait(timeout)
    }

    /// How many workers its pools have, and how many of them could start something now. A microsecond or so per pool.
    pub(crate) fn workers(&self) -> (u32, u32) {
        let pin = self.shared.router.pin();
        let pools = self.shared.router.targets(&pin);
        pools.iter().fold((0, 0), |(workers, free), pool| {
            let pool = &pool.value().0;
            (workers + pool.workers(), free + pool.free())
        })
    }

    /// The names of its pools.
    pub(crate) fn pools(&self) -> Vec<String> {
        let pin = self.shared.router.pin();
        let pools = self.shared.router.targets(&pin);
        pools.iter().map(|pool| pool.value().0.settings.name.clone()).collect()
    }

    /// When refused work has a chance again: Little's law over the time that this domain's jobs take, as measured.
    /// `None` if it never will. For callers that back off; computed only here, some microseconds.
    #[must_use]
    pub fn retry_after(&self, rejected: &Rejected) -> Option<Duration> {
        let pin = self.shared.router.pin();
        let pools = self.shared.router.targets(&pin);
        let hold = pools.iter().filter_map(|pool| pool.value().0.mean_latency()).max();
        match hold {
            Some(hold) => self.shared.regulator.retry_after_hold(rejected, hold),
            None => self.shared.regulator.retry_after(rejected),
        }
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

/// A job about to be submitted.
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing happens until `execute` or `submit`"]
pub struct JobSpec<'a> {
    pub(crate) domain: &'a Domain,
    pub(crate) key: Key,
    pub(crate) priority: Priority,
    arrived: Option<Moment>,
    deadline: Option<Duration>,
    /// Whether it was pulled from a queue.
    background: bool,
}

impl JobSpec<'_> {
    /// The lane it waits in, and whether it is shed early. Normal unless told.
    #[inline]
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// When the work arrived, by [`Runtime::clock`](crate::Runtime::clock): from here latency is measured and the deadline
    /// counted. The moment of submission unless told.
    #[inline]
    pub fn arrived(self, arrived: Moment) -> Self {
        Self { arrived: Some(arrived), ..self }
    }

    /// How long after its arrival the work is still wanted. Not started by then, it is not run; running, it sees
    /// [`Context::is_cancelled`]. No deadline unless told.
    #[inline]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Never takes from the reserve, whatever its domain: background work leaves it to those who wait for an answer.
    #[inline]
    pub(crate) fn in_background(self) -> Self {
        Self { background: true, ..self }
    }

    /// As [`Domain::execute`].
    ///
    /// # Errors
    /// As [`Domain::execute`].
    #[inline]
    pub fn execute<F>(self, work: F) -> Result<(), Refused<F>>
    where
        F: FnOnce(&Context<'_>) + Send + 'static,
    {
        self.place(Plain(work))
            .map_err(|refused| Refused { rejected: refused.rejected, work: refused.work.0 })
    }

    /// As [`Domain::submit`].
    ///
    /// # Errors
    /// As [`Domain::submit`].
    #[inline]
    pub fn submit<F, T>(self, work: F) -> Result<JobHandle<T>, Refused<F>>
    where
        F: FnOnce(&Context<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (result, cancelled, handle) = JobHandle::new();
        match self.place(Tracked { work, result, cancelled }) {
            Ok(()) => Ok(handle),
            Err(refused) => Err(Refused { rejected: refused.rejected, work: refused.work.work }),
        }
    }

    /// As [`Domain::execute`] for many pieces of work that share the key: one admission, one lookup and one wake-up for
    /// all. Admitted together or not at all; after that, those that fit into the lane are in.
    ///
    /// # Errors
    /// [`RefusedMany`], with how many are in and the work that is not.
    pub fn execute_many<I, F>(self, work: I) -> Result<usize, RefusedMany<(), I::IntoIter>>
    where
        I: IntoIterator<Item = F, IntoIter: ExactSizeIterator>,
        F: FnOnce(&Context<'_>) + Send + 'static,
    {
        self.place_many(work.into_iter(), |work| (Plain(work), ()), |plain| plain.0).map(|done| done.len())
    }

    /// As [`execute_many`](Self::execute_many), with a handle to each result.
    ///
    /// # Errors
    /// [`RefusedMany`], with the handles of those that are in and the work that is not.
    #[allow(clippy::type_complexity, reason = "an alias would hide what comes back")]
    pub fn submit_many<I, F, T>(
        self,
        work: I,
    ) -> Result<Vec<JobHandle<T>>, RefusedMany<JobHandle<T>, I::IntoIter>>
    where
        I: IntoIterator<Item = F, IntoIter: ExactSizeIterator>,
        F: FnOnce(&Context<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        let track = |work| {
            let (result, cancelled, handle) = JobHandle::new();
            (Tracked { work, result, cancelled }, handle)
        };
        self.place_many(work.into_iter(), track, |tracked| tracked.work)
    }

    pub(crate) fn class(&self) -> Class {
        let domain = &self.domain.shared;
        let class = match self.priority {
            Priority::Low => Class::LOW,
            _ if domain.priority && !self.background => Class::PRIORITY,
            _ => Class::NORMAL,
        };
        let class = match domain.sub_limit {
            Some(sub) => class.capped_by(sub),
            None => class,
        };
        if self.background { class.pulled() } else { class }
    }

    /// When the job arrived and until when it is wanted.
    #[inline]
    pub(crate) fn times(&self, now: Moment) -> (Moment, Moment) {
        let arrived = self.arrived.unwrap_or(now);
        (arrived, self.deadline.map_or(NEVER, |deadline| arrived.after(deadline)))
    }

    /// The way of a request: admitted, routed, handed over. Items of the pull queue have spans of their own.
    #[inline]
    pub(crate) fn place<W: Work>(self, work: W) -> Result<(), Refused<W>> {
        if self.domain.shared.spans.are_on() && !self.background {
            return traced::place(self, work);
        }
        self.place_bare(work)
    }

    #[inline]
    fn place_bare<W: Work>(self, work: W) -> Result<(), Refused<W>> {
        let domain = &*self.domain.shared;
        let permit = match domain.regulator.try_acquire(self.class()) {
            Ok(permit) => permit,
            Err(rejected) => return Err(Refused { rejected, work }),
        };
        // SAFETY: while this domain is borrowed, its `Arc` keeps the regulator; in the lane, the pool's own `Arc` does.
        let permit = permit.rebind(unsafe { Keeper::new(&domain.regulator) });
        let now = domain.clock.now();
        let (arrived, deadline) = self.times(now);
        let pin = domain.router.pin();
        let mut job = Job::new(work, arrived, deadline, permit);
        let mut rejected = NO_POOL;
        for target in domain.router.route(self.key, &pin).in_order(now) {
            if target.is_barred() {
                rejected = CRITICAL;
                break;
            }
            let pool = &*target.value().0;
            pool.note_key(self.key.as_u64(), now);
            match pool.try_send(self.priority, job) {
                Ok(()) => {
                    pool.announce();
                    return Ok(());
                }
                Err(back) => (job, rejected) = (back, lane_full(pool, self.priority)),
            }
        }
        if !self.background {
            domain.regulator.count_refused(rejected.reason);
        }
        // SAFETY: made from a `W` above.
        Err(Refused { rejected, work: unsafe { job.into_work() } })
    }
}

pub(crate) const NO_POOL: Rejected = Rejected { reason: Reason::NoPool, in_flight: 0, limit: 0, wanted: 1 };

/// Only strict keys come to a barred target, and those may go nowhere else.
pub(crate) const CRITICAL: Rejected = Rejected { reason: Reason::Critical, ..NO_POOL };

#[cold]
pub(crate) fn lane_full(pool: &Shared, lane: Priority) -> Rejected {
    let limit = u32::try_from(pool.settings.lane).unwrap_or(u32::MAX);
    Rejected { reason: Reason::LaneFull, in_flight: pool.waiting_in(lane), limit, wanted: 1 }
}
