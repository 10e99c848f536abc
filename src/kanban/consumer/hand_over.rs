//! Handing held items over to the pools of their keys.

use std::sync::Arc;
use std::time::Duration;

use super::driver::Driver;
use super::run::Run;
use super::table::Stage;
use crate::kanban::cells::Count;
use crate::kanban::retry::{self, Arrival};
use crate::sync::weakened;
use crate::time::{Moment, Timestamp};

impl Driver {
    /// Reads how many workers there are. What is handed over after a look shows in the queue's own counts.
    pub(super) fn look_at_pools(&mut self) {
        for (queue, source) in self.queues.iter_mut().zip(&self.shared.sources) {
            queue.workers = source.domain.workers();
        }
    }

    /// Breakers that were open long enough try one item.
    pub(super) fn tick_breakers(&mut self, now: Moment) {
        for at in 0..self.queues.len() {
            if let Some(change) = self.queues[at].breaker.tick(now) {
                self.breaker_changed(at, change);
            }
        }
    }

    /// Hands over what may start; tells whether that was anything.
    pub(super) fn hand_over(&mut self, now: Moment) -> bool {
        if self.offer_again.may(now) {
            self.queues.iter_mut().for_each(|queue| queue.refused = [false; 3]);
        }
        if self.trials.are_due() {
            return self.offer_again.may(now) && self.hold_trial(now);
        }
        let (mut any, mut refused) = (false, false);
        let mut left = self.permits_left();
        let (first, many) = (self.first, self.queues.len());
        for at in (0..many).map(|offset| (first + offset) % many) {
            // Calendars are asked only if there is something whose deadline might have passed.
            let mut today = None;
            while left > 0 {
                let queue = &mut self.queues[at];
                let view = queue.view(self.env.settings.prefetch, now);
                let Some(priority) = view.next(queue.starting) else { break };
                let Some(slot) = queue.held[priority.index()].pop_front() else { break };
                if self.is_late(slot, &mut today) {
                    any = true;
                } else if self.start(at, slot, now, today) {
                    any = true;
                    left -= 1;
                    let queue = &mut self.queues[at];
                    queue.starting.advance();
                    queue.running[priority.index()] += 1;
                    queue.workers.1 = queue.workers.1.saturating_sub(1);
                } else {
                    let queue = &mut self.queues[at];
                    queue.held[priority.index()].push_front(slot);
                    queue.refused[priority.index()] = true;
                    refused = true;
                }
            }
        }
        if refused {
            self.offer_again.failed(now);
        } else if self.queues.iter().all(|queue| queue.refused == [false; 3]) {
            self.offer_again.worked();
        }
        any
    }

    /// Settles what is held and came too late: while a breaker is open nothing is handed over, and deadlines pass all the same.
    pub(super) fn expire_held(&mut self) {
        let mut today = None;
        for at in 0..self.queues.len() {
            for lane in 0..3 {
                let held = std::mem::take(&mut self.queues[at].held[lane]);
                let in_time = held.into_iter().filter(|slot| !self.is_late(*slot, &mut today)).collect();
                self.queues[at].held[lane] = in_time;
            }
        }
    }

    /// Whether the deadline passed while it was held; it is then settled.
    pub(super) fn is_late(&mut self, slot: u32, today: &mut Option<Timestamp>) -> bool {
        let Some(loan) = self.table.get(slot) else { return true };
        if loan.item.deadline.is_none() {
            return false;
        }
        let today = *today.get_or_insert_with(|| self.env.clock.timestamp());
        if !loan.item.is_expired(today) {
            return false;
        }
        self.env.seen.forget(&loan.key());
        let late = retry::late(loan.failures, self.env.settings.expired);
        match late {
            Arrival::Dead(cause) => self.bury(slot, cause),
            _ => self.drop_item(slot),
        }
        true
    }

    /// Gets a permit and hands over; false if that was refused, and nothing has changed.
    pub(super) fn start(&mut self, at: usize, slot: u32, now: Moment, today: Option<Timestamp>) -> bool {
        let Some(loan) = self.table.get(slot) else { return true };
        let item = &loan.item;
        let run = Run {
            shared: self.shared.clone(),
            item: Arc::clone(item),
            slot,
            source: u32::try_from(at).unwrap_or(u32::MAX),
            attempt: loan.failures.saturating_add(1),
            deliveries: loan.deliveries,
            delivery: loan.span.clone(),
        };
        let domain = &self.shared.sources[at].domain;
        let mut job = domain.job(item.routing_key()).priority(item.lane.priority).in_background();
        if let Some((deadline, today)) = item.deadline.zip(today) {
            job = job.deadline(deadline.since(today).max(Duration::from_millis(1)));
        }
        let started = job.place(run).is_ok();
        if started {
            loan.stage = Stage::Running { since: now };
        }
        if started && weakened("settle_early") {
            // The mistake that a model must find: acknowledged before it is done.
            self.settle_as(slot, crate::kanban::broker::Verdict::Ack);
        }
        started
    }

    /// Settles an item as dropped by policy.
    pub(super) fn drop_item(&mut self, slot: u32) {
        if let Some(loan) = self.table.get(slot) {
            tracing::warn!(id = %loan.item.id, domain = %loan.item.lane.domain, "an expired item was dropped, as configured");
            let id = loan.item.id.clone();
            (self.env.finished)(&id, false);
        }
        self.env.counts.add(Count::Dropped, 1);
        self.settle_as(slot, crate::kanban::broker::Verdict::Ack);
    }
}
