//! Many jobs at once: one admission, one lookup, one wake-up.

use std::fmt;
use std::iter::Chain;
use std::option;

use super::traced::{ACCEPTED, Traced, submit_span};
use super::{CRITICAL, JobSpec, NO_POOL, lane_full};
use crate::error::{Reason, Rejected};
use crate::pool::{Job, Keeper, OUTCOME, Shared, Work};

/// Some or all of a batch was refused.
pub struct RefusedMany<H, I: Iterator> {
    rejected: Rejected,
    accepted: Vec<H>,
    rest: Chain<option::IntoIter<I::Item>, I>,
}

impl<H, I: Iterator> RefusedMany<H, I> {
    /// Why the first refused one was refused.
    #[must_use]
    pub fn rejected(&self) -> Rejected {
        self.rejected
    }

    /// How many were accepted before that.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// The handles of those accepted, and the work that was not.
    pub fn into_parts(self) -> (Vec<H>, Chain<option::IntoIter<I::Item>, I>) {
        (self.accepted, self.rest)
    }
}

impl<H, I: Iterator> fmt::Debug for RefusedMany<H, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accepted = self.accepted.len();
        f.debug_struct("RefusedMany")
            .field("rejected", &self.rejected)
            .field("accepted", &accepted)
            .finish_non_exhaustive()
    }
}

impl<H, I: Iterator> fmt::Display for RefusedMany<H, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} accepted, the rest refused: {}", self.accepted.len(), self.rejected)
    }
}

impl<H, I: Iterator> std::error::Error for RefusedMany<H, I> {}

impl JobSpec<'_> {
    /// `wrap` makes work and handle of an item, `unwrap` the item of the work again.
    pub(crate) fn place_many<W: Work, H, I: ExactSizeIterator>(
        self,
        items: I,
        wrap: impl Fn(I::Item) -> (W, H),
        unwrap: impl Fn(W) -> I::Item,
    ) -> Result<Vec<H>, RefusedMany<H, I>> {
        if !self.domain.shared.spans.are_on() {
            return self.place_many_bare(items, wrap, unwrap);
        }
        let submit = submit_span(&self, items.len());
        if submit.is_disabled() {
            return self.place_many_bare(items, wrap, unwrap);
        }
        let traced = |item| {
            let (work, handle) = wrap(item);
            (Traced::new(work, &self, &submit), handle)
        };
        let placed = submit.in_scope(|| self.place_many_bare(items, traced, |traced| unwrap(traced.work)));
        let outcome = placed.as_ref().map_or_else(|refused| refused.rejected.reason.name(), |_| ACCEPTED);
        submit.record(OUTCOME, outcome);
        placed
    }

    fn place_many_bare<W: Work, H, I: ExactSizeIterator>(
        self,
        mut items: I,
        wrap: impl Fn(I::Item) -> (W, H),
        unwrap: impl Fn(W) -> I::Item,
    ) -> Result<Vec<H>, RefusedMany<H, I>> {
        let domain = &*self.domain.shared;
        let count = items.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let refuse = |rejected, accepted, item: Option<I::Item>, rest: I| {
            Err(RefusedMany { rejected, accepted, rest: item.into_iter().chain(rest) })
        };
        let n = u32::try_from(count).unwrap_or(u32::MAX);
        let permits = match domain.regulator.try_acquire_many(self.class(), n) {
            Ok(permits) => permits,
            Err(rejected) => return refuse(rejected, Vec::new(), None, items),
        };
        // Only now, as `count` is the caller's and the limits have agreed to it.
        let mut accepted = Vec::with_capacity(count);
        // SAFETY: as in `place`: the domain keeps the regulator while we are here, the pool while a job is in its lane.
        let mut permits = permits.rebind(unsafe { Keeper::new(&domain.regulator) });
        let now = domain.clock.now();
        let (arrived, deadline) = self.times(now);
        let pin = domain.router.pin();
        let mut told = Told(None);
        while let Some(item) = items.next() {
            // An iterator that is longer than it said gets what it asked for.
            let Some(permit) = permits.split(1) else {
                let rejected = Rejected { reason: Reason::TooLarge, in_flight: n, limit: n, wanted: 1 };
                return refuse(rejected, accepted, Some(item), items);
            };
            let (work, handle) = wrap(item);
            let mut job = Some(Job::new(work, arrived, deadline, permit));
            let mut rejected = NO_POOL;
            for target in domain.router.route(self.key, &pin).in_order(now) {
                if target.is_barred() {
                    rejected = CRITICAL;
                    break;
                }
                let pool = &target.value().0;
                pool.note_key(self.key.as_u64(), now);
                let Some(unsent) = job.take() else { break };
                match pool.try_send(self.priority, unsent) {
                    Ok(()) => told.sent_to(pool),
                    Err(back) => {
                        (job, rejected) = (Some(back), lane_full(pool, self.priority));
                        continue;
                    }
                }
                break;
            }
            if let Some(job) = job {
                domain.regulator.count_refused(rejected.reason);
                // SAFETY: made from a `W` above.
                let work = unsafe { job.into_work() };
                return refuse(rejected, accepted, Some(unwrap(work)), items);
            }
            accepted.push(handle);
        }
        Ok(accepted)
    }
}

/// The pool that took the last jobs and is still to be woken: once for all of them, and also if the caller's iterator
/// panics. The worker that wakes sees to it that others wake for the rest.
struct Told<'a>(Option<&'a Shared>);

impl<'a> Told<'a> {
    fn sent_to(&mut self, pool: &'a Shared) {
        if self.0.is_some_and(|told| !std::ptr::eq(told, pool)) {
            self.announce();
        }
        self.0 = Some(pool);
    }

    fn announce(&mut self) {
        if let Some(pool) = self.0.take() {
            pool.announce();
        }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.announce();
    }
}
