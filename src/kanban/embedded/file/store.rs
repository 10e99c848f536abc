//! The tables of the file, and how changes get into them.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format`, `batch`, `serial` | the format's version, the last batch, the last dead letter ever |
//! | `items` | number | the item, as in `record.rs` |
//! | `marks` | number | deliveries, failures; when it is due (ms since 1970) and how long it waits (ms), if it waits |
//! | `letters` | serial | the dead letter |
//! | `notes` | name | the note |

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::record::{self, Decoded};
use super::{open, trouble};
use crate::kanban::broker::BrokerError;
use crate::kanban::embedded::Durability;
use crate::kanban::embedded::state::{Change, Remembered, State};
use crate::thread::panic_message;
use crate::time::{Moment, Timestamp};

/// The version of what is described above.
const FORMAT: u64 = 1;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const ITEMS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("items");
const MARKS: TableDefinition<'_, u64, (u32, u32, u64, u64)> = TableDefinition::new("marks");
const LETTERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("letters");
const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    durability: Durability,
    /// Nothing between a failure and the next attempt to open it.
    database: Option<Database>,
}

impl Store {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, durability: Durability) -> Result<Self, BrokerError> {
        let mut store = Self { path: path.to_owned(), durability, database: None };
        open::create_if_missing(path, durability, |database| store.prepare(database))?;
        store.reopen()?;
        Ok(store)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it anew, as must be done after a failure; tells the last batch that is in it.
    pub(super) fn reopen(&mut self) -> Result<u64, BrokerError> {
        // Closed first: the lock is in the way of a second opening.
        self.database = None;
        let database = open::open(&self.path, self.durability)?;
        let batch = self.guard("opening", || self.prepare(&database))?;
        self.database = Some(database);
        Ok(batch)
    }

    /// Checks that it is a queue's, or makes an empty file one; tells the last batch that is in it.
    fn prepare(&self, database: &Database) -> Result<u64, BrokerError> {
        let failed = |error: redb::Error| trouble::of_redb(&self.path, "opening", error);
        let read = database.begin_read().map_err(|error| failed(error.into()))?;
        let mut tables = read.list_tables().map_err(|error| failed(error.into()))?;
        if tables.next().is_none() {
            let format = || -> Result<(), redb::Error> {
                let write = database.begin_write()?;
                write.open_table(META)?.insert("format", FORMAT)?;
                for table in [ITEMS, LETTERS] {
                    write.open_table(table)?;
                }
                write.open_table(MARKS)?;
                write.open_table(NOTES)?;
                Ok(write.commit()?)
            };
            format().map_err(failed)?;
            return Ok(0);
        }
        let meta = read
            .open_table(META)
            .map_err(|_| trouble::foreign(&self.path, "a database of another program"))?;
        let get = |name| meta.get(name).map(|value| value.map(|value| value.value()));
        let found = get("format").map_err(|error| failed(error.into()))?;
        match found {
            Some(FORMAT) => Ok(get("batch").map_err(|error| failed(error.into()))?.unwrap_or(0)),
            Some(newer) => Err(BrokerError::Unusable(format!(
                "{} is of format {newer}, and this program knows {FORMAT}: use the newer program, or another file (broker.path)",
                self.path.display()
            ))),
            None => Err(trouble::foreign(&self.path, "a database of another program")),
        }
    }

    /// Writes changes as one transaction: all of them, or none.
    pub(super) fn commit(
        &self,
        batch: u64,
        changes: &[Change],
        calendar: Timestamp,
    ) -> Result<(), BrokerError> {
        let write = || -> Result<(), redb::Error> {
            let database = self.database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
            let transaction = database.begin_write()?;
            {
                let mut items = transaction.open_table(ITEMS)?;
                let mut marks = transaction.open_table(MARKS)?;
                let mut letters = transaction.open_table(LETTERS)?;
                let mut notes = transaction.open_table(NOTES)?;
                let mut meta = transaction.open_table(META)?;
                for change in changes {
                    match change {
                        Change::Stored { number, item } => {
                            items.insert(number, &*record::encode_item(item))?;
                        }
                        Change::Marked { number, deliveries, failures, delay, .. } => {
                            let (due, wait) = delay.map_or((0, 0), |delay| due(calendar, delay));
                            marks.insert(number, (*deliveries, *failures, due, wait))?;
                        }
                        Change::Removed { number, .. } => {
                            items.remove(number)?;
                            marks.remove(number)?;
                        }
                        Change::Died { number, letter, .. } => {
                            items.remove(number)?;
                            marks.remove(number)?;
                            letters.insert(letter.serial, &*record::encode_letter(letter))?;
                            meta.insert("serial", letter.serial)?;
                        }
                        Change::Dropped { letter } => drop(letters.remove(letter.serial)?),
                        Change::Noted { name, after: Some(note), .. } => {
                            notes.insert(&**name, &**note)?;
                        }
                        Change::Noted { name, after: None, .. } => drop(notes.remove(&**name)?),
                    }
                }
                meta.insert("batch", batch)?;
            }
            Ok(transaction.commit()?)
        };
        self.guard("writing", || write().map_err(|error| trouble::of_redb(&self.path, "writing", error)))
    }

    /// Reads everything into a state. What cannot be read becomes an item with a fault, or a dead letter.
    pub(super) fn load(
        &self,
        state: &mut State,
        now: Moment,
        calendar: Timestamp,
    ) -> Result<(), BrokerError> {
        let homeless = self.guard("reading", || {
            self.read(state, now, calendar).map_err(|error| trouble::of_redb(&self.path, "reading", error))
        })?;
        self.bury(state, homeless, calendar)
    }

    fn read(
        &self,
        state: &mut State,
        now: Moment,
        calendar: Timestamp,
    ) -> Result<Vec<(u64, Decoded)>, redb::Error> {
        let read = self.database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        let (items, marks) = (read.open_table(ITEMS)?, read.open_table(MARKS)?);
        let mut homeless = Vec::new();
        for row in items.iter()? {
            let (number, value) = row?;
            let number = number.value();
            let (item, fault) = match record::decode_item(number, value.value()) {
                Decoded::Whole(item) => (item, None),
                Decoded::Faulty(item, why) => (item, Some(Arc::from(why))),
                lost @ Decoded::Homeless(..) => {
                    homeless.push((number, lost));
                    continue;
                }
            };
            let mark = marks.get(number)?.map_or((0, 0, 0, 0), |mark| mark.value());
            let (deliveries, failures, due, wait) = mark;
            let delay = (wait > 0).then(|| remaining(due, wait, calendar));
            let item = Arc::new(item);
            state.remember(Remembered { number, item, deliveries, failures, delay, fault }, now);
        }
        for row in read.open_table(LETTERS)?.iter()? {
            let (serial, value) = row?;
            state.keep_letter(record::decode_letter(serial.value(), value.value()));
        }
        for row in read.open_table(NOTES)?.iter()? {
            let (name, value) = row?;
            state.set_note(name.value().to_owned(), Some(value.value().to_vec().into()));
        }
        let serial = read.open_table(META)?.get("serial")?;
        state.continue_serials(serial.map_or(0, |serial| serial.value()));
        Ok(homeless)
    }

    /// Items of which not even the lane is known become dead letters: nobody would ever pull them.
    fn bury(
        &self,
        state: &mut State,
        homeless: Vec<(u64, Decoded)>,
        calendar: Timestamp,
    ) -> Result<(), BrokerError> {
        if homeless.is_empty() {
            return Ok(());
        }
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_write()?;
            for (number, lost) in homeless {
                let Decoded::Homeless(item, why) = lost else { continue };
                let letter = record::undecodable(state.next_serial(), item, why, calendar);
                transaction.open_table(LETTERS)?.insert(letter.serial, &*record::encode_letter(&letter))?;
                transaction.open_table(META)?.insert("serial", letter.serial)?;
                transaction.open_table(ITEMS)?.remove(number)?;
                transaction.open_table(MARKS)?.remove(number)?;
                state.keep_letter(letter);
            }
            Ok(transaction.commit()?)
        };
        self.guard("writing", || write().map_err(|error| trouble::of_redb(&self.path, "writing", error)))
    }

    /// Does something with the file. redb panics on some damage that it did not expect: that ends nothing here.
    fn guard<T>(&self, doing: &str, body: impl FnOnce() -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        guard(&self.path, doing, body)
    }
}

/// Does something with the file; a panic is an error.
pub(super) fn guard<T>(
    path: &Path,
    doing: &str,
    body: impl FnOnce() -> Result<T, BrokerError>,
) -> Result<T, BrokerError> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let said = panic_message(&*payload).unwrap_or_default();
        Err(trouble::damaged(path, format_args!("{doing} it panicked: {said}")))
    })
}

/// When an item is due and how long it waits, in milliseconds; at least one, since none means that it does not wait.
fn due(calendar: Timestamp, delay: Duration) -> (u64, u64) {
    let wait = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).max(1);
    (calendar.after(delay).as_millis(), wait)
}

/// How long an item still waits: never longer than it was told to, wherever the clock was set meanwhile.
fn remaining(due: u64, wait: u64, calendar: Timestamp) -> Duration {
    Timestamp::from_millis(due).since(calendar).min(Duration::from_millis(wait))
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;

    #[test]
    fn nothing_waits_longer_than_it_was_told_to() {
        let at = Timestamp::from_millis;
        let (due, wait) = due(at(1_000_000), Duration::from_secs(10));
        assert_eq!(remaining(due, wait, at(1_004_000)), Duration::from_secs(6));
        assert_eq!(remaining(due, wait, at(2_000_000)), Duration::ZERO);
        assert_eq!(remaining(due, wait, at(0)), Duration::from_secs(10), "the clock was set back");
    }
}
