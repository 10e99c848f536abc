//! A real broker whose connection fails as it is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use heijunka::{
    Arrivals, Broker, BrokerError, BrokerTraits, Clock, DeadLetter, Delivery, Depth, Embedded,
    EmbeddedSettings, Item, Lane, PublishError, Settled, Settlement, Stored, Ticket, Timestamp, Want,
};
use parking_lot::Mutex;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// It cannot be reached, which is known at once.
    Down,
    /// Nothing comes back, and nothing gets there.
    Hangs,
    /// Publishing and settling are done, and the answers are lost.
    LosesAnswers,
    /// All but publishing works.
    Full,
    /// All but preparing lanes works.
    Unopened,
    /// Everything works, but pulling takes so long.
    PullsSlowly(Duration),
}

/// A call of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Publish,
    Pull,
    Other,
}

pub(crate) struct Faulty {
    inner: Arc<dyn Broker>,
    name: &'static str,
    wrong: Mutex<Wrong>,
    /// Calls while something was wrong, and those before.
    calls: Mutex<Vec<Call>>,
}

impl Faulty {
    pub(crate) fn on(inner: Arc<dyn Broker>, name: &'static str) -> Arc<Self> {
        Arc::new(Self { inner, name, wrong: Mutex::new(Wrong::Nothing), calls: Mutex::default() })
    }

    /// In memory, with this lease.
    pub(crate) fn leased(name: &'static str, lease: Duration) -> Arc<Self> {
        let settings = EmbeddedSettings { lease, ..EmbeddedSettings::default() };
        Self::on(Arc::new(Embedded::in_memory(settings, Clock::monotonic())), name)
    }

    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Self::leased(name, Duration::from_secs(30))
    }

    pub(crate) fn set(&self, wrong: Wrong) {
        *self.wrong.lock() = wrong;
        self.calls.lock().clear();
    }

    /// Calls of this kind since it was last set.
    pub(crate) fn calls(&self, which: Call) -> usize {
        self.calls.lock().iter().filter(|call| **call == which).count()
    }

    /// The broker behind it, to be asked whatever is wrong.
    pub(crate) fn inner(&self) -> &dyn Broker {
        &*self.inner
    }

    /// Before a call: what the caller gets instead.
    fn gate(&self, call: Call, within: Duration) -> Result<Wrong, BrokerError> {
        let wrong = *self.wrong.lock();
        self.calls.lock().push(call);
        match wrong {
            Wrong::Down => Err(BrokerError::Unavailable(format!("{} is down", self.name))),
            Wrong::Hangs => {
                std::thread::sleep(within);
                Err(BrokerError::TimedOut(within))
            }
            wrong => Ok(wrong),
        }
    }
}

impl Broker for Faulty {
    fn traits(&self) -> BrokerTraits {
        BrokerTraits { name: self.name, ..self.inner.traits() }
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        if self.gate(Call::Other, within)? == Wrong::Unopened {
            return Err(BrokerError::Unavailable(format!("{} cannot be opened", self.name)));
        }
        self.inner.open(lanes, arrivals, within)
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        let all = |error: PublishError| items.iter().map(|_| Err(error.clone())).collect();
        match self.gate(Call::Publish, within) {
            Ok(Wrong::Full) => {
                all(PublishError::NotStored(BrokerError::Full(format!("{} is full", self.name))))
            }
            Ok(Wrong::LosesAnswers) => {
                self.inner.publish(items, within);
                let lost = format!("{} lost the connection", self.name);
                all(PublishError::Unknown(BrokerError::Unavailable(lost)))
            }
            Ok(_) => self.inner.publish(items, within),
            Err(error @ BrokerError::TimedOut(_)) => all(PublishError::Unknown(error)),
            Err(error) => all(PublishError::NotStored(error)),
        }
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        if let Wrong::PullsSlowly(pause) = self.gate(Call::Pull, within)? {
            std::thread::sleep(pause);
        }
        self.inner.pull(wants, within)
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        let again = |Settlement { ticket, verdict }: &Settlement| Settlement {
            ticket: Ticket::new(ticket.generation(), ticket.number()),
            verdict: verdict.clone(),
        };
        match self.gate(Call::Other, within) {
            Ok(Wrong::LosesAnswers) => {
                let kept: Vec<_> = settlements.iter().map(again).collect();
                self.inner.settle(settlements, within);
                let lost = BrokerError::TimedOut(within);
                kept.into_iter().map(|own| Settled::Failed(own, lost.clone())).collect()
            }
            Ok(_) => self.inner.settle(settlements, within),
            Err(error) => settlements.into_iter().map(|own| Settled::Failed(own, error.clone())).collect(),
        }
    }

    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.extend(tickets, within)
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.depth(lane, within)
    }

    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.item_count(within)
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.dead_letters(after, most, within)
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.dead_letter_count(within)
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.remove_dead_letter(serial, within)
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.put_note(name, note, within)
    }

    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.gate(Call::Other, within)?;
        self.inner.notes(within)
    }

    fn close(&self, within: Duration) {
        self.inner.close(within);
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("name", &self.name).finish_non_exhaustive()
    }
}
