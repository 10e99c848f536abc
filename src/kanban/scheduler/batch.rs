//! The law of one tick's items: which go out now, which later, which not at all.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::time::{Moment, Timestamp};

/// How long after a failure the same items are tried again: doubled each time, up to the second.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A tick that is being published.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) tick: Timestamp,
    /// The numbers of the items that are to go out now.
    todo: BTreeSet<u32>,
    /// How many items the tick has, if all but the first wait for it to succeed.
    held: Option<u32>,
    failures: u32,
    /// Not before.
    retry: Moment,
}

impl Batch {
    pub(super) fn new(tick: Timestamp, size: u32, canary: bool) -> Self {
        let (todo, held) = if canary { (1, Some(size)) } else { (size, None) };
        let todo = (0..todo).collect();
        Self { tick, todo, held, failures: 0, retry: Moment::default() }
    }

    /// One whose canary has succeeded before.
    pub(super) fn behind_canary(tick: Timestamp, size: u32) -> Self {
        let mut batch = Self::new(tick, size, false);
        batch.done(0);
        batch
    }

    /// At most so many items to publish now.
    pub(super) fn wanted(&self, most: usize, now: Moment) -> impl Iterator<Item = u32> + '_ {
        let most = if now >= self.retry { most } else { 0 };
        self.todo.iter().copied().take(most)
    }

    /// When to look at it again, if there is something to do without anybody's news.
    pub(super) fn next(&self) -> Option<Moment> {
        (!self.todo.is_empty()).then_some(self.retry)
    }

    pub(super) fn waits_for_canary(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0 && !self.todo.is_empty()
    }

    /// Whether nothing of it is to go out any more.
    pub(super) fn is_over(&self) -> bool {
        self.todo.is_empty() && self.held.is_none()
    }

    /// An item is stored, or can never be.
    pub(super) fn done(&mut self, number: u32) {
        self.todo.remove(&number);
    }

    /// A publication failed, and may succeed later.
    pub(super) fn failed(&mut self, now: Moment) {
        let pause = RETRY.0.saturating_mul(1 << self.failures.min(16)).min(RETRY.1);
        self.failures = self.failures.saturating_add(1);
        self.retry = now.after(pause);
    }

    /// A publication succeeded.
    pub(super) fn recovered(&mut self) {
        self.failures = 0;
        self.retry = Moment::default();
    }

    /// The canary succeeded: the others go out.
    pub(super) fn let_out(&mut self) {
        if let Some(size) = self.held.take() {
            self.todo.extend(1..size);
        }
    }
}
