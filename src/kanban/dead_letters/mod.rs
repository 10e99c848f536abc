//! The dead letters of a broker: looked at, replayed, dropped.

mod filter;
mod replay;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

pub use filter::DeadLetterFilter;
pub use replay::{Replay, ReplayOptions, ReplayOutcome, ReplayRefusal, ReplayReport};

use super::broker::{Broker, BrokerError, DeadLetter};
use super::publisher::Publisher;
use crate::time::{Clock, Timestamp};

/// The items of a broker that failed for good. Cloning is cheap; used from any thread.
///
/// Every call talks to the broker and may block for as long as that takes, at most for the timeout for each thing it asks.
/// None looks at more than 10 000 dead letters: those that could have more to do tell where to go on.
#[derive(Clone)]
pub struct DeadLetters {
    broker: Arc<dyn Broker>,
    clock: Clock,
    within: Duration,
}

/// Some dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// They, the oldest first.
    pub letters: Vec<DeadLetter>,
    /// What [`DeadLetterFilter::after`] is to be for those that follow; `None` if there are none.
    pub next: Option<u64>,
}

/// How many dead letters there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterCount {
    /// How many.
    pub count: u64,
    /// When the oldest died.
    pub oldest: Option<Timestamp>,
    /// How long ago that is.
    pub age: Option<Duration>,
}

/// Which dead letters were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropReport {
    /// Their numbers.
    pub dropped: Vec<u64>,
    /// What [`DeadLetterFilter::after`] is to be to go on; `None` if all were looked at.
    pub next: Option<u64>,
    /// What ended it before its time: what was dropped stays dropped.
    pub error: Option<BrokerError>,
}

/// Asked for at once. Payloads come along, so not too many.
const CHUNK: usize = 100;

/// Looked at in one call at most.
const LOOKED_AT: usize = 10_000;

impl DeadLetters {
    /// The dead letters of this broker.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, clock: Clock) -> Self {
        Self { broker, clock, within: Publisher::WITHIN }
    }

    /// The same with another patience: for each single thing that is asked of the broker; 5 s unless told.
    #[must_use]
    pub fn timeout(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// How many there are, and how old the oldest is.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn count(&self) -> Result<DeadLetterCount, BrokerError> {
        let (count, oldest) = self.broker.dead_letter_count(self.within)?;
        let now = self.clock.timestamp();
        Ok(DeadLetterCount { count, oldest, age: oldest.map(|oldest| now.since(oldest)) })
    }

    /// The number of the youngest; 0 if there is none. Asks the broker a few dozen times.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn last(&self) -> Result<u64, BrokerError> {
        // Something is behind every number below `last`, and nothing behind `end`.
        let (mut last, mut end) = (0, None);
        loop {
            let look = match end {
                None => u64::max(last * 2, 1),
                Some(end) if last < end => last + (end - last) / 2,
                Some(_) => return Ok(last),
            };
            match self.broker.dead_letters(look, 1, self.within)?.first() {
                Some(letter) if letter.serial > look => last = letter.serial,
                Some(letter) => return Err(out_of_order(letter.serial, look)),
                None => end = Some(look),
            }
        }
    }

    /// At most `most` of those that the filter lets through. A page may hold fewer although there are more: its `next` tells.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn list(&self, filter: &DeadLetterFilter, most: usize) -> Result<DeadLetterPage, BrokerError> {
        let mut letters = Vec::new();
        let next = self.scan(filter, |letter| {
            if letters.len() == most {
                return Ok(ControlFlow::Break(()));
            }
            letters.push(letter);
            Ok(ControlFlow::Continue(()))
        });
        Ok(DeadLetterPage { next: next?, letters })
    }

    /// The one of this number, if it is there.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn show(&self, serial: u64) -> Result<Option<DeadLetter>, BrokerError> {
        let Some(before) = serial.checked_sub(1) else { return Ok(None) };
        let found = self.broker.dead_letters(before, 1, self.within)?;
        Ok(found.into_iter().find(|letter| letter.serial == serial))
    }

    /// Removes the one of this number for good; tells whether it was there.
    ///
    /// # Errors
    /// [`BrokerError`]: it may have been removed.
    pub fn drop(&self, serial: u64) -> Result<bool, BrokerError> {
        self.broker.remove_dead_letter(serial, self.within)
    }

    /// Removes at most `most` of those that the filter lets through, for good.
    #[must_use]
    pub fn drop_all(&self, filter: &DeadLetterFilter, most: usize) -> DropReport {
        let mut dropped = Vec::new();
        let next = self.scan(filter, |letter| {
            if dropped.len() == most {
                return Ok(ControlFlow::Break(()));
            }
            if self.drop(letter.serial)? {
                dropped.push(letter.serial);
            }
            Ok(ControlFlow::Continue(()))
        });
        let (next, error) = match next {
            Ok(next) => (next, None),
            Err(error) => (Some(dropped.last().copied().unwrap_or(filter.after)), Some(error)),
        };
        DropReport { dropped, next, error }
    }

    /// Shows `each` what the filter lets through, until it has enough: that one is the first to be looked at when it goes on
    /// after the number returned.
    fn scan(
        &self,
        filter: &DeadLetterFilter,
        mut each: impl FnMut(DeadLetter) -> Result<ControlFlow<()>, BrokerError>,
    ) -> Result<Option<u64>, BrokerError> {
        let now = self.clock.timestamp();
        let (mut after, mut looked_at) = (filter.after, 0);
        loop {
            let letters = self.broker.dead_letters(after, CHUNK, self.within)?;
            if letters.is_empty() {
                return Ok(None);
            }
            for letter in letters {
                let serial = letter.serial;
                if serial <= after {
                    return Err(out_of_order(serial, after));
                }
                if filter.up_to.is_some_and(|last| serial > last) {
                    return Ok(None);
                }
                if filter.lets_through(&letter, now) && each(letter)?.is_break() {
                    return Ok(Some(after));
                }
                after = serial;
                looked_at += 1;
            }
            if looked_at >= LOOKED_AT {
                return Ok(Some(after));
            }
        }
    }
}

fn out_of_order(serial: u64, after: u64) -> BrokerError {
    BrokerError::Refused(format!("it told of dead letter {serial} when asked for those after {after}"))
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("broker", &self.broker.traits().name).finish_non_exhaustive()
    }
}
