//! What happened to the state, told so that it can be written down, and taken back if that fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Entry, Mark, Place, State};
use crate::kanban::broker::DeadLetter;
use crate::kanban::item::Item;

/// One change that must outlive the process.
pub(crate) enum Change {
    /// An item was stored.
    Stored { number: u64, item: Arc<Item> },
    /// An item was delivered, or comes again later.
    Marked {
        number: u64,
        /// What it was before.
        before: Mark,
        deliveries: u32,
        failures: u32,
        /// How long it waits.
        delay: Option<Duration>,
    },
    /// An item is done with.
    Removed { number: u64, entry: Entry },
    /// An item became a dead letter.
    Died { number: u64, entry: Entry, letter: DeadLetter },
    /// A dead letter was removed.
    Dropped { letter: DeadLetter },
    /// A note was written or forgotten.
    Noted { name: String, before: Option<Bytes>, after: Option<Bytes> },
}

impl Change {
    /// About the bytes it takes to write it.
    pub(crate) fn size(&self) -> usize {
        64 + match self {
            Change::Stored { item, .. } => item.size(),
            Change::Died { letter, .. } => letter.item.size() + letter.error.len(),
            Change::Noted { after: Some(note), .. } => note.len(),
            Change::Marked { .. }
            | Change::Removed { .. }
            | Change::Dropped { .. }
            | Change::Noted { .. } => 0,
        }
    }
}

/// Numbers and names only: what items, letters and notes hold may be secret.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Stored { number, .. } => write!(f, "Stored({number})"),
            Change::Marked { number, .. } => write!(f, "Marked({number})"),
            Change::Removed { number, .. } => write!(f, "Removed({number})"),
            Change::Died { number, letter, .. } => write!(f, "Died({number}, {})", letter.serial),
            Change::Dropped { letter } => write!(f, "Dropped({})", letter.serial),
            Change::Noted { name, .. } => write!(f, "Noted({name})"),
        }
    }
}

/// Who is told of changes.
pub(crate) trait Log {
    /// Is told, in the order in which they happen.
    fn push(&mut self, change: impl FnOnce() -> Change);
}

/// Keeps nothing: what is in memory only needs no record.
#[derive(Debug)]
pub(crate) struct Unlogged;

impl Log for Unlogged {
    fn push(&mut self, _: impl FnOnce() -> Change) {}
}

impl Log for Vec<Change> {
    fn push(&mut self, change: impl FnOnce() -> Change) {
        Vec::push(self, change());
    }
}

impl State {
    /// Takes changes back, the last one first: nothing that was logged after them may remain.
    pub(crate) fn undo(&mut self, changes: Vec<Change>) {
        for change in changes.into_iter().rev() {
            match change {
                Change::Stored { number, .. } => drop(self.take_out(number)),
                Change::Marked { number, before, .. } => self.mark(number, before),
                Change::Removed { number, entry } => self.put_back(number, entry),
                Change::Died { number, entry, letter } => {
                    self.forget_letter(letter.serial);
                    self.put_back(number, entry);
                }
                Change::Dropped { letter } => self.keep_letter(letter),
                Change::Noted { name, before, .. } => drop(self.set_note(name, before)),
            }
        }
    }

    /// Makes an item what it was.
    fn mark(&mut self, number: u64, mark: Mark) {
        if let Some(entry) = self.entries.get_mut(&number) {
            (entry.deliveries, entry.failures) = (mark.deliveries, mark.failures);
            self.move_to(number, mark.place);
        }
    }

    /// Brings an item back that had been removed.
    fn put_back(&mut self, number: u64, mut entry: Entry) {
        let place = std::mem::replace(&mut entry.place, Place::Nowhere);
        self.take_in(number, entry);
        self.move_to(number, place);
    }
}
