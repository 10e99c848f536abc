//! The law of one schedule: which of its ticks are published.

use super::batch::Batch;
use super::covered::Covered;
use super::schedule::{Misfire, Overlap, Schedule};
use super::slow;
use super::ticks::{Due, Ticks};
use crate::time::{Moment, Timestamp};

/// A tick that comes so late was missed; one that comes earlier is merely late.
const LATE: std::time::Duration = std::time::Duration::from_secs(10);

/// Where a schedule stands.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) covered: Covered,
    /// The next tick, if there is one, and the time at which that was found out.
    next: Option<(Option<Timestamp>, Timestamp)>,
    /// Ticks since the last that was published.
    since_published: u32,
    /// Of how many ticks one is published.
    pub(super) slowed: u32,
    pub(super) batch: Option<Batch>,
}

/// What the law looks at when a tick has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// What calendars show.
    pub(super) now: Timestamp,
    /// How many items of its lane could be pulled, if that is known.
    pub(super) ready: Option<u64>,
    pub(super) slow_above: u64,
    /// Whether items of its last tick are not finished.
    pub(super) unfinished: bool,
}

/// What becomes of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Published,
    /// It was missed, and missed ticks are left out.
    Missed,
    /// The queue is deep.
    Slowed,
    /// The one before is not finished.
    Unfinished,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) tick: Timestamp,
    pub(super) fate: Fate,
    /// Ticks before it that were missed.
    pub(super) missed: u64,
    /// The tick before it was not published to its end, and will not be: whether it waited for its canary.
    pub(super) gave_up: Option<bool>,
    /// What it was slowed to before, if that has changed.
    pub(super) slowed_from: Option<u32>,
}

impl Course {
    pub(super) fn new(covered: Covered) -> Self {
        Self { covered, next: None, since_published: 0, slowed: 1, batch: None }
    }

    /// The next tick: `None` if there is none, or if it has to be looked for.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next.and_then(|(next, _)| next)
    }

    /// Whether there may be a tick to decide about: the next has come, or the clock was set back, and nobody knows.
    pub(super) fn may_be_due(&self, now: Timestamp) -> bool {
        self.next.is_none_or(|(next, asked)| now < asked || next.is_some_and(|next| next <= now))
    }

    /// What passed is of no interest any more.
    pub(super) fn skip_to(&mut self, now: Timestamp) {
        self.covered.skip_to(now);
        self.next = None;
    }

    /// The tick that has come, if there is one; else remembers which is next.
    pub(super) fn look(&mut self, ticks: &Ticks, now: Timestamp) -> Option<Due> {
        let due = ticks.due(self.covered.reach(now), now);
        if due.is_none() {
            let mut next = ticks.next(self.covered.end_at(now));
            while let Some(dealt_with) = next.filter(|next| self.covered.contains(*next)) {
                next = ticks.next(self.covered.end_at(dealt_with));
            }
            self.next = Some((next, now));
        }
        due
    }

    /// Decides about the tick that has come, of which nothing is heard again: whatever is decided, it was dealt with.
    pub(super) fn decide(&mut self, schedule: &Schedule, due: Due, seen: &Seen) -> Decision {
        let Due { tick, missed, is_next } = due;
        self.covered.cover(tick, is_next);
        self.next = None;
        self.since_published = self.since_published.saturating_add(1);
        let before = self.slowed;
        if let Some(ready) = seen.ready {
            self.slowed = slow::factor(ready, seen.slow_above);
        }
        let fate = self.fate(schedule, tick, seen);
        let mut gave_up = None;
        if fate == Fate::Published {
            self.since_published = 0;
            gave_up = self.batch.replace(Batch::new(tick, schedule.batch, schedule.canary));
        }
        let gave_up = gave_up.map(|batch| !batch.is_failing() && batch.waits_for_canary());
        Decision { tick, fate, missed, gave_up, slowed_from: (before != self.slowed).then_some(before) }
    }

    fn fate(&self, schedule: &Schedule, tick: Timestamp, seen: &Seen) -> Fate {
        // What does not get out does not keep the next from being tried; what is getting out, does.
        let goes_on = self.batch.as_ref().is_some_and(|batch| batch.next().is_some() && !batch.is_failing());
        if schedule.misfire == Misfire::Skip && seen.now.since(tick) > LATE {
            Fate::Missed
        } else if self.since_published < self.slowed {
            Fate::Slowed
        } else if schedule.overlap == Overlap::Skip && (seen.unfinished || goes_on) {
            Fate::Unfinished
        } else {
            Fate::Published
        }
    }

    /// When its batch wants to be looked at.
    pub(super) fn batch_due(&self) -> Option<Moment> {
        self.batch.as_ref().and_then(Batch::next)
    }
}
