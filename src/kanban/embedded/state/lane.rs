//! One lane: what is ready in it, the oldest first, and who is told of arrivals.

use std::collections::{BTreeSet, VecDeque};

use crate::kanban::broker::Arrivals;

/// Consumers of one lane that are told; of more than so many the oldest find out by asking.
const LISTENERS: usize = 64;

/// The queue of a lane. Items are known by their numbers, which rise with their age.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Those that never left, in their order.
    fresh: VecDeque<u64>,
    /// Those that came back: a delay or a lease has ended.
    returned: BTreeSet<u64>,
    /// How many there are of each kind.
    pub(super) ready: u64,
    pub(super) delayed: u64,
    pub(super) unsettled: u64,
    /// Somebody got less than was wanted, and has not been told since.
    hungry: bool,
    listeners: Vec<Arrivals>,
}

impl Queue {
    /// A new item: it is younger than all others.
    pub(super) fn push_new(&mut self, number: u64) {
        self.fresh.push_back(number);
    }

    /// An item that was here before takes its old turn again.
    pub(super) fn push_returned(&mut self, number: u64) {
        self.returned.insert(number);
    }

    /// An item does not wait here any more. One that never left is only struck out when its turn comes.
    pub(super) fn strike(&mut self, number: u64) {
        self.returned.remove(&number);
    }

    /// The oldest, without taking it; `waits` tells whether a number is still one that waits here.
    pub(super) fn oldest(&mut self, waits: impl Fn(u64) -> bool) -> Option<u64> {
        while self.fresh.front().is_some_and(|&number| !waits(number)) {
            self.fresh.pop_front();
        }
        match (self.fresh.front(), self.returned.first()) {
            (Some(&fresh), Some(&returned)) => Some(fresh.min(returned)),
            (fresh, returned) => fresh.or(returned).copied(),
        }
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self, waits: impl Fn(u64) -> bool) -> Option<u64> {
        let oldest = self.oldest(waits)?;
        if self.fresh.front() == Some(&oldest) {
            self.fresh.pop_front();
        } else {
            self.returned.remove(&oldest);
        }
        Some(oldest)
    }

    /// Somebody wants to be told of arrivals, from the next one on.
    pub(super) fn listen(&mut self, arrivals: Arrivals) {
        if self.listeners.len() == LISTENERS {
            self.listeners.remove(0);
        }
        self.listeners.push(arrivals);
        self.hungry = true;
    }

    /// Somebody got less than was wanted.
    pub(super) fn hunger(&mut self) {
        self.hungry = true;
    }

    /// Something is ready: who is to be told now.
    #[inline]
    pub(super) fn feed(&mut self, rings: &mut Vec<Arrivals>) {
        if std::mem::take(&mut self.hungry) {
            rings.extend(self.listeners.iter().cloned());
        }
    }
}
