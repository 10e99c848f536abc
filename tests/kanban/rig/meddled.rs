//! A real broker behind something that gets in the way of its calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use heijunka::{
    Arrivals, Broker, BrokerError, BrokerTraits, DeadLetter, Delivery, Depth, Item, Lane, PublishError,
    Settled, Settlement, Stored, Ticket, Timestamp, Want,
};

/// A call of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Publish,
    Pull,
    Settle,
    Extend,
    /// Whatever is asked or told besides.
    Other,
    Close,
}

/// What gets in the way.
pub(crate) trait Meddler: Send + Sync + 'static {
    /// Before each call: an error is what the caller gets instead.
    fn before(&self, _call: Call, _within: Duration) -> Result<(), BrokerError> {
        Ok(())
    }

    /// What it says that it is like.
    fn traits(&self, traits: BrokerTraits) -> BrokerTraits {
        traits
    }

    /// What the broker delivered, on its way.
    fn delivered(&self, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        deliveries
    }
}

/// The broker as everybody else sees it.
pub(crate) struct Meddled<M> {
    inner: Arc<dyn Broker>,
    pub(crate) meddler: M,
}

impl<M: Meddler> Meddled<M> {
    pub(crate) fn new(inner: Arc<dyn Broker>, meddler: M) -> Arc<Self> {
        Arc::new(Self { inner, meddler })
    }

    fn other(&self, within: Duration) -> Result<(), BrokerError> {
        self.meddler.before(Call::Other, within)
    }
}

impl<M: Meddler> Broker for Meddled<M> {
    fn traits(&self) -> BrokerTraits {
        self.meddler.traits(self.inner.traits())
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        self.meddler.before(Call::Open, within)?;
        self.inner.open(lanes, arrivals, within)
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        match self.meddler.before(Call::Publish, within) {
            Ok(()) => self.inner.publish(items, within),
            Err(error) => items.iter().map(|_| Err(PublishError::Unknown(error.clone()))).collect(),
        }
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.meddler.before(Call::Pull, within)?;
        Ok(self.meddler.delivered(self.inner.pull(wants, within)?))
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        match self.meddler.before(Call::Settle, within) {
            Ok(()) => self.inner.settle(settlements, within),
            Err(error) => {
                let failed = |settlement| Settled::Failed(settlement, error.clone());
                settlements.into_iter().map(failed).collect()
            }
        }
    }

    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.meddler.before(Call::Extend, within)?;
        self.inner.extend(tickets, within)
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.other(within)?;
        self.inner.depth(lane, within)
    }

    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.other(within)?;
        self.inner.item_count(within)
    }

    fn strays(&self, within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        self.other(within)?;
        self.inner.strays(within)
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.other(within)?;
        self.inner.dead_letters(after, most, within)
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.other(within)?;
        self.inner.dead_letter_count(within)
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.other(within)?;
        self.inner.remove_dead_letter(serial, within)
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.other(within)?;
        self.inner.put_note(name, note, within)
    }

    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.other(within)?;
        self.inner.notes(within)
    }

    fn close(&self, within: Duration) {
        if self.meddler.before(Call::Close, within).is_ok() {
            self.inner.close(within);
        }
    }
}

impl<M> fmt::Debug for Meddled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddled").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Stays open when a runtime closes it: for the next one, or to be asked what is left.
pub(crate) struct KeptOpen;

impl Meddler for KeptOpen {
    fn before(&self, call: Call, _: Duration) -> Result<(), BrokerError> {
        if call == Call::Close { Err(BrokerError::Closed) } else { Ok(()) }
    }
}
