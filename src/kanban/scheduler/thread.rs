//! The life of the scheduler's thread: a round, a sleep until the next tick, and a new beginning if a round panics.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::error::ScheduleError;
use crate::kanban::broker::{BrokerError, Depth, PublishError};
use crate::kanban::event::Event;
use crate::kanban::item::Lane;
use crate::thread::{Managed, panic_message};
use crate::time::Deadline;

/// How long a thread that died stays down: doubled each time, up to the second figure, in real time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// After so many good rounds, earlier deaths are forgotten.
const FORGIVEN: u64 = 100;

#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) ending: bool,
    thread: Option<Managed>,
    rounds: u64,
}

pub(super) fn start(inner: &Arc<Inner>) -> Result<(), ScheduleError> {
    let own = inner.clone();
    let thread = Managed::spawn(super::Scheduler::THREAD.to_owned(), move || supervise(&own));
    inner.life.lock().thread = Some(thread.map_err(|error| ScheduleError::Thread(error.to_string()))?);
    Ok(())
}

pub(super) fn stop(inner: &Inner, deadline: &Deadline) -> bool {
    let thread = {
        let mut life = inner.life.lock();
        life.ending = true;
        life.thread.take()
    };
    inner.bell.ring();
    match thread.map(|thread| thread.join_until(deadline)) {
        Some(Err(thread)) => {
            inner.life.lock().thread = Some(thread);
            false
        }
        _ => true,
    }
}

/// Runs the rounds until the end, whatever happens in them.
fn supervise(inner: &Inner) {
    let mut backoff = BACKOFF.0;
    loop {
        let before = inner.life.lock().rounds;
        let Err(payload) = catch_unwind(AssertUnwindSafe(|| rounds_until_the_end(inner))) else { return };
        if inner.life.lock().rounds - before >= FORGIVEN {
            backoff = BACKOFF.0;
        }
        let why = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
        // Its drop may panic as well.
        std::mem::forget(payload);
        let decision = format!("the scheduler's thread died and starts again in {backoff:?}");
        let event = Event { domain: None, rule: "schedule", decision, inputs: format!("panic: {why}") };
        // Whoever is told may be what panicked.
        let _ = catch_unwind(AssertUnwindSafe(|| (inner.events)(event)));
        let rested = Deadline::after(backoff);
        while !rested.passed() && !inner.life.lock().ending {
            inner.bell.listen(rested.left());
        }
        backoff = (backoff * 2).min(BACKOFF.1);
    }
}

fn rounds_until_the_end(inner: &Inner) {
    while !inner.life.lock().ending {
        inner.round();
        inner.life.lock().rounds += 1;
        let (wall, now) = (inner.clock.timestamp(), inner.clock.now());
        let rest = inner.book.lock().rest(wall, now);
        if !rest.is_zero() {
            inner.bell.listen(inner.clock.real_time_until(now.after(rest)));
        }
    }
    inner.write_notes(true);
}

impl Inner {
    /// Decides about the ticks that have come, publishes some of what is to be published, and writes down what has happened. No
    /// lock is held while the broker is asked, and the book never for more than one schedule's decision.
    pub(super) fn round(&self) {
        let mut depths = Depths::default();
        let wall = self.clock.timestamp();
        let due = self.book.lock().may_be_due(wall);
        for name in due {
            let Some((_, lane)) = self.book.lock().look(name.as_str(), wall) else { continue };
            let depth = depths.of(&lane, self);
            let event = self.book.lock().decide(name.as_str(), depth, wall, self.clock.now());
            if let Some(event) = event {
                (self.events)(event);
            }
        }
        let events = self.book.lock().judge_canaries(self.clock.now());
        for event in events {
            (self.events)(event);
        }
        self.publish();
        self.write_notes(false);
    }

    /// Publishes what may be published at once.
    fn publish(&self) {
        let claims = self.book.lock().claim(self.clock.timestamp(), self.clock.now());
        let (mut sent, mut items, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for (claim, item) in claims {
            match item {
                Ok(item) => {
                    sent.push(claim);
                    items.push(item);
                }
                Err(error) => results.push((claim, Err(PublishError::Invalid(error)))),
            }
        }
        if !items.is_empty() {
            let mut answers = self.outlet.publish(items).into_iter();
            // Nothing was said of it: it may be stored.
            let silent = || Err(PublishError::Unknown(BrokerError::Unavailable("no answer".to_owned())));
            results.extend(sent.into_iter().map(|claim| (claim, answers.next().unwrap_or_else(silent))));
        }
        if !results.is_empty() {
            self.book.lock().published(&results, self.clock.now());
        }
    }
}

/// The depths of lanes, each asked for once a round.
#[derive(Default)]
struct Depths {
    known: BTreeMap<Lane, Option<Depth>>,
    /// One was not told: the others would be waited for in vain.
    failed: bool,
}

impl Depths {
    fn of(&mut self, lane: &Lane, inner: &Inner) -> Option<Depth> {
        if let Some(depth) = self.known.get(lane) {
            return *depth;
        }
        let depth = if self.failed { None } else { inner.outlet.depth(lane) };
        self.failed |= depth.is_none();
        self.known.insert(lane.clone(), depth);
        depth
    }
}
