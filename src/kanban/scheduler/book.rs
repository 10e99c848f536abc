//! The book of all schedules: the laws, applied to each of them. No clock, no thread, no broker.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::batch::Batch;
use super::course::{Decision, Fate, Seen};
use super::entry::Entry;
use super::error::{MOST, ScheduleError};
use super::id;
use super::schedule::Overlap;
use super::ticks::Due;
use super::watch::{Canary, Watches};
use crate::kanban::broker::{Depth, PublishError, Stored};
use crate::kanban::event::Event;
use crate::kanban::item::{Item, ItemError, Lane};
use crate::kanban::name::{ItemId, Name};
use crate::time::{Moment, Timestamp};

/// Items that are published at once: in all, of one schedule, and by their bytes.
const AT_ONCE: (usize, usize, usize) = (1000, 100, 16 << 20);

/// The clock of calendars may be set at any time, and nobody is told: it is looked at so often.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Book {
    pub(super) entries: BTreeMap<Name, Entry>,
    pub(super) watches: Watches,
    pub(super) max_payload: usize,
    pub(super) slow_above: u64,
    /// Whose items went out last: the next begins after it.
    turn: Option<Name>,
    /// Notes are not written before, since one could not be.
    pub(super) notes_after: Moment,
}

/// An item to publish, or why it is none.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) schedule: Name,
    pub(super) tick: Timestamp,
    pub(super) number: u32,
}

impl Book {
    pub(super) fn new(max_payload: usize, slow_above: u64) -> Self {
        let (entries, watches) = (BTreeMap::new(), Watches::default());
        Self { entries, watches, max_payload, slow_above, turn: None, notes_after: Moment::default() }
    }

    pub(super) fn entry(&mut self, name: &str) -> Result<&mut Entry, ScheduleError> {
        let unknown = || ScheduleError::Unknown(name.chars().take(100).collect());
        self.entries.get_mut(name).ok_or_else(unknown)
    }

    /// Whether there is room for another of this name.
    pub(super) fn has_room(&self, name: &Name) -> Result<(), ScheduleError> {
        if self.entries.contains_key(name) {
            return Err(ScheduleError::Exists(name.clone()));
        }
        if self.entries.len() < MOST { Ok(()) } else { Err(ScheduleError::TooMany) }
    }

    /// Those that may have a tick to decide about.
    pub(super) fn may_be_due(&self, wall: Timestamp) -> Vec<Name> {
        let due = |entry: &&Entry| entry.fires() && entry.course.may_be_due(wall);
        self.entries.values().filter(due).map(|entry| entry.schedule.name.clone()).collect()
    }

    /// The tick that has come, and the lane it goes to.
    pub(super) fn look(&mut self, name: &str, wall: Timestamp) -> Option<(Due, Lane)> {
        let entry = self.entries.get_mut(name).filter(|entry| entry.fires())?;
        let due = entry.look(wall)?;
        Some((due, entry.lane()))
    }

    /// Decides about a tick that has come.
    pub(super) fn decide(
        &mut self,
        name: &str,
        depth: Option<Depth>,
        wall: Timestamp,
        now: Moment,
    ) -> Option<Event> {
        // Asked again: it may have been paused meanwhile.
        let (due, _) = self.look(name, wall)?;
        if depth
            .is_some_and(|Depth { ready, delayed, unsettled, .. }| (ready, delayed, unsettled) == (0, 0, 0))
        {
            self.watches.all_finished(name);
        }
        let unfinished = self.watches.is_unfinished(name, now);
        let ready = depth.map(|depth| depth.ready);
        let seen = Seen { now: wall, ready, slow_above: self.slow_above, unfinished };
        let entry = self.entries.get_mut(name)?;
        let decision = entry.course.decide(&entry.schedule, due, &seen);
        entry.note_decision(&decision);
        if decision.fate == Fate::Published {
            let schedule = &entry.schedule;
            self.watches.begin(&schedule.name, &schedule.domain, decision.tick, schedule.canary, now);
        }
        told(entry, &decision, ready)
    }

    /// Publishes a tick of its own, now.
    pub(super) fn run_now(
        &mut self,
        name: &str,
        wall: Timestamp,
        now: Moment,
    ) -> Result<ItemId, ScheduleError> {
        let unfinished = self.watches.is_unfinished(name, now);
        let entry = self.entry(name)?;
        let schedule = &entry.schedule;
        if entry.course.batch.is_some() || unfinished && schedule.overlap == Overlap::Skip {
            return Err(ScheduleError::Busy(schedule.name.clone()));
        }
        let id = ItemId::new(&id::write(name, wall, 0)).map_err(|error| ScheduleError::Item(error.into()))?;
        let (name, domain, canary) = (schedule.name.clone(), schedule.domain.clone(), schedule.canary);
        entry.course.batch = Some(Batch::new(wall, schedule.batch, canary));
        self.watches.begin(&name, &domain, wall, canary, now);
        Ok(id)
    }

    /// Does what follows from what became of canaries.
    pub(super) fn judge_canaries(&mut self, now: Moment) -> Vec<Event> {
        let mut events = Vec::new();
        for (name, entry) in &mut self.entries {
            let waits = |batch: &&mut Batch| batch.waits_for_canary() && batch.next().is_none();
            let Some(batch) = entry.course.batch.as_mut().filter(waits) else { continue };
            let why = match self.watches.canary_of(name.as_str(), batch.tick, now) {
                Canary::Waiting => continue,
                Canary::Succeeded => {
                    batch.let_out();
                    if batch.is_over() {
                        entry.course.batch = None;
                    }
                    "succeeded: its batch goes out"
                }
                Canary::Failed => entry.leave_out("failed: its batch is left out"),
                Canary::None => entry.leave_out("was not heard of: its batch is left out"),
            };
            entry.is_dirty = true;
            events.push(entry.event("schedule", format!("the canary of {name} {why}"), String::new()));
        }
        events
    }

    /// What is to be published now, from each in turn.
    pub(super) fn claim(&mut self, wall: Timestamp, now: Moment) -> Vec<(Claim, Result<Item, ItemError>)> {
        let (most, most_of_one, most_bytes) = AT_ONCE;
        let after = self.turn.take().map_or(Bound::Unbounded, Bound::Excluded);
        let (mut claims, mut bytes) = (Vec::new(), 0);
        let first = self.entries.range((after.clone(), Bound::Unbounded));
        let rest = match &after {
            Bound::Excluded(name) => {
                Some(self.entries.range((Bound::Unbounded, Bound::Included(name.clone()))))
            }
            _ => None,
        };
        'all: for (name, entry) in first.chain(rest.into_iter().flatten()) {
            let Some(batch) = &entry.course.batch else { continue };
            for number in batch.wanted(most_of_one, now) {
                if claims.len() >= most || bytes >= most_bytes {
                    break 'all;
                }
                let item = entry.item(batch.tick, number, wall, self.max_payload);
                bytes += item.as_ref().map_or(0, Item::size);
                self.watches.extend(name.as_str(), std::iter::once(number));
                claims.push((Claim { schedule: name.clone(), tick: batch.tick, number }, item));
                self.turn = Some(name.clone());
            }
        }
        claims
    }

    /// Takes note of what became of it.
    pub(super) fn published(&mut self, results: &[(Claim, Result<Stored, PublishError>)], now: Moment) {
        for of_one in results.chunk_by(|(one, _), (other, _)| one.schedule == other.schedule) {
            let Some((Claim { schedule, tick, .. }, _)) = of_one.first() else { continue };
            // It may have been cancelled meanwhile.
            let Some(entry) = self.entries.get_mut(schedule) else { continue };
            if entry.course.batch.as_ref().is_some_and(|batch| batch.tick == *tick) {
                let results = of_one.iter().map(|(claim, result)| (claim.number, result));
                entry.published(results, &mut self.watches, now);
            }
        }
    }

    /// An item ended, anybody's. Tells whether something follows from it.
    pub(super) fn finished(&mut self, id: &ItemId, success: bool) -> bool {
        let Some((schedule, follows)) = self.watches.finished(id, success) else { return false };
        if let Some(entry) = self.entries.get_mut(schedule) {
            entry.is_dirty = true;
        }
        follows
    }

    /// How long nothing is to be done, unless something happens.
    pub(super) fn rest(&self, wall: Timestamp, now: Moment) -> Duration {
        let note = |entry: &Entry| entry.note_due(now).map(|due| due.max(self.notes_after.since(now)));
        let rest = |entry: &Entry| note(entry).unwrap_or(LOOK).min(entry.rest(wall, now));
        self.entries.values().map(rest).min().map_or(LOOK, |rest| rest.min(LOOK))
    }
}

/// What people want to know of a decision.
fn told(entry: &Entry, decision: &Decision, ready: Option<u64>) -> Option<Event> {
    let name = &entry.schedule.name;
    if let Some(before) = decision.slowed_from {
        let now = entry.course.slowed;
        let told = match now {
            1 => format!("{name} is published with every tick again"),
            _ => format!("{name} is published with one tick of {now}"),
        };
        let inputs = format!("ready {}, before one of {before}", ready.unwrap_or(0));
        return Some(entry.event("slow_down", told, inputs));
    }
    let (missed, tick) = (decision.missed + u64::from(decision.fate == Fate::Missed), decision.tick);
    let made_up =
        if decision.fate == Fate::Published { "the latest is made up for" } else { "none is made up for" };
    (missed > 0).then(|| {
        entry.event(
            "schedule",
            format!("{name} missed ticks: {made_up}"),
            format!("missed {missed}, latest {tick}"),
        )
    })
}
