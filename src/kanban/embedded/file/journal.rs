//! What has changed and is not in the file yet, and who waits for it.
//!
//! Calls change the state at once and append what changed to the pending batch, under the same lock: so batches hold changes in the order in
//! which they happened, and a change is in the file no later than those that build on it. The writer takes the pending batch as a whole and
//! commits it as one transaction; meanwhile the next one gathers, so that however many call at once share a commit. A call answers when the batch
//! with its changes is in the file. If one cannot be written, it and the one after it are taken back, last change first, and the state is
//! what the file holds.

use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::kanban::broker::BrokerError;
use crate::kanban::embedded::state::{Change, State};
use crate::time::{Deadline, Moment};

/// Bytes that may wait to be written before calls wait for room.
pub(super) const MOST_PENDING: usize = 16 << 20;

/// What became of a batch.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is in the file.
    Written,
    /// It certainly is not, and was taken back.
    NotWritten(BrokerError),
    /// It may be: the file cannot be asked now.
    Unknown(BrokerError),
}

/// Where whoever waits for a batch finds what became of it.
pub(super) type Answer = Arc<OnceLock<Outcome>>;

/// Changes that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) changes: Vec<Change>,
    pub(super) bytes: usize,
    pub(super) answer: Answer,
}

/// What calls and the writer share.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) state: State,
    /// What gathers.
    pub(super) pending: Batch,
    /// What became, or will, of the batch that the writer has in hand.
    pub(super) writing: Option<Answer>,
    /// Why nothing can be written now.
    pub(super) down: Option<BrokerError>,
    /// Until when nothing new is stored, and why: there was no room for it.
    pub(super) full: Option<(Moment, BrokerError)>,
    /// No more calls; the writer ends when everything is written.
    pub(super) closed: bool,
}

/// The books, and who waits for them to change.
#[derive(Debug)]
pub(super) struct Journal {
    books: Mutex<Books>,
    /// The writer waits for something to write, or the end.
    work: Condvar,
    /// Calls wait for an answer, or for room.
    done: Condvar,
}

impl Journal {
    pub(super) fn new(state: State) -> Self {
        let books =
            Books { state, pending: Batch::default(), writing: None, down: None, full: None, closed: false };
        Self { books: Mutex::new(books), work: Condvar::new(), done: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock()
    }

    /// Locks the books once a change may be made.
    pub(super) fn writable(&self, deadline: &Deadline) -> Result<MutexGuard<'_, Books>, BrokerError> {
        let mut books = self.books.lock();
        loop {
            if books.closed {
                return Err(BrokerError::Closed);
            }
            if let Some(error) = &books.down {
                return Err(error.clone());
            }
            if books.pending.bytes < MOST_PENDING {
                return Ok(books);
            }
            if self.done.wait_for(&mut books, deadline.left()).timed_out() && deadline.passed() {
                return Err(BrokerError::TimedOut(deadline.waited()));
            }
        }
    }

    /// Something was appended: the writer is to know.
    pub(super) fn appended(&self) {
        self.work.notify_one();
    }

    /// Waits until it is known what became of a batch; `None` if that takes too long.
    pub(super) fn wait(&self, answer: &Answer, deadline: &Deadline) -> Option<Outcome> {
        if answer.get().is_none() {
            let mut books = self.books.lock();
            while answer.get().is_none() {
                if self.done.wait_for(&mut books, deadline.left()).timed_out() && deadline.passed() {
                    break;
                }
            }
        }
        answer.get().cloned()
    }

    /// For the writer: waits for something to write; `None` when all is written and the books are closed.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut books = self.books.lock();
        while books.pending.changes.is_empty() {
            if books.closed {
                return None;
            }
            self.work.wait(&mut books);
        }
        let batch = std::mem::take(&mut books.pending);
        books.writing = Some(batch.answer.clone());
        drop(books);
        // There is room again.
        self.done.notify_all();
        Some(batch)
    }

    /// For the writer: tells everybody what became of a batch.
    pub(super) fn settle(&self, mut books: MutexGuard<'_, Books>, answer: &Answer, outcome: Outcome) {
        // An answer is given once; later ones are for the books only.
        let _ = answer.set(outcome);
        books.writing = None;
        drop(books);
        self.done.notify_all();
    }

    /// For the writer: waits a while before the next attempt; tells whether the books are closed.
    pub(super) fn pause(&self, pause: std::time::Duration) -> bool {
        let mut books = self.books.lock();
        if !books.closed {
            self.work.wait_for(&mut books, pause);
        }
        books.closed
    }

    /// No more calls.
    pub(super) fn close(&self) {
        self.books.lock().closed = true;
        self.work.notify_all();
        self.done.notify_all();
    }
}

impl Books {
    /// What must be written before what is known now is in the file: nothing, if it is.
    pub(super) fn latest(&self) -> Option<Answer> {
        if self.pending.changes.is_empty() { self.writing.clone() } else { Some(self.pending.answer.clone()) }
    }

    /// Does something that may change the state, and counts what it appended.
    pub(super) fn change<T>(&mut self, body: impl FnOnce(&mut State, &mut Vec<Change>) -> T) -> T {
        let before = self.pending.changes.len();
        let answer = body(&mut self.state, &mut self.pending.changes);
        self.pending.bytes += self.pending.changes[before..].iter().map(Change::size).sum::<usize>();
        answer
    }
}
