//! The thread that writes: `hj-store`.

use std::sync::Arc;
use std::time::Duration;

use super::journal::{Batch, Journal, Outcome};
use super::store::Store;
use crate::kanban::broker::BrokerError;
use crate::time::Clock;

/// After the disk was full, nothing new is stored for so long: what is settled then makes room, and is not refused together with what is stored.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// From one attempt to open a file that cannot be written to the next.
const REOPEN_PAUSE: Duration = Duration::from_millis(250);

/// Writes batch after batch until the books are closed, and then lets go of the file.
pub(super) fn run(journal: &Arc<Journal>, mut store: Store, mut batch: u64, clock: &Clock) {
    while let Some(taken) = journal.take() {
        batch += 1;
        match store.commit(batch, &taken.changes, clock.timestamp()) {
            Ok(()) => journal.settle(journal.lock(), &taken.answer, Outcome::Written),
            Err(error) => recover(journal, &mut store, batch, taken, &error, clock),
        }
    }
}

/// A batch could not be written: the file is opened anew and asked whether it has it. If not, it is taken back.
fn recover(
    journal: &Journal,
    store: &mut Store,
    number: u64,
    batch: Batch,
    error: &BrokerError,
    clock: &Clock,
) {
    tracing::warn!(file = %store.path().display(), %error, "the queue's file could not be written");
    let Batch { changes, answer, .. } = batch;
    {
        // What came after it goes first, and nothing more comes until this is over.
        let mut books = journal.lock();
        books.down = Some(error.clone());
        let later = std::mem::take(&mut books.pending);
        books.state.undo(later.changes);
        let _ = later.answer.set(Outcome::NotWritten(error.clone()));
    }
    let mut reopened = store.reopen();
    while let Err(why) = reopened {
        let mut books = journal.lock();
        books.down = Some(why.clone());
        journal.settle(books, &answer, Outcome::Unknown(why));
        if journal.pause(REOPEN_PAUSE) {
            return;
        }
        reopened = store.reopen();
    }
    let written = reopened == Ok(number);
    let mut books = journal.lock();
    books.down = None;
    if written {
        return journal.settle(books, &answer, Outcome::Written);
    }
    if matches!(error, BrokerError::Full(_)) {
        books.full = Some((clock.now().after(FULL_PAUSE), error.clone()));
    }
    books.state.undo(changes);
    journal.settle(books, &answer, Outcome::NotWritten(error.clone()));
}
