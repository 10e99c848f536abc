//! The broker in memory: the state behind one lock, held for a batch at a time.

use std::sync::Arc;

use super::EmbeddedSettings;
use super::state::{Refusal, State, Unlogged};
use crate::kanban::broker::{
    Arrivals, BrokerError, Delivery, PublishError, Settled, Settlement, Stored, Want,
};
use crate::kanban::item::Item;
use crate::sync::Mutex;
use crate::time::Clock;

/// Never waits for anything but its lock, which nobody holds for longer than one batch.
#[derive(Debug)]
pub(super) struct Memory {
    /// Nothing once it is closed.
    state: Mutex<Option<State>>,
    clock: Clock,
}

impl Memory {
    pub(super) fn new(settings: EmbeddedSettings, clock: Clock) -> Self {
        Self { state: Mutex::new(Some(State::new(settings))), clock }
    }

    /// Does something with the state, and then rings for what became ready by it.
    pub(super) fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> Result<T, BrokerError> {
        let (answer, rings) = {
            let mut state = self.state.lock();
            let state = state.as_mut().ok_or(BrokerError::Closed)?;
            (body(state), state.take_rings())
        };
        // Not under the lock, which whoever is woken takes next.
        rings.iter().for_each(Arrivals::ring);
        Ok(answer)
    }

    pub(super) fn publish(&self, items: &[Arc<Item>]) -> Vec<Result<Stored, PublishError>> {
        let store = |state: &mut State| {
            items.iter().map(|item| state.publish(item, &mut Unlogged)).collect::<Vec<_>>()
        };
        self.with(store).unwrap_or_else(|error| {
            items.iter().map(|_| Err(PublishError::NotStored(error.clone()))).collect()
        })
    }

    pub(super) fn pull(&self, wants: &[Want<'_>]) -> Result<Vec<Delivery>, BrokerError> {
        let now = self.clock.now();
        self.with(|state| state.pull(wants, now, &mut Unlogged))
    }

    pub(super) fn settle(&self, settlements: Vec<Settlement>) -> Vec<Settled> {
        let now = self.clock.now();
        let mut left = settlements.into_iter();
        let settle = |state: &mut State| {
            let settle = |settlement| match state.settle(&settlement, now, &mut Unlogged) {
                Ok(()) => Settled::Done,
                Err(Refusal::Gone) => Settled::Gone,
                Err(Refusal::Failed(error)) => Settled::Failed(settlement, error),
            };
            left.by_ref().map(settle).collect::<Vec<_>>()
        };
        match self.with(settle) {
            Ok(settled) => settled,
            Err(error) => left.map(|settlement| Settled::Failed(settlement, error.clone())).collect(),
        }
    }

    pub(super) fn close(&self) {
        let state = self.state.lock().take();
        // A million items take a while to drop: not under the lock.
        drop(state);
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;
    use crate::kanban::item::ItemSpec;
    use crate::sync::Parker;

    /// One who is rung first, and thousands of others, who take a while: does the first find the lock free?
    #[test]
    fn whoever_is_rung_finds_the_lock_free() {
        let clock = Clock::monotonic();
        let memory = Memory::new(EmbeddedSettings::default(), clock.clone());
        let item = |domain: usize| ItemSpec::new(format!("d{domain}")).build(clock.timestamp(), 0).unwrap();
        let items: Vec<_> = (0..20_000).map(|domain| Arc::new(item(domain))).collect();
        let (first, other) = (Parker::new(), Parker::new());
        memory
            .with(|state| {
                for (nth, item) in items.iter().enumerate() {
                    state.open(&item.lane, Arrivals::to(if nth == 0 { &first } else { &other }));
                }
            })
            .unwrap();
        std::thread::scope(|scope| {
            let memory = &memory;
            let rung = scope.spawn(move || {
                first.park();
                memory.state.try_lock().is_some()
            });
            // With a single publish, all are rung by the one call.
            assert!(memory.publish(&items).iter().all(Result::is_ok));
            assert!(rung.join().unwrap(), "it was rung under the lock");
        });
    }
}
