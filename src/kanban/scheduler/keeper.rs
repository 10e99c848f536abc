//! What survives a restart: the notes that are read at the start and written as things happen.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Inner;
use super::entry::Entry;
use super::error::ScheduleError;
use super::record::{PREFIX, Record, note_name};
use super::schedule::Schedule;
use super::status::Origin;
use crate::kanban::broker::BrokerError;
use crate::kanban::event::Event;
use crate::kanban::name::Name;

/// One note at a time is written, so that an older state never replaces a newer one. Locked before the book, if both are.
#[derive(Debug, Default)]
pub(super) struct Keeper(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    /// The broker keeps none, which was said.
    unsupported: bool,
}

/// After a note could not be written, none is for so long.
const RETRY: Duration = Duration::from_secs(5);

/// Notes that are written before ticks are looked at again.
const AT_ONCE: usize = 32;

impl Inner {
    /// Takes up the schedules of the configuration, and those that the broker remembers.
    pub(super) fn load(&self, configured: Vec<Schedule>) -> Result<(), ScheduleError> {
        let mut notes = self.keeper.0.lock();
        let mut remembered = self.remembered(&mut notes)?;
        let (wall, now) = (self.clock.timestamp(), self.clock.now());
        let mut book = self.book.lock();
        let max = book.max_payload;
        for schedule in configured {
            book.has_room(&schedule.name)?;
            let name = schedule.name.clone();
            let mut entry = Entry::new(schedule, Origin::Config, wall, max)?;
            if let Some(note) = remembered.remove(&name) {
                entry.restore(&note, &mut book.watches, wall, now);
            }
            book.entries.insert(name, entry);
        }
        let (forgotten, own): (Vec<_>, Vec<_>) =
            remembered.into_iter().partition(|(_, note)| note.origin == Origin::Config);
        let mut events = Vec::new();
        for (name, note) in own {
            let room = book.has_room(&name);
            match room.and_then(|()| Entry::new(note.schedule.clone(), Origin::Runtime, wall, max)) {
                Ok(mut entry) => {
                    entry.restore(&note, &mut book.watches, wall, now);
                    entry.is_dirty = false;
                    book.entries.insert(name, entry);
                }
                Err(error) => {
                    let told = format!("{name} is remembered, and does not fire");
                    events.push(remark(told, error.to_string()));
                }
            }
        }
        drop(book);
        for (name, _) in forgotten {
            let result = put(self, &mut notes, name.as_str(), None);
            let inputs = result.err().map_or_else(String::new, |error| error.to_string());
            events.push(remark(format!("{name} is not in the configuration any more: forgotten"), inputs));
        }
        for event in events {
            (self.events)(event);
        }
        Ok(())
    }

    /// What the broker remembers. What cannot be read is said, and left alone.
    fn remembered(&self, notes: &mut Notes) -> Result<BTreeMap<Name, Record>, ScheduleError> {
        let all = match self.outlet.notes() {
            Ok(all) => all,
            Err(BrokerError::Unsupported(_)) => {
                unsupported(self, notes);
                Vec::new()
            }
            Err(error) => return Err(ScheduleError::NotKept(error)),
        };
        let mut remembered = BTreeMap::new();
        for (name, note) in all.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            match Record::read(name, note) {
                Ok(record) => drop(remembered.insert(record.schedule.name.clone(), record)),
                Err(why) => {
                    (self.events)(remark(format!("the note {name} cannot be read, and is left alone"), why));
                }
            }
        }
        Ok(remembered)
    }

    pub(super) fn add(&self, schedule: Schedule) -> Result<(), ScheduleError> {
        let mut notes = self.keeper.0.lock();
        if self.life.lock().ending {
            return Err(ScheduleError::Stopped);
        }
        let (wall, now) = (self.clock.timestamp(), self.clock.now());
        let max = self.book.lock().max_payload;
        self.book.lock().has_room(&schedule.name)?;
        // Not under the lock: to find out that something never fires takes a while.
        let mut entry = Entry::new(schedule, Origin::Runtime, wall, max)?;
        let note = entry.record(&self.book.lock().watches, now).write();
        let name = entry.schedule.name.clone();
        put(self, &mut notes, name.as_str(), Some(&note)).map_err(ScheduleError::NotKept)?;
        entry.is_dirty = false;
        self.book.lock().entries.insert(name, entry);
        self.bell.ring();
        Ok(())
    }

    pub(super) fn cancel(&self, name: &str) -> Result<(), ScheduleError> {
        let mut notes = self.keeper.0.lock();
        self.book.lock().entry(name)?;
        put(self, &mut notes, name, None).map_err(ScheduleError::NotKept)?;
        let mut book = self.book.lock();
        book.entries.remove(name);
        book.watches.forget(name);
        Ok(())
    }

    pub(super) fn set_paused(&self, name: &str, paused: bool) -> Result<(), ScheduleError> {
        let mut notes = self.keeper.0.lock();
        let (wall, now) = (self.clock.timestamp(), self.clock.now());
        let note = {
            let mut book = self.book.lock();
            let mut entry = book.entry(name)?.clone();
            if entry.paused == paused {
                return Ok(());
            }
            entry.set_paused(paused, wall);
            entry.record(&book.watches, now).write()
        };
        put(self, &mut notes, name, Some(&note)).map_err(ScheduleError::NotKept)?;
        self.book.lock().entry(name)?.set_paused(paused, wall);
        self.bell.ring();
        Ok(())
    }

    /// Writes the notes that want to be written, a few of them; all of them at the end.
    pub(super) fn write_notes(&self, all: bool) {
        let now = self.clock.now();
        let names: Vec<Name> = {
            let book = self.book.lock();
            if now < book.notes_after && !all {
                return;
            }
            let wants = book
                .entries
                .values()
                .filter(|entry| if all { entry.is_dirty } else { entry.wants_note(now) });
            let most = if all { usize::MAX } else { AT_ONCE };
            wants.take(most).map(|entry| entry.schedule.name.clone()).collect()
        };
        for name in names {
            let mut notes = self.keeper.0.lock();
            let note = {
                let mut guard = self.book.lock();
                let book = &mut *guard;
                // It may have been cancelled meanwhile.
                let Some(entry) = book.entries.get_mut(&name) else { continue };
                entry.noted(now);
                entry.record(&book.watches, now).write()
            };
            if let Err(error) = put(self, &mut notes, name.as_str(), Some(&note)) {
                let mut book = self.book.lock();
                book.notes_after = now.after(RETRY);
                if let Ok(entry) = book.entry(name.as_str()) {
                    entry.is_dirty = true;
                    entry.error = Some(format!("what was published is not written down: {error}"));
                }
                // The others would wait for the same.
                return;
            }
        }
    }
}

/// Keeps or forgets the note about a schedule. A broker that keeps none is nobody's fault.
fn put(inner: &Inner, notes: &mut Notes, name: &str, note: Option<&[u8]>) -> Result<(), BrokerError> {
    if notes.unsupported {
        return Ok(());
    }
    match inner.outlet.put_note(&note_name(name), note) {
        Err(BrokerError::Unsupported(_)) => {
            unsupported(inner, notes);
            Ok(())
        }
        result => result,
    }
}

/// Says so, once.
fn unsupported(inner: &Inner, notes: &mut Notes) {
    if !std::mem::replace(&mut notes.unsupported, true) {
        let told = "schedules do not survive a restart: the broker keeps no notes".to_owned();
        (inner.events)(remark(told, String::new()));
    }
}

fn remark(decision: String, inputs: String) -> Event {
    Event { domain: None, rule: "schedule", decision, inputs }
}
