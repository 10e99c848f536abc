//! What a handler is given, and what it says.

use std::fmt;
use std::time::Duration;

use super::item::Item;
use crate::pool::Context;

/// Works on items. Any `Fn(&Work) -> Outcome` is one.
pub trait Handler: Send + Sync + 'static {
    /// Works on one item, on a worker of the pool that its key belongs to. May be called again for the same item, in the same
    /// process after a failure only, in others also after a crash. A panic is a failure.
    fn handle(&self, work: &Work<'_>) -> Outcome;
}

impl<F, O> Handler for F
where
    F: Fn(&Work<'_>) -> O + Send + Sync + 'static,
    O: Into<Outcome>,
{
    fn handle(&self, work: &Work<'_>) -> Outcome {
        self(work).into()
    }
}

/// An item on its worker.
#[derive(Debug)]
pub struct Work<'a> {
    pub(crate) item: &'a Item,
    pub(crate) attempt: u32,
    pub(crate) deliveries: u32,
    pub(crate) context: &'a Context<'a>,
}

impl Work<'_> {
    /// The item.
    #[must_use]
    pub fn item(&self) -> &Item {
        self.item
    }

    /// Which attempt this is, from 1: interrupted ones do not count.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How often the broker delivered it, from 1: those count that a crash interrupted.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// The job it runs as: whether it is still wanted ([`Context::is_cancelled`]), and for how long
    /// ([`Context::remaining`]).
    #[must_use]
    pub fn context(&self) -> &Context<'_> {
        self.context
    }
}

/// How the work on an item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and will not run again.
    Done,
    /// It failed, and may succeed later. It counts as an attempt.
    Retry {
        /// When to try again; `None` for the backoff that is configured.
        after: Option<Duration>,
        /// What went wrong.
        error: String,
    },
    /// It failed for good: no attempt will succeed.
    DeadLetter {
        /// What is wrong with it.
        reason: String,
    },
}

impl Outcome {
    /// Try again, by the backoff that is configured.
    pub fn retry(error: impl fmt::Display) -> Self {
        Outcome::Retry { after: None, error: error.to_string() }
    }

    /// Try again after this time.
    pub fn retry_after(after: Duration, error: impl fmt::Display) -> Self {
        Outcome::Retry { after: Some(after), error: error.to_string() }
    }

    /// No attempt will succeed.
    pub fn dead_letter(reason: impl fmt::Display) -> Self {
        Outcome::DeadLetter { reason: reason.to_string() }
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Outcome::Done
    }
}

/// An error is worth a retry.
impl<E: fmt::Display> From<Result<(), E>> for Outcome {
    fn from(result: Result<(), E>) -> Self {
        result.map_or_else(Outcome::retry, |()| Outcome::Done)
    }
}
