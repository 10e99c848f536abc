//! What was sent and waits for its answer.

use std::collections::{HashMap, VecDeque};

use async_nats::{Message, Subject};

use super::exchange::{Entry, Exchange, Reply, Say, Then};
use super::replies::is_stored;
use crate::kanban::broker::BrokerError;
use crate::time::Moment;

/// See the module. Says what to send next, and is told what came.
#[derive(Debug)]
pub(super) struct Flights {
    under_way: HashMap<u64, Flight>,
    next: u64,
    /// Exchanges with entries that were not sent yet, in their order.
    waiting: VecDeque<u64>,
    /// Publications on their way.
    in_flight: usize,
    window: usize,
}

#[derive(Debug)]
struct Flight {
    exchange: Exchange,
    places: Vec<Place>,
    /// The first place that was not sent.
    unsent: usize,
    /// Places without a reply.
    open: usize,
}

#[derive(Debug)]
enum Place {
    Waiting(Entry),
    Sent { subject: Subject, then: Option<Then>, step: u8 },
    Done(Reply),
}

/// Where an answer belongs: exchange, place in it, and which of its messages.
pub(super) type Address = (u64, usize, u8);

impl Flights {
    pub(super) fn new(window: usize) -> Self {
        Self { under_way: HashMap::new(), next: 0, waiting: VecDeque::new(), in_flight: 0, window }
    }

    pub(super) fn add(&mut self, mut exchange: Exchange) {
        let entries = std::mem::take(&mut exchange.entries);
        let open = entries.len();
        if open == 0 {
            let _ = exchange.answer.send(Vec::new());
            return;
        }
        let places = entries.into_iter().map(Place::Waiting).collect();
        let key = self.next;
        self.next += 1;
        // What keeps to no window goes before what waits for a place in it.
        if exchange.windowed {
            self.waiting.push_back(key);
        } else {
            self.waiting.push_front(key);
        }
        self.under_way.insert(key, Flight { exchange, places, unsent: 0, open });
    }

    /// The next message to be sent, if one may be.
    pub(super) fn next(&mut self) -> Option<(Address, Say)> {
        loop {
            let key = *self.waiting.front()?;
            let Some(flight) = self.under_way.get_mut(&key) else {
                self.waiting.pop_front();
                continue;
            };
            if flight.exchange.windowed && self.in_flight >= self.window {
                return None;
            }
            let Some(place) = flight.places.get_mut(flight.unsent) else {
                self.waiting.pop_front();
                continue;
            };
            let at = flight.unsent;
            flight.unsent += 1;
            if let Place::Waiting(Entry { first, .. }) = &place {
                let sent = Place::Sent { subject: first.subject.clone(), then: None, step: 0 };
                let Place::Waiting(Entry { first, then }) = std::mem::replace(place, sent) else { continue };
                if let Place::Sent { then: slot, .. } = place {
                    *slot = then;
                }
                self.in_flight += usize::from(flight.exchange.windowed);
                return Some(((key, at, 0), first));
            }
        }
    }

    /// An answer came: what is to be sent next because of it.
    pub(super) fn answered(&mut self, (key, at, step): Address, message: Message) -> Option<(Address, Say)> {
        let flight = self.under_way.get_mut(&key)?;
        let place = flight.places.get_mut(at)?;
        let Place::Sent { subject, then, step: expected } = place else { return None };
        if *expected != step {
            return None;
        }
        match then.take() {
            Some(Then { say, only_if_stored }) if !only_if_stored || is_stored(&message) => {
                (*subject, *expected) = (say.subject.clone(), step + 1);
                Some(((key, at, step + 1), say))
            }
            Some(_) => {
                self.done(key, at, Reply::Halted(message));
                None
            }
            None => {
                self.done(key, at, Reply::Answered(message));
                None
            }
        }
    }

    /// It could not be sent, or was refused as a whole.
    pub(super) fn refused(&mut self, (key, at, step): Address, error: BrokerError) {
        let reply = if step == 0 { Reply::NotSent(error) } else { Reply::Unanswered(error) };
        self.done(key, at, reply);
    }

    /// Whatever was sent to this subject was refused.
    pub(super) fn forbidden(&mut self, subject: &str, error: &BrokerError) {
        let is =
            |place: &Place| matches!(place, Place::Sent { subject: sent, .. } if sent.as_str() == subject);
        let mut found = Vec::new();
        for (key, flight) in &self.under_way {
            let places = flight.places.iter().enumerate();
            found.extend(places.filter(|(_, place)| is(place)).map(|(at, _)| (*key, at)));
        }
        for (key, at) in found {
            self.done(key, at, Reply::NotSent(error.clone()));
        }
    }

    fn done(&mut self, key: u64, at: usize, reply: Reply) {
        let Some(flight) = self.under_way.get_mut(&key) else { return };
        let Some(place) = flight.places.get_mut(at) else { return };
        let was_sent = match place {
            Place::Done(_) => return,
            Place::Waiting(_) => false,
            Place::Sent { .. } => true,
        };
        *place = Place::Done(reply);
        self.in_flight -= usize::from(was_sent && flight.exchange.windowed);
        flight.open -= 1;
        if flight.open == 0
            && let Some(flight) = self.under_way.remove(&key)
        {
            flight.answer(|_| unreachable_reply());
        }
    }

    /// Answers whoever has waited long enough.
    pub(super) fn expire(&mut self, now: Moment) {
        let late: Vec<u64> = self
            .under_way
            .iter()
            .filter(|(_, flight)| flight.exchange.deadline <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in late {
            let within =
                self.under_way.get(&key).map_or_else(Default::default, |flight| flight.exchange.within);
            self.end(key, &BrokerError::TimedOut(within));
        }
    }

    /// Answers everybody: the connection is gone.
    pub(super) fn end_all(&mut self, error: &BrokerError) {
        let all: Vec<u64> = self.under_way.keys().copied().collect();
        for key in all {
            self.end(key, error);
        }
        self.waiting.clear();
    }

    fn end(&mut self, key: u64, error: &BrokerError) {
        let Some(flight) = self.under_way.remove(&key) else { return };
        if flight.exchange.windowed {
            let sent = flight.places.iter().filter(|place| matches!(place, Place::Sent { .. })).count();
            self.in_flight -= sent;
        }
        flight.answer(
            |sent| {
                if sent { Reply::Unanswered(error.clone()) } else { Reply::NotSent(error.clone()) }
            },
        );
    }

    /// When somebody has waited long enough.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.under_way.values().map(|flight| flight.exchange.deadline).min()
    }
}

impl Flight {
    fn answer(self, missing: impl Fn(bool) -> Reply) {
        let replies = self.places.into_iter().map(|place| match place {
            Place::Done(reply) => reply,
            Place::Sent { .. } => missing(true),
            Place::Waiting(_) => missing(false),
        });
        // Nobody waits any more: the caller gave up a moment before.
        let _ = self.exchange.answer.send(replies.collect());
    }
}

/// Of an exchange that is complete nothing is missing; were it otherwise, it would be unknown.
fn unreachable_reply() -> Reply {
    Reply::Unanswered(BrokerError::Unavailable("no answer was kept".into()))
}
