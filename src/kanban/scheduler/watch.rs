//! What became of the items that were published: which are not finished, and how the canaries fare.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id;
use crate::kanban::name::{ItemId, Name};
use crate::time::{Moment, Timestamp};

/// Who was not heard of for so long is taken for finished: it may have run in another process.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(3600);

/// How the canary of a schedule's last published tick fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// There is none.
    #[default]
    None,
    /// It is not finished.
    Waiting,
    /// It succeeded: the other items of its tick went out.
    Succeeded,
    /// It is among the dead letters: the others were left out.
    Failed,
}

/// The items of the last published tick of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    domain: Name,
    pub(super) tick: Timestamp,
    /// The numbers of those that are not finished.
    open: BTreeSet<u32>,
    pub(super) canary: Canary,
    since: Moment,
}

/// All of them, by schedule.
#[derive(Debug, Default)]
pub(super) struct Watches(BTreeMap<Name, Watch>);

impl Watches {
    /// A tick is about to be published; the one before is of no interest any more.
    pub(super) fn begin(
        &mut self,
        schedule: &Name,
        domain: &Name,
        tick: Timestamp,
        canary: bool,
        now: Moment,
    ) {
        let canary = if canary { Canary::Waiting } else { Canary::None };
        let watch = Watch { domain: domain.clone(), tick, open: BTreeSet::new(), canary, since: now };
        self.0.insert(schedule.clone(), watch);
    }

    /// These items are about to be published: said before they are, since one may be finished before its publication is known.
    pub(super) fn extend(&mut self, schedule: &str, numbers: impl Iterator<Item = u32>) {
        if let Some(watch) = self.0.get_mut(schedule) {
            watch.open.extend(numbers);
        }
    }

    /// These were not published after all.
    pub(super) fn withdraw(&mut self, schedule: &str, numbers: impl Iterator<Item = u32>) {
        if let Some(watch) = self.0.get_mut(schedule) {
            for number in numbers {
                watch.open.remove(&number);
            }
        }
    }

    /// Nothing of it waits or runs anywhere.
    pub(super) fn all_finished(&mut self, schedule: &str) {
        if let Some(watch) = self.0.get_mut(schedule) {
            watch.open.clear();
        }
    }

    pub(super) fn forget(&mut self, schedule: &str) {
        self.0.remove(schedule);
    }

    /// An item ended. If it was watched: of which schedule, and whether something follows from it.
    pub(super) fn finished<'a>(&mut self, id: &'a ItemId, success: bool) -> Option<(&'a str, bool)> {
        let (schedule, tick, number) = id::read(id.as_str())?;
        let watch = self.0.get_mut(schedule).filter(|watch| watch.tick == tick)?;
        let was_open = watch.open.remove(&number);
        let decides = number == 0 && watch.canary == Canary::Waiting;
        if decides {
            watch.canary = if success { Canary::Succeeded } else { Canary::Failed };
        }
        (decides || was_open).then_some((schedule, decides || watch.open.is_empty()))
    }

    /// The numbers of the items of its last tick that are not finished, as far as is known.
    pub(super) fn unfinished(&self, schedule: &str, now: Moment) -> impl Iterator<Item = u32> + '_ {
        let fresh = |watch: &&Watch| now.since(watch.since) < FORGOTTEN;
        self.0.get(schedule).filter(fresh).into_iter().flat_map(|watch| watch.open.iter().copied())
    }

    /// Whether there are such.
    pub(super) fn is_unfinished(&self, schedule: &str, now: Moment) -> bool {
        self.unfinished(schedule, now).next().is_some()
    }

    /// How the canary of this tick fares; `None` if it was not heard of for too long, or is not known.
    pub(super) fn canary_of(&self, schedule: &str, tick: Timestamp, now: Moment) -> Canary {
        let Some(watch) = self.0.get(schedule).filter(|watch| watch.tick == tick) else {
            return Canary::None;
        };
        let lost = watch.canary == Canary::Waiting && now.since(watch.since) >= FORGOTTEN;
        if lost { Canary::None } else { watch.canary }
    }

    pub(super) fn canary(&self, schedule: &str) -> Canary {
        self.0.get(schedule).map_or(Canary::None, |watch| watch.canary)
    }

    /// Whether a canary of this domain has not succeeded, and the pool must not grow.
    pub(super) fn holds(&self, domain: &str, now: Moment) -> bool {
        let doubtful = |watch: &Watch| matches!(watch.canary, Canary::Waiting | Canary::Failed);
        let fresh = |watch: &Watch| now.since(watch.since) < FORGOTTEN;
        self.0.values().any(|watch| watch.domain.as_str() == domain && doubtful(watch) && fresh(watch))
    }
}
