//! The broker in a file: the same state, and a journal of its changes that is written before anything is confirmed.

mod backend;
mod journal;
mod open;
mod record;
mod store;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;
mod trouble;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::state::{Change, Refusal, State};
use super::{Durability, EmbeddedSettings};
use crate::kanban::broker::{
    Arrivals, BrokerError, Delivery, PublishError, Settled, Settlement, Stored, Want,
};
use crate::kanban::item::Item;
use crate::thread::Managed;
use crate::time::{Clock, Deadline};
use journal::{Answer, Books, Journal, Outcome};
use store::Store;

/// How long a file that is dropped without having been closed waits for what is being written.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// Calls wait for the writer, at most as long as they are told to.
#[derive(Debug)]
pub(super) struct File {
    journal: Arc<Journal>,
    clock: Clock,
    writer: Mutex<Option<Managed>>,
}

impl File {
    pub(super) fn open(
        path: &Path,
        settings: EmbeddedSettings,
        durability: Durability,
        clock: Clock,
    ) -> Result<Self, BrokerError> {
        let mut store = Store::open(path, durability)?;
        let batch = store.reopen()?;
        let mut state = State::new(settings);
        store.load(&mut state, clock.now(), clock.timestamp())?;
        let journal = Arc::new(Journal::new(state));
        let (shared, time) = (journal.clone(), clock.clone());
        let writer = Managed::spawn("hj-store".into(), move || writer::run(&shared, store, batch, &time));
        let writer = writer.map_err(|error| {
            BrokerError::Unavailable(format!(
                "no thread to write {} could be started: {error}",
                path.display()
            ))
        })?;
        Ok(Self { journal, clock, writer: Mutex::new(Some(writer)) })
    }

    /// Looks at the state, or changes of it what needs no record.
    pub(super) fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> Result<T, BrokerError> {
        let mut books = self.journal.lock();
        if books.closed {
            return Err(BrokerError::Closed);
        }
        let answer = body(&mut books.state);
        let rings = books.state.take_rings();
        drop(books);
        rings.iter().for_each(Arrivals::ring);
        Ok(answer)
    }

    /// Changes the state, and tells what must be in the file before the answer holds.
    fn change<T>(
        &self,
        deadline: &Deadline,
        body: impl FnOnce(&mut Books) -> T,
    ) -> Result<(T, Option<Answer>), BrokerError> {
        let mut books = self.journal.writable(deadline)?;
        let answer = body(&mut books);
        let (latest, rings) = (books.latest(), books.state.take_rings());
        let append = !books.pending.changes.is_empty();
        drop(books);
        if append {
            self.journal.appended();
        }
        // Who is rung pulls now, and what it takes goes to the file together with what arrived.
        rings.iter().for_each(Arrivals::ring);
        Ok((answer, latest))
    }

    /// What became of it, in time.
    fn outcome(&self, latest: Option<&Answer>, deadline: &Deadline, within: Duration) -> Outcome {
        let Some(latest) = latest else { return Outcome::Written };
        let late = || Outcome::Unknown(BrokerError::TimedOut(within));
        self.journal.wait(latest, deadline).unwrap_or_else(late)
    }

    pub(super) fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        let deadline = Deadline::after(within);
        let store = |books: &mut Books| {
            if let Some((until, error)) = &books.full {
                if self.clock.now() < *until {
                    return Err(error.clone());
                }
                books.full = None;
            }
            Ok(books
                .change(|state, log| items.iter().map(|item| state.publish(item, log)).collect::<Vec<_>>()))
        };
        let (stored, latest) = match self.change(&deadline, store) {
            Ok((Ok(stored), latest)) => (stored, latest),
            Ok((Err(error), _)) | Err(error) => {
                return items.iter().map(|_| Err(PublishError::NotStored(error.clone()))).collect();
            }
        };
        if stored.iter().all(Result::is_err) {
            return stored;
        }
        let outcome = self.outcome(latest.as_ref(), &deadline, within);
        let answer = |stored: Result<Stored, PublishError>| match (&outcome, stored) {
            (_, Err(error)) => Err(error),
            (Outcome::Written, Ok(stored)) => Ok(stored),
            (Outcome::NotWritten(error), Ok(_)) => Err(PublishError::NotStored(error.clone())),
            (Outcome::Unknown(error), Ok(_)) => Err(PublishError::Unknown(error.clone())),
        };
        stored.into_iter().map(answer).collect()
    }

    pub(super) fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let deadline = Deadline::after(within);
        let now = self.clock.now();
        let pull = |books: &mut Books| books.change(|state, log| state.pull(wants, now, log));
        let (taken, latest) = self.change(&deadline, pull)?;
        // Nothing is handed out before it is written down that it was: an item that ends the process each time it runs is
        // found out, however often that happens.
        if taken.is_empty() {
            return Ok(taken);
        }
        match self.outcome(latest.as_ref(), &deadline, within) {
            Outcome::Written => Ok(taken),
            Outcome::NotWritten(error) | Outcome::Unknown(error) => Err(error),
        }
    }

    pub(super) fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        let deadline = Deadline::after(within);
        let now = self.clock.now();
        let settle = |books: &mut Books| {
            books.change(|state, log: &mut Vec<Change>| {
                settlements.iter().map(|settlement| state.settle(settlement, now, log)).collect::<Vec<_>>()
            })
        };
        let (results, latest) = match self.change(&deadline, settle) {
            Ok(settled) => settled,
            Err(error) => {
                let failed = |settlement| Settled::Failed(settlement, error.clone());
                return settlements.into_iter().map(failed).collect();
            }
        };
        let outcome = self.outcome(latest.as_ref(), &deadline, within);
        let answer = |(settlement, result): (Settlement, Result<(), Refusal>)| match (&outcome, result) {
            (_, Err(Refusal::Failed(error))) => Settled::Failed(settlement, error),
            (Outcome::Written, Ok(())) => Settled::Done,
            // Also for one that is gone: it may be so only by something that is taken back.
            (Outcome::Written, Err(Refusal::Gone)) => Settled::Gone,
            (Outcome::NotWritten(error) | Outcome::Unknown(error), _) => {
                Settled::Failed(settlement, error.clone())
            }
        };
        settlements.into_iter().zip(results).map(answer).collect()
    }

    /// Makes a change that answers for itself.
    pub(super) fn confirmed<T>(
        &self,
        within: Duration,
        body: impl FnOnce(&mut State, &mut Vec<Change>) -> T,
    ) -> Result<T, BrokerError> {
        let deadline = Deadline::after(within);
        let (answer, latest) = self.change(&deadline, |books| books.change(body))?;
        match self.outcome(latest.as_ref(), &deadline, within) {
            Outcome::Written => Ok(answer),
            Outcome::NotWritten(error) | Outcome::Unknown(error) => Err(error),
        }
    }

    /// Writes what is pending, and lets go of the file, unless that takes longer than `within`: then the thread is left to it.
    pub(super) fn close(&self, within: Duration) {
        self.journal.close();
        if let Some(writer) = self.writer.lock().take()
            && let Err(left) = writer.join_until(&Deadline::after(within))
        {
            tracing::warn!(thread = left.name(), "it still writes to the queue's file, and was left");
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.close(DROP_PATIENCE);
    }
}
