//! The ends of deliveries: settled, or kept for longer.

use super::{Change, Log, Place, State};
use crate::kanban::broker::{BrokerError, DeadLetter, Settlement, Ticket, Verdict};
use crate::time::Moment;

/// Why a settlement changed nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its lease has passed, or it never was of this broker.
    Gone,
    /// It cannot be done now.
    Failed(BrokerError),
}

/// Why an item comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Returned {
    /// Its handler failed.
    Failed,
    /// It was not run: as if it had not been delivered.
    Unrun,
}

impl State {
    /// Settles a delivery whose lease has not passed.
    pub(crate) fn settle(
        &mut self,
        settlement: &Settlement,
        now: Moment,
        log: &mut impl Log,
    ) -> Result<(), Refusal> {
        self.advance(now);
        let number = self.lent(&settlement.ticket).ok_or(Refusal::Gone)?;
        match &settlement.verdict {
            Verdict::Ack => {
                let entry = self.take_out(number).ok_or(Refusal::Gone)?;
                log.push(|| Change::Removed { number, entry });
            }
            Verdict::Retry { after } => self.give_back(number, Returned::Failed, *after, now, log),
            Verdict::Release { after } => self.give_back(number, Returned::Unrun, *after, now, log),
            Verdict::DeadLetter(death) => {
                let most = self.settings.max_dead_letters;
                if self.letters.len() as u64 >= most {
                    let why = format!(
                        "it keeps {most} dead letters: replay or drop some, or raise broker.max_dead_letters"
                    );
                    return Err(Refusal::Failed(BrokerError::Full(why)));
                }
                let entry = self.take_out(number).ok_or(Refusal::Gone)?;
                let letter = DeadLetter {
                    serial: self.next_serial(),
                    item: death.item.clone(),
                    reason: death.reason.to_owned(),
                    error: death.error.clone(),
                    attempts: death.attempts,
                    at: death.at,
                };
                log.push(|| Change::Died { number, entry, letter: letter.clone() });
                self.keep_letter(letter);
            }
        }
        Ok(())
    }

    /// The item comes again after this time.
    fn give_back(
        &mut self,
        number: u64,
        how: Returned,
        after: std::time::Duration,
        now: Moment,
        log: &mut impl Log,
    ) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        let before = entry.marked();
        match how {
            Returned::Failed => entry.failures = entry.failures.saturating_add(1),
            // Given back often, it must not end as poison. What ends a process gives nothing back, so that still counts.
            Returned::Unrun => entry.deliveries = entry.deliveries.saturating_sub(1),
        }
        let (deliveries, failures) = (entry.deliveries, entry.failures);
        let delay = (!after.is_zero()).then_some(after);
        log.push(|| Change::Marked { number, before, deliveries, failures, delay });
        self.move_to(number, delay.map_or(Place::Ready, |delay| Place::Delayed { due: now.after(delay) }));
    }

    /// Keeps a delivery for its full lease from now, if it has not passed.
    pub(crate) fn extend(&mut self, ticket: &Ticket, now: Moment) {
        self.advance(now);
        if let Some(number) = self.lent(ticket) {
            let until = now.after(self.settings.lease);
            self.move_to(number, Place::Unsettled { ticket: ticket.number(), until });
        }
    }

    /// The item that was delivered with this ticket and is not settled.
    fn lent(&self, ticket: &Ticket) -> Option<u64> {
        let ours = ticket.generation() == self.generation;
        ours.then(|| self.tickets.get(&ticket.number()).copied()).flatten()
    }
}
