//! The broker that needs no server: in memory, or in one file.
#![doc = include_str!("README.md")]

mod file;
mod memory;
mod numbers;
mod settings;
mod state;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use settings::{Durability, EmbeddedSettings};

use file::File;
use memory::Memory;
use state::{State, Unlogged};

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
/// oldest first; one that comes again takes its old turn, before those that are younger. An item is a duplicate as long as one of
/// its domain and id is in the broker, dead letters aside. A settlement whose lease has passed is [`Settled::Gone`], even if nobody
/// took the item meanwhile. What it keeps is kept in memory in both forms, up to [`EmbeddedSettings::max_bytes`].
#[derive(Debug)]
pub struct Embedded {
    settings: EmbeddedSettings,
    clock: Clock,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Memory(Box<Memory>),
    File(File),
}

impl Embedded {
    /// A broker in memory: what is in it is lost with the process. A call costs a lock and about a microsecond per item.
    #[must_use]
    pub fn in_memory(settings: EmbeddedSettings, clock: Clock) -> Self {
        let memory = Box::new(Memory::new(settings, clock.clone()));
        Self { settings, form: Form::Memory(memory), clock }
    }

    /// A broker in this file, which is made if it is not there; its directory must be. One process, and one broker in it, has it open
    /// at a time.
    ///
    /// Whatever was confirmed survives as `durability` says. What was delivered and not settled is ready again when the file is opened
    /// anew; how often it was delivered is written down before it is handed out, so a pull that finds something waits for the
    /// file as publishing and settling do. Calls made at the same time share one write. It runs one thread, `hj-store`, until it is closed
    /// or dropped. The file grows to what it held at most and is not shrunk, but filled again.
    ///
    /// Opening reads the whole file, and after a kill checks it as well.
    ///
    /// # Errors
    /// [`BrokerError::Unusable`] for a file that is not a queue's, of a newer format, damaged, or open elsewhere, and for a
    /// directory that is missing or forbidden; [`BrokerError::Full`] for a full disk; [`BrokerError::Unavailable`] for whatever else the system
    /// says. The file is left as it is.
    pub fn in_file(
        path: impl AsRef<Path>,
        settings: EmbeddedSettings,
        durability: Durability,
        clock: Clock,
    ) -> Result<Self, BrokerError> {
        let form = Form::File(File::open(path.as_ref(), settings, durability, clock.clone())?);
        Ok(Self { settings, clock, form })
    }

    /// Looks at the state, or changes of it what needs no record.
    fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> Result<T, BrokerError> {
        match &self.form {
            Form::Memory(memory) => memory.with(body),
            Form::File(file) => file.with(body),
        }
    }
}

impl Broker for Embedded {
    fn traits(&self) -> Traits {
        let (name, durable) = match self.form {
            Form::Memory(_) => ("memory", false),
            Form::File(_) => ("file", true),
        };
        let EmbeddedSettings { lease, max_payload, .. } = self.settings;
        Traits { name, durable, lease, poll: Some(POLL), max_payload }
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, _: Duration) -> Result<(), BrokerError> {
        self.with(|state| lanes.iter().for_each(|lane| state.open(lane, arrivals.clone())))
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        match &self.form {
            Form::Memory(memory) => memory.publish(items),
            Form::File(file) => file.publish(items, within),
        }
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        match &self.form {
            Form::Memory(memory) => memory.pull(wants),
            Form::File(file) => file.pull(wants, within),
        }
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        match &self.form {
            Form::Memory(memory) => memory.settle(settlements),
            Form::File(file) => file.settle(settlements, within),
        }
    }

    fn extend(&self, tickets: &[&Ticket], _: Duration) -> Result<(), BrokerError> {
        let now = self.clock.now();
        self.with(|state| tickets.iter().for_each(|ticket| state.extend(ticket, now)))
    }

    fn depth(&self, lane: &Lane, _: Duration) -> Result<Depth, BrokerError> {
        let now = self.clock.now();
        self.with(|state| state.depth(lane, now))
    }

    fn item_count(&self, _: Duration) -> Result<u64, BrokerError> {
        self.with(|state| state.item_count())
    }

    fn strays(&self, _: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        let now = self.clock.now();
        self.with(|state| state.holding(now))
    }

    fn dead_letters(&self, after: u64, most: usize, _: Duration) -> Result<Vec<DeadLetter>, BrokerError> {
        self.with(|state| state.dead_letters(after, most))
    }

    fn dead_letter_count(&self, _: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.with(|state| state.dead_letter_count())
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        match &self.form {
            Form::Memory(memory) => memory.with(|state| state.remove_dead_letter(serial, &mut Unlogged)),
            Form::File(file) => file.confirmed(within, |state, log| state.remove_dead_letter(serial, log)),
        }
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        match &self.form {
            Form::Memory(memory) => memory.with(|state| state.put_note(name, note, &mut Unlogged))?,
            Form::File(file) => file.confirmed(within, |state, log| state.put_note(name, note, log))?,
        }
    }

    fn notes(&self, _: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.with(|state| state.notes())
    }

    fn close(&self, within: Duration) {
        match &self.form {
            Form::Memory(memory) => memory.close(),
            Form::File(file) => file.close(within),
        }
    }
}
