//! What is kept beside the items: dead letters and notes.

use std::ops::Bound;

use bytes::Bytes;

use super::{Change, Log, State, weight};
use crate::kanban::broker::{BrokerError, DeadLetter};
use crate::kanban::name::Name;
use crate::time::Timestamp;

/// Bytes of a note.
const LARGEST_NOTE: usize = 64 << 10;

/// Notes.
const MOST_NOTES: usize = 10_000;

impl State {
    /// Items of all lanes, in whatever place.
    pub(in crate::kanban::embedded) fn item_count(&self) -> u64 {
        self.entries.len() as u64
    }

    /// At most so many dead letters after this one.
    pub(crate) fn dead_letters(&self, after: u64, most: usize) -> Vec<DeadLetter> {
        let later = self.letters.range((Bound::Excluded(after), Bound::Unbounded));
        later.take(most).map(|(_, letter)| letter.clone()).collect()
    }

    /// How many there are, and when the first died.
    pub(crate) fn dead_letter_count(&self) -> (u64, Option<Timestamp>) {
        let oldest = self.letters.first_key_value().map(|(_, letter)| letter.at);
        (self.letters.len() as u64, oldest)
    }

    /// Removes a dead letter; tells whether it was there.
    pub(crate) fn remove_dead_letter(&mut self, serial: u64, log: &mut impl Log) -> bool {
        let letter = self.forget_letter(serial);
        let found = letter.is_some();
        if let Some(letter) = letter {
            log.push(|| Change::Dropped { letter });
        }
        found
    }

    /// Writes a note, or forgets it.
    pub(crate) fn put_note(
        &mut self,
        name: &str,
        note: Option<&[u8]>,
        log: &mut impl Log,
    ) -> Result<(), BrokerError> {
        Name::new(name).map_err(|error| BrokerError::Refused(error.to_string()))?;
        if let Some(note) = note {
            if note.len() > LARGEST_NOTE {
                let why = format!("the note {name} has {} bytes, and {LARGEST_NOTE} are allowed", note.len());
                return Err(BrokerError::Refused(why));
            }
            if self.notes.len() >= MOST_NOTES && !self.notes.contains_key(name) {
                return Err(BrokerError::Full(format!("it keeps {MOST_NOTES} notes: forget some")));
            }
        }
        let after = note.map(Bytes::copy_from_slice);
        let before = self.set_note(name.to_owned(), after.clone());
        log.push(|| Change::Noted { name: name.to_owned(), before, after });
        Ok(())
    }

    /// All notes, by name.
    pub(crate) fn notes(&self) -> Vec<(String, Bytes)> {
        self.notes.iter().map(|(name, note)| (name.clone(), note.clone())).collect()
    }

    /// Keeps a dead letter under its serial number.
    pub(crate) fn keep_letter(&mut self, letter: DeadLetter) {
        self.last_serial = self.last_serial.max(letter.serial);
        self.bytes += letter_weight(&letter);
        self.letters.insert(letter.serial, letter);
    }

    /// The serial number of the next dead letter.
    pub(crate) fn next_serial(&self) -> u64 {
        self.last_serial + 1
    }

    /// The serial numbers up to this one were given away.
    pub(crate) fn continue_serials(&mut self, last: u64) {
        self.last_serial = self.last_serial.max(last);
    }

    pub(super) fn forget_letter(&mut self, serial: u64) -> Option<DeadLetter> {
        let letter = self.letters.remove(&serial)?;
        self.bytes -= letter_weight(&letter);
        Some(letter)
    }

    pub(crate) fn set_note(&mut self, name: String, note: Option<Bytes>) -> Option<Bytes> {
        match note {
            Some(note) => self.notes.insert(name, note),
            None => self.notes.remove(&name),
        }
    }
}

/// What a dead letter counts for.
fn letter_weight(letter: &DeadLetter) -> u64 {
    weight(&letter.item) + (letter.reason.len() + letter.error.len()) as u64
}
