//! Pulling, and what is done with an item before it may run.

use std::sync::Arc;
use std::time::Duration;

use super::driver::Driver;
use super::pull::{Budget, View, wants};
use super::table::{Loan, Stage};
use crate::kanban::broker::{Death, Delivery, Settlement, Verdict, Want};
use crate::kanban::cells::Count;
use crate::kanban::retry::{Arrival, Cause, arrival};
use crate::kanban::seen::Seen;
use crate::kanban::spans;
use crate::kanban::trace::{TRACEPARENT, TraceContext};
use crate::sync::weakened;
use crate::time::{Moment, Timestamp};

/// When an item comes again that could not be looked up among what was seen.
pub(super) const SEEN_AGAIN: Duration = Duration::from_secs(1);

impl Driver {
    /// Pulls what could start; tells whether anything came, or more may be asked for.
    pub(super) fn pull(&mut self, now: Moment) -> bool {
        if let Some(every) = self.traits.poll.filter(|_| now >= self.due.poll) {
            self.due.poll = now.after(every);
            self.queues.iter_mut().for_each(|queue| queue.dry = [false; 3]);
        }
        // What is tried alone is to stay alone.
        if self.trials.are_due() {
            return false;
        }
        // What cannot be settled must not grow; of two brokers, the one that fails is not pulled from anyway.
        let tried_again = self.settle_again.may(now) && !self.is_settling();
        let stuck = self.settling_fails && !tried_again;
        if !self.pull_again.may(now) || stuck && self.env.broker.failover().is_none() {
            return false;
        }
        let prefetch = self.env.settings.prefetch;
        let views: Vec<View> = self.queues.iter_mut().map(|queue| queue.view(prefetch, now)).collect();
        let mut turns: Vec<_> = self.queues.iter().map(|queue| queue.asking).collect();
        let wants_of = wants(self.budget(), &views, &mut turns, self.first);
        // The next to be asked first is whoever comes after the first that got something.
        let order = (0..wants_of.len()).map(|offset| (self.first + offset) % wants_of.len());
        if let Some(served) = order.into_iter().find(|at| wants_of[*at] != [0; 3]) {
            self.first = (served + 1) % wants_of.len();
        }
        for (queue, turn) in self.queues.iter_mut().zip(turns) {
            queue.asking = turn;
        }
        let wanted: Vec<Want<'_>> = self
            .queues
            .iter()
            .zip(&wants_of)
            .flat_map(|(queue, wants)| queue.lanes.iter().zip(wants))
            .filter(|(_, most)| **most > 0)
            .map(|(lane, most)| Want { lane, most: *most as usize })
            .collect();
        if wanted.is_empty() {
            return false;
        }
        match self.env.broker.pull(&wanted, self.env.settings.settle_timeout) {
            Ok(deliveries) => {
                self.pull_again.worked();
                self.broker_works();
                // Room that one lane did not use is another's: asked for at once, not when the driver happens to wake.
                let more = self.mark_dry(&wants_of, &deliveries) && !weakened("dry");
                let any = more || !deliveries.is_empty();
                self.env.counts.add(Count::Pulled, deliveries.len() as u64);
                let today = self.env.clock.timestamp();
                self.renew_marks();
                for delivery in deliveries {
                    self.admit(delivery, today);
                }
                any
            }
            Err(error) => {
                self.pull_again.failed(now);
                self.broker_failed("pulling", error);
                false
            }
        }
    }

    fn budget(&self) -> Budget {
        let capacity = self.env.regulator.capacity();
        let left = self.permits_left();
        Budget {
            pull: self.env.settings.pull,
            slots: if weakened("slots") { u32::MAX } else { self.table.free() },
            normal: capacity.normal.min(left),
            low: capacity.low.min(left),
        }
    }

    /// How many more items may run: the share of the normal limit that pulled work may use, less what runs, stalled or not.
    pub(super) fn permits_left(&self) -> u32 {
        let limit = f64::from(self.env.regulator.limits().normal()) * self.env.settings.share;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a limit below 2^21"
        )]
        let limit = (limit as u32).max(1);
        let running: u32 = self.queues.iter().map(|queue| queue.running_in_all() + queue.stalled).sum();
        limit.saturating_sub(running)
    }

    /// Lanes that gave less than they were asked for are left alone until something is heard of them; tells whether there are any.
    fn mark_dry(&mut self, wants: &[[u32; 3]], deliveries: &[Delivery]) -> bool {
        let mut came = vec![[0_u32; 3]; wants.len()];
        for delivery in deliveries {
            let lane = &delivery.item.lane;
            if let Some(at) = self.sources.get(&lane.domain) {
                came[*at][lane.priority.index()] += 1;
            }
        }
        let mut any = false;
        for (queue, (wants, came)) in self.queues.iter_mut().zip(wants.iter().zip(came)) {
            for lane in 0..3 {
                let is_dry = came[lane] < wants[lane];
                queue.dry[lane] |= is_dry;
                any |= is_dry;
            }
        }
        any
    }

    /// Looks at an item that arrived: holds it, or settles it unrun.
    fn admit(&mut self, delivery: Delivery, today: Timestamp) {
        let Some(&at) = self.sources.get(&delivery.item.lane.domain) else {
            return self.refuse(delivery, "of a domain that is not consumed here");
        };
        let settings = &self.shared.sources[at].retry;
        let what = arrival(&delivery, today, settings, self.env.settings.expired);
        let undecodable = delivery.fault.is_some();
        let slot = match self.table.take(Loan::of(delivery, at)) {
            Ok(slot) => slot,
            Err(loan) => return self.refuse_loan(loan, "more than was wanted"),
        };
        self.begin_span(slot);
        if undecodable {
            if let Arrival::Dead(cause) = what {
                self.bury(slot, cause);
            }
            return;
        }
        let Some(key) = self.table.get(slot).map(|loan| loan.key()) else { return };
        match self.env.seen.begin(&key, self.traits.lease) {
            Ok(Seen::New) => {}
            Ok(Seen::Done) => {
                self.env.counts.add(Count::Duplicate, 1);
                return self.settle_as(slot, Verdict::Ack);
            }
            Ok(Seen::Running) => {
                self.env.counts.add(Count::Concurrent, 1);
                return self.settle_as(slot, Verdict::Release { after: self.traits.lease });
            }
            Err(error) => {
                tracing::warn!(%error, "an item is not run for now");
                return self.settle_as(slot, Verdict::Release { after: SEEN_AGAIN });
            }
        }
        match what {
            Arrival::Run { failures } => self.hold(slot, failures),
            Arrival::Suspect { failures, over, cause } => self.suspect(slot, failures, over, cause),
            Arrival::Dead(cause) => {
                self.env.seen.forget(&key);
                self.bury(slot, cause);
            }
            Arrival::Drop => {
                self.env.seen.forget(&key);
                self.drop_item(slot);
            }
        }
    }

    /// Its span, if spans are on. What its publisher said of a trace is looked at in any case.
    fn begin_span(&mut self, slot: u32) {
        let Some(loan) = self.table.get(slot) else { return };
        if let Some(Err(error)) = loan.item.headers.get(TRACEPARENT).map(|text| text.parse::<TraceContext>())
        {
            tracing::debug!(id = %loan.item.id, domain = %loan.item.lane.domain, %error, "a traceparent that means nothing");
        }
        if self.env.spans.are_on() {
            let span = spans::deliver(self.shared.system, &loan.item, loan.deliveries);
            loan.span = (!span.is_disabled()).then(|| Box::new(span));
        }
    }

    /// It waits for a permit.
    pub(super) fn hold(&mut self, slot: u32, failures: u32) {
        let Some(loan) = self.table.get(slot) else { return };
        loan.failures = failures;
        loan.stage = Stage::Held;
        self.queues[loan.source].held[loan.item.lane.priority.index()].push_back(slot);
    }

    /// To the dead letters with it.
    pub(super) fn bury(&mut self, slot: u32, cause: Cause) {
        let Some(loan) = self.table.get(slot) else { return };
        let Cause { reason, error, attempts } = cause;
        let item = Arc::clone(&loan.item);
        tracing::warn!(id = %item.id, domain = %item.lane.domain, reason, error, attempts, "an item is dead");
        self.tell(
            Some(&item.lane.domain),
            "dead_letter",
            format!("{} is dead: {reason}", item.id),
            format!("{attempts} attempts, last error: {error}"),
        );
        (self.env.finished)(&item.id, false);
        let at = self.env.clock.timestamp();
        self.settle_as(slot, Verdict::DeadLetter(Box::new(Death { item, reason, error, attempts, at })));
    }

    fn refuse_loan(&mut self, loan: Loan, why: &str) {
        tracing::warn!(id = %loan.item.id, "an item was delivered that nobody wants: {why}");
        if let Some(ticket) = loan.ticket {
            let verdict = Verdict::Release { after: SEEN_AGAIN };
            // If this fails as well, its lease brings it back.
            drop(
                self.env
                    .broker
                    .settle(vec![Settlement { ticket, verdict }], self.env.settings.settle_timeout),
            );
        }
    }

    fn refuse(&mut self, delivery: Delivery, why: &str) {
        self.refuse_loan(Loan::of(delivery, 0), why);
    }
}
