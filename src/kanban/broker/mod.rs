//! What heijunka asks of a broker, and nothing more: what keeps items until they are done.

mod delivery;
mod error;
mod finding;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use delivery::{DeadLetter, Death, Delivery, Settled, Settlement, Ticket, Verdict};
pub use error::{BrokerError, PublishError};
pub use finding::{Finding, Severity};

use super::cells::{Call, Signal};
use super::failover::Failover;
use super::item::{Item, Lane};
use crate::sync::Parker;
use crate::time::Timestamp;

/// Items that an adapter makes ready together: the first are on their way while the next are made ready, and these while those are
/// answered.
#[cfg(any(feature = "nats", feature = "amqp"))]
pub(super) const AT_A_TIME: usize = 128;

/// What keeps items: the embedded broker, or an adapter to one elsewhere.
///
/// All calls are made off the hot path and may block, but none for longer than `within` and a little: a broker that does not
/// answer by then is [`BrokerError::TimedOut`]. Publishing, [settling](Self::settle) and questions come from any thread at any time;
/// [`pull`](Self::pull) and [`extend`](Self::extend) from one thread per consumer, which waits for no settlement of a broker that is
/// [durable](Traits::durable).
///
/// The contract, which the conformance suite checks: a stored item stays until it is settled by
/// [`Verdict::Ack`] or [`Verdict::DeadLetter`], whatever ends in between; one that was delivered and not settled is delivered
/// again once its lease has passed, not before.
pub trait Broker: Send + Sync + fmt::Debug + 'static {
    /// What it is like. Never changes.
    fn traits(&self) -> Traits;

    /// Prepares these lanes for pulling, and remembers whom to tell about arrivals. May be called again with more lanes.
    ///
    /// # Errors
    /// [`BrokerError`], naming what is in the way.
    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError>;

    /// Stores items: one answer each, in their order. `Ok` only once the broker keeps the item as it promises.
    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>>;

    /// Takes at most so many items from each of these lanes, without waiting for any to arrive. Within a lane about the oldest
    /// first. A lane that gave fewer than wanted rings [`Arrivals`] when more came.
    ///
    /// # Errors
    /// [`BrokerError`]; whatever it had taken comes again once its lease has passed.
    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError>;

    /// Settles deliveries: one answer each, in their order.
    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled>;

    /// Extends the leases of these deliveries to their full length from now; those that it does not know are left out.
    ///
    /// # Errors
    /// [`BrokerError`]; some may have been extended.
    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError>;

    /// How much waits in a lane.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError>;

    /// How many items it keeps in all lanes, whether ready, delayed or delivered; dead letters are none.
    ///
    /// # Errors
    /// [`BrokerError`]; [`BrokerError::Unsupported`] from brokers that cannot tell.
    fn item_count(&self, within: Duration) -> Result<u64, BrokerError>;

    /// The lanes that hold ready items, whoever consumes them, and how many: the caller compares them with what it consumes itself.
    ///
    /// # Errors
    /// [`BrokerError`]; [`BrokerError::Unsupported`] from brokers that know no lanes but those that this process uses, as RabbitMQ, whose
    /// protocol lists no queues.
    fn strays(&self, _within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        Err(BrokerError::Unsupported("list of all its lanes"))
    }

    /// At most `most` dead letters after the one with this serial number (0 for the first), oldest first.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn dead_letters(&self, after: u64, most: usize, within: Duration)
    -> Result<Vec<DeadLetter>, BrokerError>;

    /// How many dead letters there are, and when the oldest died.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError>;

    /// Removes the dead letter with this serial number; tells whether it was there.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError>;

    /// Keeps a small note under this name (`None`: forgets it), as safely as an item. Names are valid as [`Name`](crate::Name)s.
    ///
    /// # Errors
    /// [`BrokerError::Unsupported`] from brokers that keep no notes.
    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError>;

    /// All notes, by name.
    ///
    /// # Errors
    /// As [`put_note`](Self::put_note).
    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError>;

    /// Lets go of everything: connections, threads, files. Called once, when nothing is pulled or published any more.
    fn close(&self, within: Duration);

    /// Itself, if it is two brokers as one: then one of them may fail while the other works. Single brokers leave this as it is.
    fn failover(&self) -> Option<&Failover> {
        None
    }
}

/// What a broker is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Its kind, for people and metrics: `memory`, `file`, `nats`.
    pub name: &'static str,
    /// Whether items outlive this process: then they are settled on a thread that waits for its disk or its network.
    pub durable: bool,
    /// How long a delivered item is left alone before it is delivered again.
    pub lease: Duration,
    /// How often to ask for items of lanes that were empty, if it cannot tell of arrivals.
    pub poll: Option<Duration>,
    /// The largest payload it takes, in bytes.
    pub max_payload: usize,
}

/// How many items are wanted from a lane.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// The lane.
    pub lane: &'a Lane,
    /// The most to take.
    pub most: usize,
}

/// How an item was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is in the broker.
    New,
    /// An item of its domain and id was there already, and nothing was added.
    Duplicate,
}

/// How much waits in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Items that could be pulled now.
    pub ready: u64,
    /// Items that wait for their time: those to be tried again later.
    pub delayed: u64,
    /// Items delivered and not settled.
    pub unsettled: u64,
    /// When the oldest of the ready ones was published, if the broker can tell.
    pub oldest: Option<Timestamp>,
}

/// Tells a consumer that there may be something to pull. Cheap to clone; ringing is wait-free but for waking a sleeper.
#[derive(Clone, Debug)]
pub struct Arrivals(Signal);

impl Arrivals {
    /// Rings that nobody hears: for trying a broker out by hand, without a consumer.
    #[must_use]
    pub fn unheard() -> Self {
        Self::to(&Parker::new())
    }

    /// Wakes whoever parks with this, as a consumer does: for trying a broker out.
    pub(crate) fn to(parker: &Parker) -> Self {
        Self(Signal::new(parker.unparker().clone()))
    }

    /// Forgets what was rung so far, so that the next ring wakes.
    pub(crate) fn forget(&self) {
        self.0.take();
    }

    pub(crate) fn new(consumer: &Signal) -> Self {
        Self(consumer.clone())
    }

    /// Says that something may have arrived, after it was put where [`Broker::pull`] finds it.
    pub fn ring(&self) {
        self.0.call(Call::Arrival);
    }
}
