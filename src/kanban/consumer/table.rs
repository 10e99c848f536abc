//! The items on loan: one slot for each, from the moment it is asked for until it is settled.

use std::sync::Arc;

use tracing::Span;

use crate::kanban::broker::{Delivery, Ticket, Verdict};
use crate::kanban::item::Item;
use crate::kanban::seen::SeenKey;
use crate::sync::weakened;
use crate::time::Moment;

/// Where an item is on its way.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Waits for a permit.
    Held,
    /// Handed over.
    Running { since: Moment },
    /// Handed over so long ago that its lease is not extended any more.
    Stalled,
    /// Ended; what is to be recorded and told, and whether it was recorded as done already.
    Settling { verdict: Verdict, done: bool },
}

/// An item on loan.
#[derive(Debug)]
pub(super) struct Loan {
    /// Away while it is with the broker to be settled.
    pub(super) ticket: Option<Ticket>,
    pub(super) item: Arc<Item>,
    pub(super) source: usize,
    pub(super) deliveries: u32,
    pub(super) failures: u32,
    pub(super) stage: Stage,
    /// From its delivery to its end, if spans are on.
    pub(super) span: Option<Box<Span>>,
}

impl Loan {
    pub(super) fn of(delivery: Delivery, source: usize) -> Self {
        let Delivery { ticket, item, deliveries, failures, fault: _ } = delivery;
        let failures = failures.unwrap_or(deliveries.saturating_sub(1));
        Self { ticket: Some(ticket), item, source, deliveries, failures, stage: Stage::Held, span: None }
    }

    pub(super) fn key(&self) -> SeenKey {
        SeenKey { domain: self.item.lane.domain.clone(), id: self.item.id.clone() }
    }
}

/// All slots. Only the driver touches it.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Option<Loan>>,
    free: Vec<u32>,
}

impl Table {
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: (0..slots).map(|_| None).collect(), free: (0..slots).rev().collect() }
    }

    /// Slots that are free.
    pub(super) fn free(&self) -> u32 {
        u32::try_from(self.free.len()).unwrap_or(u32::MAX)
    }

    /// Items on loan.
    pub(super) fn len(&self) -> usize {
        if weakened("confirmation") {
            // The mistake that a model must find: an item whose end is not confirmed yet is not counted any more.
            let counts = |loan: &&Loan| !matches!(loan.stage, Stage::Settling { .. });
            return self.slots.iter().flatten().filter(counts).count();
        }
        self.slots.len() - self.free.len()
    }

    /// Takes a slot for the loan; gives it back if there is none, which a broker that delivers more than was wanted would bring
    /// about.
    pub(super) fn take(&mut self, loan: Loan) -> Result<u32, Loan> {
        let Some(slot) = self.free.pop() else { return Err(loan) };
        self.slots[slot as usize] = Some(loan);
        Ok(slot)
    }

    pub(super) fn get(&mut self, slot: u32) -> Option<&mut Loan> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Frees the slot: its item is settled.
    pub(super) fn free_slot(&mut self, slot: u32) -> Option<Loan> {
        let loan = self.slots.get_mut(slot as usize)?.take();
        if loan.is_some() && !weakened("free_slot") {
            self.free.push(slot);
        }
        loan
    }

    pub(super) fn loans(&mut self) -> impl Iterator<Item = (u32, &mut Loan)> {
        self.slots.iter_mut().zip(0..).filter_map(|(loan, slot)| Some((slot, loan.as_mut()?)))
    }
}
