//! A broker that could not be reached at the start: connected to as soon as it can be, and unavailable until then.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::kanban::broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Delivery, Depth, PublishError, Settled, Settlement, Stored,
    Ticket, Traits, Want,
};
use crate::kanban::item::{Item, Lane};
use crate::thread::{Bell, Managed};
use crate::time::{Deadline, Timestamp};

/// From one attempt to connect to the next, doubled each time: short enough that it is there well before a hold is over.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

pub(crate) type Connect = Box<dyn Fn() -> Result<Arc<dyn Broker>, BrokerError> + Send + Sync>;

pub(crate) struct Late {
    traits: Traits,
    shared: Arc<Shared>,
    thread: Mutex<Option<Managed>>,
}

struct Shared {
    connect: Connect,
    state: Mutex<State>,
    bell: Bell,
}

enum State {
    Away(BrokerError),
    There(Arc<dyn Broker>),
    Closed,
}

impl Late {
    /// The name of its thread, which ends once it is connected.
    const THREAD: &'static str = "hj-connect";

    /// One that `connect` could not reach for this reason; `traits` are those that it will have.
    pub(crate) fn new(traits: Traits, connect: Connect, why: BrokerError) -> Result<Self, BrokerError> {
        let shared = Arc::new(Shared { connect, state: Mutex::new(State::Away(why)), bell: Bell::default() });
        let own = shared.clone();
        let thread = Managed::spawn(Self::THREAD.to_owned(), move || own.go_on_trying());
        let cannot = |error| BrokerError::Unavailable(format!("{} cannot be started: {error}", Self::THREAD));
        Ok(Self { traits, shared, thread: Mutex::new(Some(thread.map_err(cannot)?)) })
    }

    fn there(&self) -> Result<Arc<dyn Broker>, BrokerError> {
        match &*self.shared.state.lock() {
            State::There(broker) => Ok(broker.clone()),
            State::Away(why) => Err(BrokerError::Unavailable(format!("not connected so far: {why}"))),
            State::Closed => Err(BrokerError::Closed),
        }
    }
}

impl Shared {
    fn go_on_trying(&self) {
        let mut pause = PAUSES.0;
        loop {
            self.bell.listen(pause);
            pause = (pause * 2).min(PAUSES.1);
            if matches!(*self.state.lock(), State::Closed) {
                return;
            }
            let connected = (self.connect)();
            let mut state = self.state.lock();
            match (&*state, connected) {
                (State::Closed, Ok(broker)) => {
                    drop(state);
                    return broker.close(PAUSES.0);
                }
                (State::Closed, Err(_)) => return,
                (_, Ok(broker)) => {
                    *state = State::There(broker);
                    return;
                }
                (_, Err(why)) => *state = State::Away(why),
            }
        }
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        *self.shared.state.lock() = State::Closed;
        self.shared.bell.ring();
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late").field("broker", &self.traits.name).finish_non_exhaustive()
    }
}

impl Broker for Late {
    fn traits(&self) -> Traits {
        self.traits.clone()
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        self.there()?.open(lanes, arrivals, within)
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        match self.there() {
            Ok(broker) => broker.publish(items, within),
            Err(error) => items.iter().map(|_| Err(PublishError::NotStored(error.clone()))).collect(),
        }
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.there()?.pull(wants, within)
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        match self.there() {
            Ok(broker) => broker.settle(settlements, within),
            Err(error) => settlements.into_iter().map(|own| Settled::Failed(own, error.clone())).collect(),
        }
    }

    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.there()?.extend(tickets, within)
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.there()?.depth(lane, within)
    }

    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.there()?.item_count(within)
    }

    fn strays(&self, within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        self.there()?.strays(within)
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.there()?.dead_letters(after, most, within)
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.there()?.dead_letter_count(within)
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.there()?.remove_dead_letter(serial, within)
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.there()?.put_note(name, note, within)
    }

    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.there()?.notes(within)
    }

    fn close(&self, within: Duration) {
        let deadline = Deadline::after(within);
        let before = std::mem::replace(&mut *self.shared.state.lock(), State::Closed);
        self.shared.bell.ring();
        if let State::There(broker) = before {
            broker.close(deadline.left());
        }
        let thread = self.thread.lock().take();
        if let Some(Err(thread)) = thread.map(|thread| thread.join_until(&deadline)) {
            tracing::warn!(thread = thread.name(), "still connecting, and left");
        }
    }
}
