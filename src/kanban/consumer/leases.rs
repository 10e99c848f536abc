//! Keeping what is on loan, until it is settled or declared stalled.

use super::driver::{Driver, LOOK};
use super::table::Stage;
use crate::kanban::cells::Count;
use crate::time::Moment;

impl Driver {
    /// Extends the leases of everything on loan three times per lease, and gives up what runs too long.
    pub(super) fn keep_leases(&mut self, now: Moment) {
        if self.table.len() == 0 {
            // Whatever is pulled from here on has a lease that is new.
            self.due.extend = now.after(self.traits.lease / 3);
            self.due.stalls = now.after(LOOK);
            return;
        }
        if now >= self.due.stalls {
            self.due.stalls = now.after(LOOK.min(self.env.settings.stall_after / 4));
            self.look_for_stalls(now);
            self.expire_held();
        }
        if now >= self.due.extend {
            self.due.extend = now.after(self.traits.lease / 3);
            self.extend();
        }
    }

    fn extend(&mut self) {
        self.keep_marks();
        let loans = self.table.loans();
        let leased = loans.filter(|(_, loan)| !matches!(loan.stage, Stage::Settling { .. } | Stage::Stalled));
        let tickets: Vec<_> = leased.filter_map(|(_, loan)| loan.ticket.as_ref()).collect();
        if let Err(error) = self.env.broker.extend(&tickets, self.env.settings.settle_timeout) {
            self.broker_failed("extending leases", error);
        }
    }

    /// Keeps everything marked that is on its way here and not recorded as done. A stalled one has no lease any more, but still runs
    /// here: it must not be run a second time beside itself.
    fn keep_marks(&mut self) {
        let lease = self.traits.lease;
        for (_, loan) in self.table.loans() {
            if !matches!(loan.stage, Stage::Settling { done: true, .. }) {
                self.env.seen.extend(&loan.key(), lease);
            }
        }
    }

    /// Before anything that came is looked up: the broker may have taken so long that marks have passed, and leases with them. What
    /// comes again then still runs here, or its report has yet to be taken.
    pub(super) fn renew_marks(&mut self) {
        if self.env.clock.now() >= self.due.extend {
            self.keep_marks();
        }
    }

    /// A handler that runs longer than any should has its lease given up: its item is delivered again, here once it has ended, or
    /// elsewhere.
    fn look_for_stalls(&mut self, now: Moment) {
        let stall_after = self.env.settings.stall_after;
        let mut stalled = Vec::new();
        for (slot, loan) in self.table.loans() {
            if let Stage::Running { since } = loan.stage
                && now.since(since) >= stall_after
            {
                loan.stage = Stage::Stalled;
                let queue = &mut self.queues[loan.source];
                queue.running[loan.item.lane.priority.index()] -= 1;
                queue.stalled += 1;
                stalled.push((slot, loan.item.id.clone(), loan.source));
            }
        }
        for (slot, id, source) in stalled {
            self.end_trial(slot);
            self.env.counts.add(Count::Stalled, 1);
            let name = self.shared.sources[source].name.clone();
            tracing::error!(%id, domain = %name, ?stall_after, "an item is stalled: its lease is not extended any more");
            self.tell(
                Some(&name),
                "stalled",
                format!("{id} is stalled: its lease is given up"),
                format!("has been running for more than {stall_after:?}"),
            );
            // It says as much about what it depends on as a failure does.
            if let Some(change) = self.queues[source].breaker.failed(now) {
                self.breaker_changed(source, change);
            }
        }
    }
}
