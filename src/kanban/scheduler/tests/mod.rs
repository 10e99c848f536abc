//! The laws of schedules under virtual time, and the scheduler itself on a clock moved by hand.

mod canaries;
mod clocks;
mod expressions;
mod laws;
mod service;
mod zones;

use std::collections::BTreeMap;

use super::book::Book;
use super::entry::Entry;
use super::record::Record;
use super::schedule::{Schedule, When};
use super::status::{Origin, ScheduleStatus};
use crate::kanban::broker::{BrokerError, Depth, PublishError, Stored};
use crate::kanban::event::Event;
use crate::kanban::item::Item;
use crate::kanban::name::ItemId;
use crate::time::{Moment, Timestamp};

/// Milliseconds of a date, such as `2026-03-29T01:00:00Z`.
fn at(text: &str) -> Timestamp {
    let date: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(u64::try_from(date.as_millisecond()).unwrap())
}

fn secs(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

fn every(seconds: u64) -> Schedule {
    Schedule::new("job", "mail", When::Every(secs(seconds))).unwrap()
}

/// A book, the clocks it goes by, and what it has published.
struct Simulated {
    book: Book,
    wall: Timestamp,
    now: Moment,
    depth: Option<Depth>,
    /// What publishing is answered with, instead of storing.
    failure: Option<PublishError>,
    /// Ids in the order of their publication.
    stored: Vec<String>,
    items: BTreeMap<String, Item>,
    events: Vec<Event>,
}

const MAX_PAYLOAD: usize = 1024;

impl Simulated {
    fn new(wall: Timestamp, schedules: impl IntoIterator<Item = Schedule>) -> Self {
        let mut book = Book::new(MAX_PAYLOAD, super::slow::ABOVE);
        for schedule in schedules {
            let name = schedule.name.clone();
            book.entries.insert(name, Entry::new(schedule, Origin::Config, wall, MAX_PAYLOAD).unwrap());
        }
        let (stored, items, events) = (Vec::new(), BTreeMap::new(), Vec::new());
        // Something else is in the lane, so that nothing is taken for finished.
        let depth = Some(Depth { ready: 1, ..Depth::default() });
        Self { book, wall, now: Moment::default(), depth, failure: None, stored, items, events }
    }

    /// What the thread does, at the time it is.
    fn round(&mut self) {
        for name in self.book.may_be_due(self.wall) {
            if self.book.look(name.as_str(), self.wall).is_some() {
                self.events.extend(self.book.decide(name.as_str(), self.depth, self.wall, self.now));
            }
        }
        self.events.extend(self.book.judge_canaries(self.now));
        let claims = self.book.claim(self.wall, self.now);
        let mut results = Vec::new();
        for (claim, item) in claims {
            let result = match (item, &self.failure) {
                (Err(error), _) => Err(PublishError::Invalid(error)),
                (_, Some(error)) => Err(error.clone()),
                (Ok(item), None) => Ok(self.store(item)),
            };
            results.push((claim, result));
        }
        self.book.published(&results, self.now);
        let now = self.now;
        self.book
            .entries
            .values_mut()
            .filter(|entry| entry.wants_note(now))
            .for_each(|entry| entry.noted(now));
    }

    fn store(&mut self, item: Item) -> Stored {
        let id = item.id.as_str().to_owned();
        self.stored.push(id.clone());
        if self.items.insert(id, item).is_some() { Stored::Duplicate } else { Stored::New }
    }

    /// Both clocks go on, and everything in between happens, as often as the thread would look.
    fn pass(&mut self, seconds: u64) {
        let (wall, now) = (self.wall.after(secs(seconds)), self.now.after(secs(seconds)));
        loop {
            self.round();
            let rest = self.book.rest(self.wall, self.now).max(std::time::Duration::from_millis(1));
            if self.now.after(rest) > now {
                break;
            }
            (self.wall, self.now) = (self.wall.after(rest), self.now.after(rest));
        }
        (self.wall, self.now) = (wall, now);
        self.round();
    }

    /// The clock of calendars is set, by so many milliseconds.
    fn jump(&mut self, millis: i64) {
        self.wall = Timestamp::from_millis(self.wall.as_millis().saturating_add_signed(millis));
    }

    /// The process ends and comes back so many seconds later, with what its notes said.
    fn restart(&mut self, seconds: u64) {
        let records: Vec<Record> = self
            .book
            .entries
            .values()
            .map(|entry| {
                let note = entry.record(&self.book.watches, self.now).write();
                let name = super::record::note_name(entry.schedule.name.as_str());
                Record::read(&name, &note).unwrap()
            })
            .collect();
        (self.wall, self.now) = (self.wall.after(secs(seconds)), Moment::default());
        self.book = Book::new(MAX_PAYLOAD, super::slow::ABOVE);
        for record in records {
            let mut entry =
                Entry::new(record.schedule.clone(), record.origin, self.wall, MAX_PAYLOAD).unwrap();
            entry.restore(&record, &mut self.book.watches, self.wall, self.now);
            self.book.entries.insert(record.schedule.name, entry);
        }
    }

    fn finish(&mut self, id: &str, success: bool) {
        self.book.finished(&ItemId::new(id).unwrap(), success);
    }

    /// Everything that was published and is not finished ends in success.
    fn finish_all(&mut self) {
        for id in self.items.keys().cloned().collect::<Vec<_>>() {
            self.finish(&id, true);
        }
    }

    fn status(&self) -> ScheduleStatus {
        let name = crate::kanban::name::Name::new("job").unwrap();
        self.book.entries[&name].status(&self.book.watches, self.now)
    }

    /// The ticks of what was published, as seconds since `since`.
    fn ticks_since(&self, since: Timestamp) -> Vec<u64> {
        let tick = |id: &String| super::id::read(id).unwrap().1;
        self.stored.iter().map(|id| tick(id).since(since).as_secs()).collect()
    }
}

fn unavailable() -> BrokerError {
    BrokerError::Unavailable("gone".to_owned())
}
