//! What is wrong with a schedule, or with what was asked of one.

use std::fmt;
use std::time::Duration;

use crate::kanban::broker::BrokerError;
use crate::kanban::item::ItemError;
use crate::kanban::name::Name;

/// Why a schedule was refused, or what was asked of it not done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Its name is too long: the names of items and notes are made from it.
    NameTooLong(Name),
    /// A field of its cron expression is wrong.
    Field {
        /// Which.
        field: &'static str,
        /// What it is.
        text: String,
        /// What would be right.
        right: &'static str,
    },
    /// Its cron expression is none: what is wrong.
    Expression {
        /// What it is.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its cron expression is valid, but there is no such day, or none is left.
    Never(String),
    /// There is no time zone of this name.
    Zone(String),
    /// It cannot fire so often, so seldom, or not in whole milliseconds.
    Interval(Duration),
    /// A tick cannot have so many items.
    Batch(u32),
    /// Its items would be wrong.
    Item(ItemError),
    /// There is one of this name.
    Exists(Name),
    /// There is none of this name.
    Unknown(String),
    /// There are as many as there may be.
    TooMany,
    /// Items of an earlier tick are still being published, or are not finished.
    Busy(Name),
    /// The broker did not keep or give what must survive a restart. Nothing was changed.
    NotKept(BrokerError),
    /// The scheduler was stopped.
    Stopped,
    /// Its thread could not be started: why.
    Thread(String),
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleError::NameTooLong(name) => {
                write!(
                    f,
                    "{name} is too long for the name of a schedule: use up to {LONGEST_NAME} characters"
                )
            }
            ScheduleError::Field { field, text, right } => {
                write!(f, "{text:?} is no {field} of a cron expression: use {right}")
            }
            ScheduleError::Expression { text, why } => write!(f, "{text:?} is no cron expression: {why}"),
            ScheduleError::Never(text) => {
                write!(f, "{text:?} never fires: there is no such day; check day, month and day of the week")
            }
            ScheduleError::Zone(name) => {
                write!(f, "{name:?} is no time zone: use an IANA name such as UTC or Europe/Berlin")
            }
            ScheduleError::Interval(time) => {
                write!(f, "an interval of {time:?}: use 100ms to 366days, in whole milliseconds")
            }
            ScheduleError::Batch(items) => write!(f, "a batch of {items} items: use 1 to {LARGEST_BATCH}"),
            ScheduleError::Item(error) => write!(f, "its items would be wrong: {error}"),
            ScheduleError::Exists(name) => {
                write!(f, "there is a schedule {name} already: cancel it first, or use another name")
            }
            ScheduleError::Unknown(name) => write!(f, "there is no schedule {name:?}"),
            ScheduleError::TooMany => {
                write!(f, "there are {MOST} schedules, which is the most: cancel one first")
            }
            ScheduleError::Busy(name) => {
                write!(f, "an earlier tick of {name} is not finished: try again later")
            }
            ScheduleError::NotKept(error) => write!(f, "the schedules kept by the broker: {error}"),
            ScheduleError::Stopped => f.write_str("the scheduler was stopped"),
            ScheduleError::Thread(why) => write!(f, "the scheduler's thread could not be started: {why}"),
        }
    }
}

impl std::error::Error for ScheduleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ScheduleError::Item(error) => Some(error),
            ScheduleError::NotKept(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ItemError> for ScheduleError {
    fn from(error: ItemError) -> Self {
        ScheduleError::Item(error)
    }
}

/// Characters of a schedule's name.
pub(super) const LONGEST_NAME: usize = 50;

/// Items of a tick.
pub(super) const LARGEST_BATCH: u32 = 10_000;

/// Schedules at one time.
pub(super) const MOST: usize = 1000;
