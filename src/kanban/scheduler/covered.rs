//! The law of what was dealt with: no tick twice, whatever the clock does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The times whose ticks were dealt with, as ranges with both ends: sorted, apart from each other.
///
/// One range would do if clocks only went forward. One that is set back an hour shows times that are in the range, and nothing is
/// published until it has left them again. One that went to another year by mistake, and comes back, must not be waited for until
/// then: so a leap that left ticks out, and is longer than a day, begins a range of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Covered(Vec<(Timestamp, Timestamp)>);

/// A leap of the clock that is longer than this may have been a mistake.
const LEAP: Duration = Duration::from_secs(24 * 3600);

/// Ranges that are remembered: so many leaps.
const MOST: usize = 16;

impl Covered {
    /// What is before `now` is of no interest.
    pub(super) fn beginning(now: Timestamp) -> Self {
        Self(vec![(now, now)])
    }

    /// As it was written down, whoever wrote it.
    pub(super) fn is_sound(&self) -> bool {
        let sorted = self.0.windows(2).all(|pair| pair[0].1 < pair[1].0);
        sorted && (1..=MOST).contains(&self.0.len()) && self.0.iter().all(|(from, to)| from <= to)
    }

    fn range_at(&self, time: Timestamp) -> Option<&(Timestamp, Timestamp)> {
        self.0.iter().find(|(from, to)| (*from..=*to).contains(&time))
    }

    pub(super) fn contains(&self, time: Timestamp) -> bool {
        self.range_at(time).is_some()
    }

    /// The end of the range that this time is in; the time itself, if it is in none.
    pub(super) fn end_at(&self, time: Timestamp) -> Timestamp {
        self.range_at(time).map_or(time, |range| range.1)
    }

    /// The latest time up to this one that was dealt with. A time before all ranges is where a new one begins.
    pub(super) fn reach(&mut self, time: Timestamp) -> Timestamp {
        if let Some((_, to)) = self.0.iter().rfind(|(from, _)| *from <= time) {
            return time.min(*to);
        }
        self.insert(0, time);
        time
    }

    /// What came before `now` is of no interest any more.
    pub(super) fn skip_to(&mut self, now: Timestamp) {
        if self.reach(now) < now {
            self.cover(now, false);
        }
    }

    /// This tick, which no range has, was dealt with, and whatever was between the range before and it. `is_next` tells whether
    /// there was nothing between.
    pub(super) fn cover(&mut self, tick: Timestamp, is_next: bool) {
        let at = self.0.partition_point(|(from, _)| *from <= tick);
        match at.checked_sub(1).map(|before| &mut self.0[before]) {
            Some((_, to)) if is_next || tick.since(*to) <= LEAP => *to = tick.max(*to),
            _ => self.insert(at, tick),
        }
    }

    fn insert(&mut self, at: usize, time: Timestamp) {
        self.0.insert(at, (time, time));
        if self.0.len() > MOST {
            // The oldest, unless that is the new one.
            self.0.remove(usize::from(at == 0));
        }
    }
}
