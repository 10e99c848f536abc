//! What things are called on the server.

use crate::kanban::item::Lane;

/// All items.
pub(super) const ITEMS: &str = "kanban.>";

/// All dead letters.
pub(super) const LETTERS: &str = "kanban-dlq.>";

/// All notes.
pub(super) const NOTES: &str = "kanban-notes.>";

/// How often items failed and were given back.
pub(super) const TALLIES: &str = "kanban-counts.>";

/// The consumer that all processes share for this lane.
pub(super) fn consumer(lane: &Lane) -> String {
    format!("kb_{}_{}", lane.priority, lane.domain)
}

/// Where dead letters of this lane go.
pub(super) fn letter(lane: &Lane) -> String {
    format!("kanban-dlq.{}.{}", lane.priority, lane.domain)
}

/// Of the item of this sequence.
pub(super) fn tally(sequence: u64) -> String {
    format!("kanban-counts.{sequence}")
}

pub(super) fn note(name: &str) -> String {
    format!("kanban-notes.{name}")
}

/// The lane of a subject of items.
pub(super) fn lane_of(subject: &str) -> Option<Lane> {
    let mut words = subject.split('.');
    let (_, priority, domain) = (words.next()?, words.next()?, words.next()?);
    let lane =
        Lane { priority: priority.parse().ok()?, domain: crate::kanban::name::Name::new(domain).ok()? };
    words.next().is_none().then_some(lane)
}
