//! The embedded broker as a state machine: items, their lanes, leases and delays, dead letters and notes.
//!
//! It reads no clock and knows no thread and no file. Each item is in one [`Place`]; what must outlive the process is told to a [`Log`]
//! in the order in which it happens, and can be taken back in the opposite order.

mod change;
mod lane;
mod letters;
mod settle;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::collections::hash_map;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(super) use change::{Change, Log, Unlogged};
use lane::Queue;
pub(super) use settle::Refusal;

use super::EmbeddedSettings;
use super::numbers::ByNumber;
use crate::kanban::broker::{
    Arrivals, BrokerError, DeadLetter, Delivery, Depth, PublishError, Stored, Ticket, Want,
};
use crate::kanban::item::{Item, ItemError, Lane};
use crate::sync::weakened;
use crate::time::Moment;

/// What an item takes up beside its own size, about: its place in queue and index, allocations.
const OVERHEAD: u64 = 256;

/// Everything that the broker knows.
pub(super) struct State {
    settings: EmbeddedSettings,
    /// Tells the tickets of this broker from those of any other.
    generation: u64,
    entries: HashMap<u64, Entry, ByNumber>,
    index: HashMap<Identity, u64>,
    lanes: HashMap<Lane, usize>,
    queues: Vec<Queue>,
    /// Items that wait for their time, by it.
    delayed: BTreeSet<(Moment, u64)>,
    /// Items delivered and not settled, by ticket.
    tickets: HashMap<u64, u64, ByNumber>,
    /// The same by the end of their lease, with their tickets.
    leases: BTreeSet<(Moment, u64)>,
    letters: BTreeMap<u64, DeadLetter>,
    notes: BTreeMap<String, Bytes>,
    bytes: u64,
    last_number: u64,
    last_ticket: u64,
    last_serial: u64,
    /// Who is to be told of what became ready, once the lock is free.
    rings: Vec<Arrivals>,
}

/// An item in the broker.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) item: Arc<Item>,
    /// The position of its lane's queue.
    queue: usize,
    deliveries: u32,
    failures: u32,
    place: Place,
    /// Why it is not what was published.
    fault: Option<Arc<str>>,
}

/// Where an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On its way in.
    Nowhere,
    /// It can be pulled.
    Ready,
    /// It waits for its time.
    Delayed { due: Moment },
    /// It is with a consumer.
    Unsettled { ticket: u64, until: Moment },
}

/// What changes of an item while it is in the broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    deliveries: u32,
    failures: u32,
    place: Place,
}

/// An item as a store remembers it.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) number: u64,
    pub(super) item: Arc<Item>,
    pub(super) deliveries: u32,
    pub(super) failures: u32,
    /// How much longer it waits for its time.
    pub(super) delay: Option<Duration>,
    /// Why it is not what was published.
    pub(super) fault: Option<Arc<str>>,
}

/// An item as what its domain and id make it. The item itself is the key, so that neither is kept twice.
#[derive(Debug)]
struct Identity(Arc<Item>);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.lane.domain == other.0.lane.domain
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.lane.domain.hash(state);
        self.0.id.hash(state);
    }
}

impl State {
    pub(super) fn new(settings: EmbeddedSettings) -> Self {
        Self {
            settings,
            // The top bit is for others.
            generation: RandomState::new().hash_one(0) >> 1,
            entries: HashMap::default(),
            index: HashMap::new(),
            lanes: HashMap::new(),
            queues: Vec::new(),
            delayed: BTreeSet::new(),
            tickets: HashMap::default(),
            leases: BTreeSet::new(),
            letters: BTreeMap::new(),
            notes: BTreeMap::new(),
            bytes: 0,
            last_number: 0,
            last_ticket: 0,
            last_serial: 0,
            rings: Vec::new(),
        }
    }

    /// Remembers whom to tell of arrivals in a lane.
    pub(super) fn open(&mut self, lane: &Lane, arrivals: Arrivals) {
        let queue = self.queue_of(lane);
        self.queues[queue].listen(arrivals);
    }

    /// Stores an item, unless it is there.
    pub(super) fn publish(&mut self, item: &Arc<Item>, log: &mut impl Log) -> Result<Stored, PublishError> {
        if item.payload.len() > self.settings.max_payload {
            let (bytes, most) = (item.payload.len(), self.settings.max_payload);
            return Err(PublishError::Invalid(ItemError::TooLarge { bytes, most }));
        }
        let full = self.full(weight(item));
        let number = self.last_number + 1;
        match self.index.entry(Identity(item.clone())) {
            hash_map::Entry::Occupied(_) => return Ok(Stored::Duplicate),
            hash_map::Entry::Vacant(_) if full.is_some() => {
                let (all, name, most) = full.unwrap_or_default();
                let why = format!("it keeps {all} of {most}: raise broker.{name}, or consume faster");
                return Err(PublishError::NotStored(BrokerError::Full(why)));
            }
            hash_map::Entry::Vacant(place) => place.insert(number),
        };
        self.last_number = number;
        let queue = self.queue_of(&item.lane);
        self.bytes += weight(item);
        let place = Place::Ready;
        let entry = Entry { item: item.clone(), queue, deliveries: 0, failures: 0, place, fault: None };
        self.entries.insert(number, entry);
        let queue = &mut self.queues[queue];
        queue.push_new(number);
        queue.ready += 1;
        queue.feed(&mut self.rings);
        log.push(|| Change::Stored { number, item: item.clone() });
        Ok(Stored::New)
    }

    /// Takes in what a store remembers, in the order of their numbers.
    pub(super) fn remember(&mut self, remembered: Remembered, now: Moment) {
        let Remembered { number, item, deliveries, failures, delay, fault } = remembered;
        let queue = self.queue_of(&item.lane);
        self.last_number = self.last_number.max(number);
        self.take_in(number, Entry { item, queue, deliveries, failures, place: Place::Nowhere, fault });
        let place = delay.map_or(Place::Ready, |delay| Place::Delayed { due: now.after(delay) });
        self.move_to(number, place);
    }

    /// Delivers at most so many of each lane, the oldest first.
    pub(super) fn pull(&mut self, wants: &[Want<'_>], now: Moment, log: &mut impl Log) -> Vec<Delivery> {
        self.advance(now);
        let until = now.after(self.settings.lease);
        let mut taken = Vec::new();
        for want in wants {
            let at = self.queue_of(want.lane);
            for _ in 0..want.most {
                let is_ready = |number| self.entries.get(&number).is_some_and(|e| e.place == Place::Ready);
                let Some(number) = self.queues[at].pop(is_ready) else {
                    if !weakened("hunger") {
                        self.queues[at].hunger();
                    }
                    break;
                };
                taken.extend(self.deliver(number, until, log));
            }
        }
        taken
    }

    /// Lends an item that was taken from its queue.
    fn deliver(&mut self, number: u64, until: Moment, log: &mut impl Log) -> Option<Delivery> {
        let entry = self.entries.get_mut(&number)?;
        let before = entry.marked();
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        entry.deliveries = entry.deliveries.saturating_add(1);
        entry.place = Place::Unsettled { ticket, until };
        let (deliveries, failures) = (entry.deliveries, entry.failures);
        let queue = &mut self.queues[entry.queue];
        queue.ready -= 1;
        queue.unsettled += 1;
        self.tickets.insert(ticket, number);
        self.leases.insert((until, ticket));
        log.push(|| Change::Marked { number, before, deliveries, failures, delay: None });
        Some(Delivery {
            ticket: Ticket::new(self.generation, ticket),
            item: entry.item.clone(),
            deliveries,
            failures: Some(failures),
            fault: entry.fault.as_deref().map(str::to_owned),
        })
    }

    /// What time brings: delays and leases end.
    pub(super) fn advance(&mut self, now: Moment) {
        while let Some(&(due, number)) = self.delayed.first()
            && due <= now
        {
            self.move_to(number, Place::Ready);
        }
        while let Some(&(until, ticket)) = self.leases.first()
            && until <= now
        {
            let Some(&number) = self.tickets.get(&ticket) else { break };
            self.move_to(number, Place::Ready);
        }
    }

    /// How much waits in a lane.
    pub(super) fn depth(&mut self, lane: &Lane, now: Moment) -> Depth {
        self.advance(now);
        let Some(&at) = self.lanes.get(lane) else { return Depth::default() };
        let is_ready = |number| self.entries.get(&number).is_some_and(|e| e.place == Place::Ready);
        let queue = &mut self.queues[at];
        let oldest = queue.oldest(is_ready).and_then(|number| self.entries.get(&number));
        let oldest = oldest.map(|entry| entry.item.published);
        Depth { ready: queue.ready, delayed: queue.delayed, unsettled: queue.unsettled, oldest }
    }

    /// The lanes that hold ready items, and how many.
    pub(super) fn holding(&mut self, now: Moment) -> Vec<(Lane, u64)> {
        self.advance(now);
        let lanes = self.lanes.iter().map(|(lane, at)| (lane, self.queues[*at].ready));
        lanes.filter(|(_, ready)| *ready > 0).map(|(lane, ready)| (lane.clone(), ready)).collect()
    }

    /// Who is to be told that something is ready.
    pub(super) fn take_rings(&mut self) -> Vec<Arrivals> {
        std::mem::take(&mut self.rings)
    }

    /// Whether so much more is too much: how many there are, of what, and the most.
    fn full(&self, bytes: u64) -> Option<(String, &'static str, u64)> {
        let EmbeddedSettings { max_items, max_bytes, .. } = self.settings;
        if self.entries.len() as u64 >= max_items {
            Some((format!("{} items", self.entries.len()), "max_items", max_items))
        } else if self.bytes.saturating_add(bytes) > max_bytes {
            let dead = if self.letters.is_empty() { "" } else { ", dead letters included" };
            Some((format!("{} bytes{dead}", self.bytes), "max_bytes", max_bytes))
        } else {
            None
        }
    }

    fn queue_of(&mut self, lane: &Lane) -> usize {
        if let Some(&at) = self.lanes.get(lane) {
            return at;
        }
        self.queues.push(Queue::default());
        self.lanes.insert(lane.clone(), self.queues.len() - 1);
        self.queues.len() - 1
    }

    /// Takes an item in that is to be put somewhere next.
    fn take_in(&mut self, number: u64, entry: Entry) {
        self.bytes += weight(&entry.item);
        self.index.insert(Identity(entry.item.clone()), number);
        self.entries.insert(number, entry);
    }

    /// Removes an item from wherever it is; it remembers where that was.
    fn take_out(&mut self, number: u64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        self.leave(number, entry.queue, entry.place);
        self.bytes -= weight(&entry.item);
        self.index.remove(&Identity(entry.item.clone()));
        Some(entry)
    }

    /// Moves an item; all books follow.
    fn move_to(&mut self, number: u64, to: Place) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        let (queue, from) = (entry.queue, std::mem::replace(&mut entry.place, to));
        self.leave(number, queue, from);
        self.enter(number, queue, to);
    }

    fn leave(&mut self, number: u64, queue: usize, place: Place) {
        let queue = &mut self.queues[queue];
        match place {
            Place::Nowhere => {}
            Place::Ready => {
                queue.strike(number);
                queue.ready -= 1;
            }
            Place::Delayed { due } => {
                self.delayed.remove(&(due, number));
                queue.delayed -= 1;
            }
            Place::Unsettled { ticket, until } => {
                self.tickets.remove(&ticket);
                self.leases.remove(&(until, ticket));
                queue.unsettled -= 1;
            }
        }
    }

    fn enter(&mut self, number: u64, queue: usize, place: Place) {
        let queue = &mut self.queues[queue];
        match place {
            Place::Nowhere => {}
            Place::Ready => {
                queue.push_returned(number);
                queue.ready += 1;
                queue.feed(&mut self.rings);
            }
            Place::Delayed { due } => {
                self.delayed.insert((due, number));
                queue.delayed += 1;
            }
            Place::Unsettled { ticket, until } => {
                self.tickets.insert(ticket, number);
                self.leases.insert((until, ticket));
                queue.unsettled += 1;
            }
        }
    }
}

impl Entry {
    fn marked(&self) -> Mark {
        Mark { deliveries: self.deliveries, failures: self.failures, place: self.place }
    }
}

/// Counts only: what items, letters and notes hold may be secret.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("items", &self.entries.len())
            .field("delayed", &self.delayed.len())
            .field("unsettled", &self.tickets.len())
            .field("letters", &self.letters.len())
            .field("notes", &self.notes.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// What an item counts for.
fn weight(item: &Item) -> u64 {
    item.size() as u64 + OVERHEAD
}
