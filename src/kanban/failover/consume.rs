//! Consuming: from both brokers, all the time, so that moving the publishers strands nothing. One that fails or does not answer is left
//! alone until it answers a probe; the first call that finds it so waits no longer than the patience.

use std::time::Duration;

use super::Inner;
use super::law::BrokerRole;
use super::pack::{pack, unpack};
use super::side::{blames, both};
use crate::kanban::broker::{Arrivals, BrokerError, Delivery, Settled, Settlement, Ticket, Want};
use crate::kanban::item::Lane;
use crate::time::Deadline;

impl Inner {
    pub(super) fn open(
        &self,
        lanes: &[Lane],
        arrivals: &Arrivals,
        within: Duration,
    ) -> Result<(), BrokerError> {
        self.is_open()?;
        self.book.lock().arrivals.push(arrivals.clone());
        let deadline = Deadline::after(within);
        let mut errors = [None, None];
        for role in BrokerRole::ALL {
            let share = if role == BrokerRole::Primary { deadline.left() / 2 } else { deadline.left() };
            let opened = self.broker(role).open(lanes, arrivals.clone(), share);
            let mut book = self.book.lock();
            let side = book.side(role);
            side.lane = side.lane.take().or_else(|| lanes.first().cloned());
            match opened {
                Ok(()) => {}
                Err(error @ (BrokerError::TimedOut(_) | BrokerError::Unavailable(_))) => {
                    // The thread goes on trying.
                    side.unopened.push((lanes.to_vec(), arrivals.clone()));
                    let event = book.call_failed(role, &error, self.clock.now());
                    errors[role.index()] = Some(error);
                    drop(book);
                    self.tell(event);
                    self.bell.ring();
                }
                // Time does not mend it.
                Err(error) => return Err(error),
            }
        }
        match errors {
            [Some(primary), Some(fallback)] => Err(both(self.names, &[primary, fallback])),
            _ => Ok(()),
        }
    }

    pub(super) fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.is_open()?;
        let deadline = Deadline::after(within);
        let (order, resting) = {
            let mut book = self.book.lock();
            (book.order(), BrokerRole::ALL.map(|role| book.side(role).rest.is_resting()))
        };
        let mut taken: Vec<Delivery> = Vec::new();
        let mut asked = false;
        let mut errors = [None, None];
        for role in order {
            if resting[role.index()] {
                errors[role.index()] = Some(self.book.lock().side(role).excuse());
                continue;
            }
            let wants = still_wanted(wants, &taken);
            if wants.is_empty() && asked {
                break;
            }
            asked = true;
            let share = self.share(&deadline, !resting[role.other().index()]);
            match self.broker(role).pull(&wants, share) {
                Ok(deliveries) => self.delivered(role, deliveries, &mut taken),
                Err(error) => {
                    self.failed(role, &error, share);
                    errors[role.index()] = Some(error);
                }
            }
        }
        match errors {
            [Some(primary), Some(fallback)] => Err(both(self.names, &[primary, fallback])),
            _ => Ok(taken),
        }
    }

    fn delivered(&self, role: BrokerRole, deliveries: Vec<Delivery>, taken: &mut Vec<Delivery>) {
        let event = {
            let mut book = self.book.lock();
            book.side(role).pulled += deliveries.len() as u64;
            book.call_worked(role)
        };
        self.tell(event);
        taken.extend(deliveries.into_iter().filter_map(|delivery| {
            let ticket = pack(role, &delivery.ticket);
            if ticket.is_none() {
                let (broker, id) = (self.names[role.index()], &delivery.item.id);
                tracing::error!(broker, %id, "its tickets have no room for whose they are: the top bit of a generation must be clear");
            }
            ticket.map(|ticket| Delivery { ticket, ..delivery })
        }));
    }

    pub(super) fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        if let Err(error) = self.is_open() {
            return settlements.into_iter().map(|own| Settled::Failed(own, error.clone())).collect();
        }
        let deadline = Deadline::after(within);
        let count = settlements.len();
        let mut parts: [(Vec<usize>, Vec<Settlement>); 2] = Default::default();
        for (at, Settlement { ticket, verdict }) in settlements.into_iter().enumerate() {
            let (role, ticket) = unpack(&ticket);
            let (places, part) = &mut parts[role.index()];
            places.push(at);
            part.push(Settlement { ticket, verdict });
        }
        let mut answers: Vec<Settled> = Vec::with_capacity(count);
        // Of what a broker says nothing, nobody knows: its lease brings it back.
        answers.resize_with(count, || Settled::Gone);
        let mut left = parts.iter().filter(|(places, _)| !places.is_empty()).count();
        let order = self.book.lock().order();
        for role in order {
            let (places, part) = std::mem::take(&mut parts[role.index()]);
            if places.is_empty() {
                continue;
            }
            left -= 1;
            for (at, settled) in places.into_iter().zip(self.settle_with(role, part, &deadline, left > 0)) {
                answers[at] = settled;
            }
        }
        answers
    }

    fn settle_with(
        &self,
        role: BrokerRole,
        part: Vec<Settlement>,
        deadline: &Deadline,
        others_wait: bool,
    ) -> Vec<Settled> {
        let again = |Settlement { ticket, verdict }| {
            // It was packed before.
            let ticket = pack(role, &ticket).unwrap_or(ticket);
            Settlement { ticket, verdict }
        };
        let excuse = {
            let mut book = self.book.lock();
            let side = book.side(role);
            side.rest.would_hang().then(|| side.excuse())
        };
        if let Some(error) = excuse {
            return part.into_iter().map(|own| Settled::Failed(again(own), error.clone())).collect();
        }
        let share = self.share(deadline, others_wait);
        let mut fault = None;
        let mut any_done = false;
        let settled = self.broker(role).settle(part, share).into_iter().map(|settled| match settled {
            Settled::Failed(own, error) => {
                fault = Some(error.clone());
                Settled::Failed(again(own), error)
            }
            settled => {
                any_done = true;
                settled
            }
        });
        let settled: Vec<_> = settled.collect();
        if let Some(error) = fault.filter(|_| !any_done) {
            self.failed(role, &error, share);
        }
        settled
    }

    pub(super) fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.is_open()?;
        let deadline = Deadline::after(within);
        let mut parts: [Vec<Ticket>; 2] = Default::default();
        for ticket in tickets {
            let (role, ticket) = unpack(ticket);
            parts[role.index()].push(ticket);
        }
        let order = self.book.lock().order();
        let mut result = Ok(());
        for (role, others) in order.into_iter().zip([true, false]) {
            let part = &parts[role.index()];
            // What hangs would only hold up the other; what it lent comes again when its lease is over.
            if part.is_empty() || self.book.lock().side(role).rest.would_hang() {
                continue;
            }
            let share = self.share(&deadline, others && !parts[role.other().index()].is_empty());
            let part: Vec<_> = part.iter().collect();
            if let Err(error) = self.broker(role).extend(&part, share) {
                self.failed(role, &error, share);
                result = Err(error);
            }
        }
        result
    }

    /// How long a call may take: half of what is left if the other broker is to be asked after it, and no longer than the patience
    /// while the other works.
    pub(super) fn share(&self, deadline: &Deadline, others_wait: bool) -> Duration {
        let left = deadline.left();
        if others_wait { (left / 2).min(self.settings.patience) } else { left }
    }

    /// A consumer's call failed, having been given so long.
    pub(super) fn failed(&self, role: BrokerRole, error: &BrokerError, given: Duration) {
        if !blames(error, given) {
            return;
        }
        let event = self.book.lock().call_failed(role, error, self.clock.now());
        self.tell(event);
        // It looks at the time of the next probe.
        self.bell.ring();
    }
}

/// What is wanted beyond what was taken.
fn still_wanted<'a>(wants: &[Want<'a>], taken: &[Delivery]) -> Vec<Want<'a>> {
    let left = wants.iter().map(|want| {
        let of_lane = taken.iter().filter(|delivery| delivery.item.lane == *want.lane).count();
        Want { lane: want.lane, most: want.most.saturating_sub(of_lane) }
    });
    if taken.is_empty() { left.collect() } else { left.filter(|want| want.most > 0).collect() }
}
