//! The trial of items that were delivered again and again without an end.
//!
//! What ends the process ends it for everything that is on loan, and the next time the same are pulled together again: how often
//! an item was delivered does not tell which of them it was. So each of them runs once more, alone, and a note of that is kept by
//! the broker before. Whoever ends the process then is found by its note; the others are done.

use std::collections::VecDeque;

use super::driver::Driver;
use super::intake::SEEN_AGAIN;
use crate::kanban::broker::BrokerError;
use crate::kanban::retry::Cause;
use crate::kanban::seen::SeenKey;
use crate::time::Moment;

/// Items to be tried alone. While there are any, nothing is pulled, and nothing else starts.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// Slots, the next one first.
    waiting: VecDeque<u32>,
    /// The one that runs now.
    running: Option<u32>,
}

impl Trials {
    pub(super) fn are_due(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// It is tried before all others.
    pub(super) fn wait(&mut self, slot: u32) {
        self.waiting.push_front(slot);
    }

    /// One that will not be tried.
    pub(super) fn give_up(&mut self) -> Option<u32> {
        self.waiting.pop_front()
    }
}

impl Driver {
    /// An item arrived that may be what ends the process.
    pub(super) fn suspect(&mut self, slot: u32, failures: u32, over: bool, cause: Cause) {
        let Some(loan) = self.table.get(slot) else { return };
        let key = loan.key();
        loan.failures = failures;
        match self.was_tried(&key) {
            // Where nobody can tell, what was delivered too often is it.
            Ok(true) | Err(BrokerError::Unsupported(_)) if over => {
                self.env.seen.forget(&key);
                self.bury(slot, cause);
            }
            Ok(_) => self.trials.waiting.push_back(slot),
            Err(BrokerError::Unsupported(_)) => self.hold(slot, failures),
            Err(error) => {
                self.broker_failed("reading notes", error);
                self.release(slot, SEEN_AGAIN);
            }
        }
    }

    fn was_tried(&self, key: &SeenKey) -> Result<bool, BrokerError> {
        let name = note_of(key);
        let notes = self.env.broker.notes(self.env.settings.settle_timeout)?;
        Ok(notes.iter().any(|(note, _)| *note == name))
    }

    /// Starts the next trial once nothing runs any more, and no settlement is on its way; tells whether anything was done.
    pub(super) fn hold_trial(&mut self, now: Moment) -> bool {
        if self.trials.running.is_some() || self.queues.iter().any(|queue| queue.running_in_all() > 0) {
            return false;
        }
        if self.is_settling() || !self.unsettled.is_empty() {
            return false;
        }
        let Some(&slot) = self.trials.waiting.front() else { return false };
        let mut today = None;
        if self.is_late(slot, &mut today) {
            self.trials.waiting.pop_front();
            return true;
        }
        let Some(loan) = self.table.get(slot) else { return false };
        let (at, lane, key) = (loan.source, loan.item.lane.priority.index(), loan.key());
        let said = format!("{}/{} runs alone", key.domain, key.id);
        let within = self.env.settings.settle_timeout;
        if let Err(error) = self.env.broker.put_note(&note_of(&key), Some(said.as_bytes()), within) {
            self.broker_failed("keeping a note", error);
            self.offer_again.failed(now);
            return false;
        }
        if !self.start(at, slot, now, today) {
            self.offer_again.failed(now);
            return false;
        }
        tracing::warn!(id = %key.id, domain = %key.domain, "an item runs alone: it may be what ends the process");
        self.tell(
            Some(&key.domain),
            "trial",
            format!("{} runs alone", key.id),
            "it was delivered as often as it may be, and did not end".to_owned(),
        );
        self.offer_again.worked();
        self.trials.waiting.pop_front();
        self.trials.running = Some(slot);
        let queue = &mut self.queues[at];
        queue.running[lane] += 1;
        queue.workers.1 = queue.workers.1.saturating_sub(1);
        true
    }

    /// It has run, and the process is still there: tells whether it was on trial at all.
    pub(super) fn end_trial(&mut self, slot: u32) -> bool {
        let on_trial = self.trials.running == Some(slot);
        if on_trial {
            self.trials.running = None;
            if let Some(key) = self.table.get(slot).map(|loan| loan.key()) {
                self.forget_trial(&key);
            }
        }
        on_trial
    }

    /// A note that stays makes its item poison only if that is delivered too often once more.
    pub(super) fn forget_trial(&mut self, key: &SeenKey) {
        let within = self.env.settings.settle_timeout;
        if let Err(error) = self.env.broker.put_note(&note_of(key), None, within)
            && !matches!(error, BrokerError::Unsupported(_))
        {
            self.broker_failed("forgetting a note", error);
        }
    }
}

/// Ids are longer than names of notes may be, and hold other characters.
fn note_of(key: &SeenKey) -> String {
    let text = format!("{}/{}", key.domain, key.id);
    format!("trial_{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
}
