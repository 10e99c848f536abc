//! Two brokers as one: published to the primary, and to the fallback while that fails; consumed from both all the time.
//!
#![doc = include_str!("README.md")]

mod ask;
mod consume;
mod late;
mod law;
mod pack;
mod probe;
mod publish;
mod rest;
mod settings;
mod side;
mod status;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

pub(crate) use late::{Connect, Late};
pub use law::{BrokerRole, FailoverState};
pub use settings::FailoverSettings;
pub use status::{FailoverBroker, FailoverStatus};

use super::broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Delivery, Depth, PublishError, Settled, Settlement, Stored,
    Ticket, Traits, Want,
};
use super::event::{Event, Events};
use super::item::{Item, Lane};
use crate::thread::{Bell, Managed};
use crate::time::{Clock, Deadline, Timestamp};
use side::Book;

/// Two brokers as one. Cloning is cheap, and clones are the same failover: keep one to ask for its [`status`](Self::status).
///
/// - **Publishing** goes to the primary until it fails [three times in a row](FailoverSettings::failures) or does not answer probes,
///   then to the fallback: for a hold of 30 s at least, until three probes are good and one item, the canary, was confirmed.
///   What one broker does not take is offered to the other in the same call; if both fail, the error tells of both. Nothing is
///   ever kept here.
/// - **Consuming** is from both, all the time. A broker that fails or hangs is left alone until it answers a probe, and costs the
///   other one [`patience`](FailoverSettings::patience) at most.
/// - **An item may be in both**, if the outcome of its publish was unknown: the same id, which the seen store recognises.
///
/// One small thread, `hj-failover`, probes them both.
#[derive(Clone)]
pub struct Failover {
    inner: Arc<Inner>,
    /// The last of the clones ends the thread.
    end: Arc<End>,
}

/// What the thread shares with the callers.
struct Inner {
    brokers: [Arc<dyn Broker>; 2],
    names: [&'static str; 2],
    traits: Traits,
    settings: FailoverSettings,
    clock: Clock,
    book: Mutex<Book>,
    bell: Bell,
    events: Mutex<Option<Events>>,
}

struct End {
    inner: Arc<Inner>,
    thread: Mutex<Option<Managed>>,
}

impl Failover {
    /// The name of its thread.
    const THREAD: &'static str = "hj-failover";

    /// A failover from `primary` to `fallback`, both of which are open.
    ///
    /// # Errors
    /// [`BrokerError::Unusable`] if one of them is a failover itself, [`BrokerError::Unavailable`] if its thread cannot be started.
    pub fn new(
        primary: Arc<dyn Broker>,
        fallback: Arc<dyn Broker>,
        settings: FailoverSettings,
        clock: Clock,
    ) -> Result<Self, BrokerError> {
        if primary.failover().is_some() || fallback.failover().is_some() {
            let why = "a failover cannot be part of another one: give it two single brokers";
            return Err(BrokerError::Unusable(why.to_owned()));
        }
        let settings = settings.sensible();
        let traits = weaker(&primary.traits(), &fallback.traits());
        let names = [primary.traits().name, fallback.traits().name];
        let book = Book::new(names, settings, clock.now(), clock.timestamp());
        let inner = Arc::new(Inner {
            brokers: [primary, fallback],
            names,
            traits,
            settings,
            clock,
            book: Mutex::new(book),
            bell: Bell::default(),
            events: Mutex::default(),
        });
        let own = inner.clone();
        let thread = Managed::spawn(Self::THREAD.to_owned(), move || probe::run(&own));
        let cannot = |error| BrokerError::Unavailable(format!("{} cannot be started: {error}", Self::THREAD));
        let thread = Mutex::new(Some(thread.map_err(cannot)?));
        Ok(Self { inner: inner.clone(), end: Arc::new(End { inner, thread }) })
    }

    /// Where publishing stands, why, and how both brokers fare. Waits for nobody.
    #[must_use]
    pub fn status(&self) -> FailoverStatus {
        self.inner.book.lock().status()
    }

    /// Whom to tell what happens.
    pub(crate) fn tell_to(&self, events: Events) {
        *self.inner.events.lock() = Some(events);
    }
}

impl Inner {
    fn broker(&self, role: BrokerRole) -> &Arc<dyn Broker> {
        &self.brokers[role.index()]
    }

    fn is_open(&self) -> Result<(), BrokerError> {
        if self.book.lock().closed { Err(BrokerError::Closed) } else { Ok(()) }
    }

    /// Not to be called with the book locked: whoever is told may ask.
    fn tell(&self, event: Option<Event>) {
        let Some(event) = event else { return };
        tracing::warn!(decision = %event.decision, inputs = %event.inputs, "failover");
        let events = self.events.lock().clone();
        if let Some(events) = events {
            events(event);
        }
    }

    fn close(&self, within: Duration) {
        if std::mem::replace(&mut self.book.lock().closed, true) {
            return;
        }
        self.bell.ring();
        let deadline = Deadline::after(within);
        self.broker(BrokerRole::Primary).close(deadline.left() / 2);
        self.broker(BrokerRole::Fallback).close(deadline.left());
    }
}

impl End {
    fn join(&self, deadline: &Deadline) {
        let Some(thread) = self.thread.lock().take() else { return };
        if let Err(thread) = thread.join_until(deadline) {
            tracing::warn!(thread = thread.name(), "a broker does not answer, and its thread is left");
            *self.thread.lock() = Some(thread);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Dropped without being closed: the brokers may be in use elsewhere.
        self.inner.book.lock().closed = true;
        self.inner.bell.ring();
    }
}

impl Broker for Failover {
    fn traits(&self) -> Traits {
        self.inner.traits.clone()
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        self.inner.open(lanes, &arrivals, within)
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        self.inner.publish(items, within)
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.inner.pull(wants, within)
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        self.inner.settle(settlements, within)
    }

    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.inner.extend(tickets, within)
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.inner.depth(lane, within)
    }

    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.inner.item_count(within)
    }

    fn strays(&self, within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        self.inner.strays(within)
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.inner.dead_letters(after, most, within)
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.inner.dead_letter_count(within)
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.inner.remove_dead_letter(serial, within)
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.inner.put_note(name, note, within)
    }

    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.inner.notes(within)
    }

    fn close(&self, within: Duration) {
        let deadline = Deadline::after(within);
        self.inner.close(within);
        self.end.join(&deadline);
    }

    fn failover(&self) -> Option<&Failover> {
        Some(self)
    }
}

impl fmt::Debug for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover").field("brokers", &self.inner.brokers).finish_non_exhaustive()
    }
}

/// What holds of both.
fn weaker(primary: &Traits, fallback: &Traits) -> Traits {
    Traits {
        name: "failover",
        durable: primary.durable && fallback.durable,
        lease: primary.lease.min(fallback.lease),
        poll: primary.poll.into_iter().chain(fallback.poll).min(),
        max_payload: primary.max_payload.min(fallback.max_payload),
    }
}
