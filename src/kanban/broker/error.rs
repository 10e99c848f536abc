//! What brokers fail with.

use std::fmt;
use std::time::Duration;

use crate::kanban::item::ItemError;

/// Why a broker did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerError {
    /// It did not answer in time. What was asked may have been done all the same.
    TimedOut(Duration),
    /// It cannot be reached, or lost what it stands on: its words.
    Unavailable(String),
    /// It is full: what, and what would help.
    Full(String),
    /// What it stands on is not as it must be (a foreign file, a queue with other settings): what, and what would help.
    Unusable(String),
    /// It refused: its words.
    Refused(String),
    /// It has no such thing.
    Unsupported(&'static str),
    /// It was closed.
    Closed,
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokerError::TimedOut(after) => write!(f, "the broker did not answer within {after:?}"),
            BrokerError::Unavailable(why) => write!(f, "the broker is not available: {why}"),
            BrokerError::Full(why) => write!(f, "the broker is full: {why}"),
            BrokerError::Unusable(why) => f.write_str(why),
            BrokerError::Refused(why) => write!(f, "the broker refused: {why}"),
            BrokerError::Unsupported(what) => write!(f, "this broker has no {what}"),
            BrokerError::Closed => f.write_str("the broker is closed"),
        }
    }
}

impl std::error::Error for BrokerError {}

/// Why an item is not known to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// It is wrong in itself, and was not sent.
    Invalid(ItemError),
    /// It is certainly not stored.
    NotStored(BrokerError),
    /// It may be stored or not: publish it again with the same id, which is stored once.
    Unknown(BrokerError),
}

impl PublishError {
    /// Whether publishing the same again may succeed.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        !matches!(self, PublishError::Invalid(_) | PublishError::NotStored(BrokerError::Closed))
    }
}

impl From<ItemError> for PublishError {
    fn from(error: ItemError) -> Self {
        PublishError::Invalid(error)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Invalid(error) => write!(f, "not published: {error}"),
            PublishError::NotStored(error) => write!(f, "not stored: {error}"),
            PublishError::Unknown(error) => write!(f, "not known whether it is stored: {error}"),
        }
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PublishError::Invalid(error) => Some(error),
            PublishError::NotStored(error) | PublishError::Unknown(error) => Some(error),
        }
    }
}
