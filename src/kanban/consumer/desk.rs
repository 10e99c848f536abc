//! Where workers lay down how an item ended, and the driver picks it up.
//!
//! One place per slot, so that laying down never waits and never fails: whoever holds an item holds a slot.

use std::time::Duration;

use crate::kanban::cells::{Call, Signal};
use crate::kanban::retry::Ended;
use crate::sync::channel::{Receiver, Sender, bounded};

/// What a worker lays down.
#[derive(Debug)]
pub(super) struct Report {
    /// The slot of the item.
    pub(super) slot: u32,
    /// `None` if it was not run: the pool gave it back.
    pub(super) ended: Option<Ended>,
    /// How long its handler ran.
    pub(super) ran: Duration,
}

/// The workers' side.
#[derive(Debug)]
pub(super) struct Desk {
    reports: Sender<Report>,
    driver: Signal,
}

impl Desk {
    /// A desk for so many items at a time, and the driver's side of it.
    pub(super) fn new(slots: usize, driver: Signal) -> (Self, Receiver<Report>) {
        let (reports, picked_up) = bounded(slots);
        (Self { reports, driver }, picked_up)
    }

    /// Lays a report down and wakes the driver if it sleeps. Lock-free but for waking a sleeper.
    pub(super) fn lay_down(&self, report: Report) {
        // After an end that did not wait for everything there is no driver any more: the lease brings the item back.
        let is_full = self.reports.try_send(report).is_err_and(|error| error.is_full());
        debug_assert!(!is_full, "there is a place for every slot");
        self.driver.call(Call::Desk);
    }

    /// Wakes the driver.
    pub(super) fn ring(&self) {
        self.driver.call(Call::Desk);
    }
}
