//! An item on loan: a delivery, its ticket, and the one settlement that ends it.

use std::sync::Arc;
use std::time::Duration;

use super::error::BrokerError;
use crate::kanban::item::Item;
use crate::time::Timestamp;

/// An item that a broker has lent to a consumer.
#[derive(Debug)]
pub struct Delivery {
    /// What settles it.
    pub ticket: Ticket,
    /// The item; of one that could not be decoded, what could be made out of it.
    pub item: Arc<Item>,
    /// How often it was delivered, this time included; those times aside, where the broker can tell, at which it was given back by
    /// [`Verdict::Release`].
    pub deliveries: u32,
    /// How often its handler failed, if the broker can tell: else every delivery before this one is taken for a failure.
    pub failures: Option<u32>,
    /// Why it could not be decoded: it is not run, but goes to the dead letters.
    pub fault: Option<String>,
}

/// The right to settle one delivery, once: it cannot be copied, and settling consumes it.
///
/// A broker makes them up as it likes: `generation` tells apart what must not be mixed up, such as connections, so that a
/// settlement that comes too late touches nothing else. Its top bit is left clear: a [`Failover`](crate::Failover) notes there
/// which of its brokers lent the item.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    generation: u64,
    number: u64,
}

impl Ticket {
    /// The ticket of a delivery, for brokers to make.
    #[must_use]
    pub const fn new(generation: u64, number: u64) -> Self {
        Self { generation, number }
    }

    /// What it was made with.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What it was made with.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

/// The end of a delivery.
#[derive(Debug)]
pub struct Settlement {
    /// Whose.
    pub ticket: Ticket,
    /// Which.
    pub verdict: Verdict,
}

/// What becomes of a delivered item.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is done with, and removed.
    Ack,
    /// Its handler failed; it comes again after this time, with one failure more.
    Retry {
        /// When.
        after: Duration,
    },
    /// It was not run, or was interrupted; it comes again after this time, and where the broker can tell, this costs nothing.
    Release {
        /// When.
        after: Duration,
    },
    /// It is kept among the dead letters and removed from its lane: never the latter without the former.
    DeadLetter(Box<Death>),
}

impl Verdict {
    /// In a word, such as `dead_letter`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Verdict::Ack => "ack",
            Verdict::Retry { .. } => "retry",
            Verdict::Release { .. } => "release",
            Verdict::DeadLetter(_) => "dead_letter",
        }
    }
}

/// How an item died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The item.
    pub item: Arc<Item>,
    /// Why, in a word: `permanent`, `attempts`, `expired`, `poison`, `undecodable`.
    pub reason: &'static str,
    /// The last error.
    pub error: String,
    /// How often its handler was tried.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
}

/// An item that failed for good, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number among the dead letters, from 1, rising.
    pub serial: u64,
    /// The item as it was.
    pub item: Arc<Item>,
    /// Why, in a word.
    pub reason: String,
    /// The last error.
    pub error: String,
    /// How often its handler was tried.
    pub attempts: u32,
    /// When it died.
    pub at: Timestamp,
}

/// What became of a settlement.
#[derive(Debug)]
pub enum Settled {
    /// The broker confirmed it.
    Done,
    /// The lease or the connection is gone: nothing was touched, and the item comes again unless it is done with.
    Gone,
    /// It could not be done now: here it is again.
    Failed(Settlement, BrokerError),
}

impl Settled {
    /// In a word, such as `gone`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Settled::Done => "done",
            Settled::Gone => "gone",
            Settled::Failed(..) => "failed",
        }
    }
}
