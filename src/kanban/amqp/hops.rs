//! Items that go back to the server as copies: a copy is published, and once it is confirmed, the delivery ends.

use std::sync::Arc;
use std::time::Duration;

use super::batch::{Batch, Parcel};
use super::consume::{NAP, Session};
use super::settle::{put_back, put_off};
use super::shared::Shared;
use super::stock::Fresh;
use super::wire::Past;
use crate::kanban::broker::BrokerError;
use crate::time::Moment;

/// An item on its way back.
pub(super) struct Hop {
    fresh: Fresh,
    lane: usize,
    why: Why,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It came before its time.
    Early,
    /// It cannot start here now.
    Surplus,
}

enum State {
    Flies(Arc<Batch>),
    /// It could not be kept: to be tried again.
    Waits(Moment),
}

impl Fresh {
    /// How long it still is until it is due, if that is why it goes back.
    fn left(&self, why: Why, shared: &Shared) -> Option<Duration> {
        let due = self.read.due.filter(|_| why == Why::Early);
        due.map(|due| due.since(shared.clock.timestamp()))
    }
}

impl Session<'_> {
    /// It was put off for longer than any retry lane keeps things: back into one with it.
    pub(super) fn put_off_again(&mut self, lane: usize, fresh: Fresh) {
        self.hop(fresh, lane, Why::Early);
    }

    /// Gives back what was pushed and could not start for a while: as a copy, since the server would count a delivery.
    pub(super) fn give_back(&mut self, at: usize, keep: usize) -> Result<(), BrokerError> {
        let surplus: Vec<Fresh> = {
            let mut stock = self.shared.stock.lock();
            let lane = &mut stock.lanes[at];
            let keep = keep.saturating_sub(lane.on_loan).min(lane.fresh.len());
            lane.fresh.drain(keep..).collect()
        };
        for fresh in surplus {
            if fresh.read.fault.is_some() {
                // What could not be read cannot be written again.
                self.end(fresh.tag, false)?;
            } else {
                self.hop(fresh, at, Why::Surplus);
            }
        }
        Ok(())
    }

    fn hop(&mut self, fresh: Fresh, lane: usize, why: Why) {
        {
            let mut stock = self.shared.stock.lock();
            let lane = &mut stock.lanes[lane];
            lane.hopping += 1;
            if let Some(left) = fresh.left(why, self.shared) {
                lane.away.went(self.shared.clock.now().after(left));
            }
        }
        let state = self.send(&fresh, why);
        self.hops.push(Hop { fresh, lane, why, state });
    }

    fn send(&self, fresh: &Fresh, why: Why) -> State {
        let shared = self.shared.clone();
        let batch = Batch::new(vec![self.copy(fresh, why)], Some(Arc::new(move || shared.desk.ring())));
        if let Err((batch, why)) = self.shared.outbox.send(batch.clone()) {
            batch.refuse(&why);
        }
        State::Flies(batch)
    }

    fn copy(&self, fresh: &Fresh, why: Why) -> Parcel {
        let (shared, read) = (self.shared, &fresh.read);
        let past = Past { deliveries: read.deliveries - 1, failures: read.failures, due: read.due };
        match fresh.left(why, shared) {
            Some(left) => put_off(shared, &read.item, past, left),
            None => put_back(shared, &read.item, past),
        }
    }

    /// Ends the deliveries of what is kept.
    pub(super) fn land(&mut self) -> Result<(), BrokerError> {
        if self.hops.is_empty() {
            return Ok(());
        }
        let now = self.shared.clock.now();
        for mut hop in std::mem::take(&mut self.hops) {
            let stored = match &hop.state {
                State::Flies(batch) => batch.answers().map(|answers| answers.iter().all(Result::is_ok)),
                State::Waits(until) if *until <= now => {
                    hop.state = self.send(&hop.fresh, hop.why);
                    None
                }
                State::Waits(_) => None,
            };
            match stored {
                None => self.hops.push(hop),
                // It would be pushed here again at once.
                Some(false) if hop.why == Why::Early && !self.hushed => {
                    hop.state = State::Waits(now.after(NAP));
                    self.hops.push(hop);
                }
                Some(stored) => {
                    self.end(hop.fresh.tag, stored)?;
                    let mut stock = self.shared.stock.lock();
                    let lane = &mut stock.lanes[hop.lane];
                    lane.hopping -= 1;
                    lane.returns += 1;
                    if !stored && hop.why == Why::Early {
                        lane.away.came();
                    }
                }
            }
        }
        Ok(())
    }
}
