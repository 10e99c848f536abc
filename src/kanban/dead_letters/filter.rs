//! Which dead letters are meant.

use std::time::Duration;

use crate::kanban::broker::DeadLetter;
use crate::kanban::name::Name;
use crate::time::Timestamp;

/// Which dead letters are meant: those that all of it fits. The default means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of this domain.
    pub domain: Option<Name>,
    /// Of this reason: `permanent`, `attempts`, `expired`, `poison`, `undecodable`.
    pub reason: Option<String>,
    /// Dead for at least so long.
    pub older_than: Option<Duration>,
    /// Dead for less than this.
    pub younger_than: Option<Duration>,
    /// With this text in the last error.
    pub error: Option<String>,
    /// Of this id, now or before the item was replayed.
    pub id: Option<String>,
    /// Of a number above this: where to go on.
    pub after: u64,
    /// Of a number up to this one: those of now only, if it is [`DeadLetters::last`](super::DeadLetters::last).
    pub up_to: Option<u64>,
}

impl DeadLetterFilter {
    pub(super) fn lets_through(&self, letter: &DeadLetter, now: Timestamp) -> bool {
        let Self { domain, reason, older_than, younger_than, error, id, after, up_to } = self;
        let (item, dead_for) = (&letter.item, now.since(letter.at));
        letter.serial > *after
            && up_to.is_none_or(|last| letter.serial <= last)
            && domain.as_ref().is_none_or(|domain| *domain == item.lane.domain)
            && reason.as_ref().is_none_or(|reason| *reason == letter.reason)
            && older_than.is_none_or(|long| dead_for >= long)
            && younger_than.is_none_or(|long| dead_for < long)
            && error.as_ref().is_none_or(|text| letter.error.contains(text.as_str()))
            && id.as_ref().is_none_or(|id| id == item.id.as_str() || id == item.original_id())
    }
}
