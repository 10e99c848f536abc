//! One schedule in the book: what it is, where it stands, and what is told of it.

use std::time::Duration;

use super::batch::Batch;
use super::course::{Course, Decision, Fate};
use super::covered::Covered;
use super::error::{LARGEST_BATCH, LONGEST_NAME, ScheduleError};
use super::id;
use super::record::Record;
use super::schedule::Schedule;
use super::status::{Origin, ScheduleStatus, Skipped};
use super::ticks::Ticks;
use super::watch::{FORGOTTEN, Watches};
use crate::kanban::broker::{PublishError, Stored};
use crate::kanban::event::Event;
use crate::kanban::item::{Item, ItemError, ItemSpec, Lane};
use crate::time::{Moment, Timestamp};

/// Header of a test item.
const CANARY: &str = "canary";

/// Notes of schedules that fire more often than this are written no more often.
const NOTE_EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) schedule: Schedule,
    ticks: Ticks,
    pub(super) origin: Origin,
    pub(super) paused: bool,
    pub(super) course: Course,
    pub(super) last: Option<Timestamp>,
    pub(super) published: u64,
    pub(super) duplicates: u64,
    pub(super) skipped: Skipped,
    pub(super) error: Option<String>,
    /// What the note says has changed.
    pub(super) is_dirty: bool,
    noted: Option<Moment>,
}

impl Entry {
    /// A new schedule, if nothing is wrong with it.
    pub(super) fn new(
        schedule: Schedule,
        origin: Origin,
        now: Timestamp,
        max_payload: usize,
    ) -> Result<Self, ScheduleError> {
        if schedule.name.as_str().len() > LONGEST_NAME {
            return Err(ScheduleError::NameTooLong(schedule.name));
        }
        if !(1..=LARGEST_BATCH).contains(&schedule.batch) {
            return Err(ScheduleError::Batch(schedule.batch));
        }
        let ticks = Ticks::new(&schedule.when, now)?;
        build(&schedule, now, 0, now, max_payload)?;
        Ok(Self {
            schedule,
            ticks,
            origin,
            paused: false,
            course: Course::new(Covered::beginning(now)),
            last: None,
            published: 0,
            duplicates: 0,
            skipped: Skipped::default(),
            error: None,
            is_dirty: true,
            noted: None,
        })
    }

    /// Goes on where the note says it was.
    pub(super) fn restore(&mut self, note: &Record, watches: &mut Watches, wall: Timestamp, now: Moment) {
        self.paused = note.paused;
        self.last = note.last;
        self.course = Course::new(note.covered.clone());
        // Ticks that passed while it did not fire, or which it did not have then, were not missed.
        if note.paused || !note.schedule.enabled || note.schedule.when != self.schedule.when {
            self.course.skip_to(wall);
        }
        let Schedule { name, domain, canary, batch, .. } = &self.schedule;
        let tick = note.begun.or(note.last.filter(|_| !note.unfinished.is_empty()));
        let Some(tick) = tick.filter(|tick| wall.since(*tick) < FORGOTTEN) else { return };
        watches.begin(name, domain, tick, *canary && !note.is_out, now);
        watches.extend(name.as_str(), note.unfinished.iter().copied());
        if note.begun.is_some() {
            let behind = *canary && note.is_out;
            let batch =
                if behind { Batch::behind_canary(tick, *batch) } else { Batch::new(tick, *batch, *canary) };
            self.course.batch = Some(batch).filter(|batch| !batch.is_over());
        }
    }

    pub(super) fn lane(&self) -> Lane {
        Lane { priority: self.schedule.priority, domain: self.schedule.domain.clone() }
    }

    pub(super) fn fires(&self) -> bool {
        self.schedule.enabled && !self.paused
    }

    pub(super) fn set_paused(&mut self, paused: bool, wall: Timestamp) {
        self.paused = paused;
        if !paused {
            self.course.skip_to(wall);
        }
    }

    /// The tick that has come, if there is one.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<super::ticks::Due> {
        self.course.look(&self.ticks, now)
    }

    /// Takes a decision to the records.
    pub(super) fn note_decision(&mut self, decision: &Decision) {
        self.is_dirty = true;
        self.skipped.missed += decision.missed;
        match decision.gave_up {
            Some(true) => self.skipped.canary += 1,
            Some(false) => self.skipped.unpublished += 1,
            None => {}
        }
        match decision.fate {
            Fate::Published => {}
            Fate::Missed => self.skipped.missed += 1,
            Fate::Slowed => self.skipped.slowed += 1,
            Fate::Unfinished => self.skipped.unfinished += 1,
        }
    }

    /// Gives up the items that waited for a canary.
    pub(super) fn leave_out(&mut self, why: &'static str) -> &'static str {
        self.course.batch = None;
        self.skipped.canary += 1;
        why
    }

    /// Takes note of what became of items of its batch.
    pub(super) fn published<'a>(
        &mut self,
        results: impl Iterator<Item = (u32, &'a Result<Stored, PublishError>)>,
        watches: &mut Watches,
        now: Moment,
    ) {
        let Some(batch) = &mut self.course.batch else { return };
        let name = self.schedule.name.as_str();
        let (mut failed, mut refused) = (None, false);
        for (number, result) in results {
            match result {
                Ok(stored) => {
                    batch.done(number);
                    self.published += 1;
                    self.duplicates += u64::from(*stored == Stored::Duplicate);
                    self.last = Some(batch.tick);
                }
                Err(error) => {
                    if !matches!(error, PublishError::Unknown(_)) {
                        watches.withdraw(name, std::iter::once(number));
                    }
                    if !error.is_temporary() {
                        batch.done(number);
                        refused = true;
                    }
                    failed = Some(error.to_string());
                }
            }
        }
        match (&failed, refused) {
            (Some(_), false) => batch.failed(now),
            _ => batch.recovered(),
        }
        let over = batch.is_over() || refused && batch.next().is_none();
        if refused && over {
            self.skipped.unpublished += 1;
        }
        self.error = failed;
        if over {
            self.course.batch = None;
            self.is_dirty = true;
        }
    }

    /// How long nothing is to be done about it.
    pub(super) fn rest(&self, wall: Timestamp, now: Moment) -> Duration {
        let tick = match self.course.next() {
            _ if !self.fires() => None,
            _ if self.course.may_be_due(wall) => Some(Duration::ZERO),
            next => next.map(|next| next.since(wall)),
        };
        let batch = self.course.batch_due().map(|due| due.since(now));
        [tick, batch].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    pub(super) fn item(
        &self,
        tick: Timestamp,
        number: u32,
        now: Timestamp,
        max: usize,
    ) -> Result<Item, ItemError> {
        build(&self.schedule, tick, number, now, max)
    }

    pub(super) fn event(&self, rule: &'static str, decision: String, inputs: String) -> Event {
        Event { domain: Some(self.schedule.domain.clone()), rule, decision, inputs }
    }

    pub(super) fn status(&self, watches: &Watches, now: Moment) -> ScheduleStatus {
        let name = self.schedule.name.as_str();
        ScheduleStatus {
            schedule: self.schedule.clone(),
            origin: self.origin,
            paused: self.paused,
            next: self.course.next().filter(|_| self.fires()),
            last: self.last,
            published: self.published,
            duplicates: self.duplicates,
            skipped: self.skipped,
            slowed: self.course.slowed,
            canary: watches.canary(name),
            unfinished: self.course.batch.is_some() || watches.is_unfinished(name, now),
            error: self.error.clone(),
        }
    }

    pub(super) fn record(&self, watches: &Watches, now: Moment) -> Record {
        Record {
            schedule: self.schedule.clone(),
            origin: self.origin,
            paused: self.paused,
            covered: self.course.covered.clone(),
            last: self.last,
            begun: self.course.batch.as_ref().map(|batch| batch.tick),
            is_out: !self.course.batch.as_ref().is_some_and(Batch::waits_for_canary),
            unfinished: watches.unfinished(self.schedule.name.as_str(), now).collect(),
        }
    }

    /// Whether its note is to be written now: rarely, for those that fire often.
    pub(super) fn wants_note(&self, now: Moment) -> bool {
        self.is_dirty && self.noted.is_none_or(|noted| now.since(noted) >= NOTE_EVERY)
    }

    /// How long until its note is to be written.
    pub(super) fn note_due(&self, now: Moment) -> Option<Duration> {
        let due = self.noted.map_or(now, |noted| noted.after(NOTE_EVERY));
        self.is_dirty.then(|| due.since(now))
    }

    /// Its note is being written; if that fails, it is dirty again.
    pub(super) fn noted(&mut self, now: Moment) {
        self.is_dirty = false;
        self.noted = Some(now);
    }
}

fn build(
    schedule: &Schedule,
    tick: Timestamp,
    number: u32,
    now: Timestamp,
    max_payload: usize,
) -> Result<Item, ItemError> {
    let mut spec = ItemSpec::new(schedule.domain.as_str())
        .priority(schedule.priority)
        .id(id::write(schedule.name.as_str(), tick, number))
        .payload(schedule.payload.clone());
    if let Some(key) = &schedule.key {
        spec = spec.key(key.clone());
    }
    for (name, value) in &schedule.headers {
        spec = spec.header(name, value);
    }
    if schedule.canary && number == 0 {
        spec = spec.header(CANARY, "true");
    }
    if let Some(deadline) = schedule.deadline {
        spec = spec.deadline(tick.after(deadline));
    }
    spec.build(now, max_payload)
}
