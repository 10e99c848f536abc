//! The broker that needs no server: in memory, or in one file.

mod memory;
mod numbers;
mod settings;
mod state;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use settings::{Durability, EmbeddedSettings};

use memory::Memory;
use state::Unlogged;

use super::broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Delivery, Depth, PublishError, Settled, Settlement, Stored,
    Ticket, Traits, Want,
};
use super::item::{Item, Lane};
use crate::time::{Clock, Timestamp};

/// Delays and leases end without anybody doing anything, so whoever waits for items is to ask this often.
const POLL: Duration = Duration::from_millis(50);

/// The embedded broker: a queue within the process, in memory or in a file.
///
/// Both forms are one state machine, so they agree in everything but what outlives the process. Items of a lane are delivered the
/// oldest first; one that comes again takes its old turn, so it is delivered before younger ones. An item is a duplicate as long as one of its domain
/// and id is in the broker, dead letters aside. A settlement whose lease has passed is [`Settled::Gone`], even if nobody took the item meanwhile.
#[derive(Debug)]
pub struct Embedded {
    settings: EmbeddedSettings,
    clock: Clock,
    memory: Memory,
}

impl Embedded {
    /// A broker in memory: what is in it is lost with the process. Its calls take fractions of a microsecond per item, and a lock.
    #[must_use]
    pub fn in_memory(settings: EmbeddedSettings, clock: Clock) -> Self {
        Self { settings, memory: Memory::new(settings, clock.clone()), clock }
    }
}

impl Broker for Embedded {
    fn traits(&self) -> Traits {
        Traits {
            name: "memory",
            durable: false,
            lease: self.settings.lease,
            poll: Some(POLL),
            max_payload: self.settings.max_payload,
        }
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, _: Duration) -> Result<(), BrokerError> {
        self.memory.open(lanes, &arrivals)
    }

    fn publish(&self, items: &[Arc<Item>], _: Duration) -> Vec<Result<Stored, PublishError>> {
        self.memory.publish(items)
    }

    fn pull(&self, wants: &[Want<'_>], _: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.memory.pull(wants)
    }

    fn settle(&self, settlements: Vec<Settlement>, _: Duration) -> Vec<Settled> {
        self.memory.settle(settlements)
    }

    fn extend(&self, tickets: &[&Ticket], _: Duration) -> Result<(), BrokerError> {
        self.memory.extend(tickets)
    }

    fn depth(&self, lane: &Lane, _: Duration) -> Result<Depth, BrokerError> {
        let now = self.clock.now();
        self.memory.with(|state| state.depth(lane, now))
    }

    fn item_count(&self, _: Duration) -> Result<u64, BrokerError> {
        self.memory.with(|state| state.item_count())
    }

    fn dead_letters(&self, after: u64, most: usize, _: Duration) -> Result<Vec<DeadLetter>, BrokerError> {
        self.memory.with(|state| state.dead_letters(after, most))
    }

    fn dead_letter_count(&self, _: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.memory.with(|state| state.dead_letter_count())
    }

    fn remove_dead_letter(&self, serial: u64, _: Duration) -> Result<bool, BrokerError> {
        self.memory.with(|state| state.remove_dead_letter(serial, &mut Unlogged))
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, _: Duration) -> Result<(), BrokerError> {
        self.memory.with(|state| state.put_note(name, note, &mut Unlogged))?
    }

    fn notes(&self, _: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.memory.with(|state| state.notes())
    }

    fn close(&self, _: Duration) {
        self.memory.close();
    }
}
