//! What is said to the server and must be answered: the words between calling threads and the thread that holds the connection.

use std::time::Duration;

use async_nats::{HeaderMap, Message, Subject};
use bytes::Bytes;

use super::desk::Request;
use crate::kanban::broker::BrokerError;
use crate::time::Moment;

/// One message to be sent and answered.
#[derive(Debug)]
pub(super) struct Say {
    pub(super) subject: Subject,
    pub(super) headers: Option<HeaderMap>,
    pub(super) payload: Bytes,
}

/// One thing that is wanted: one message, or two of which the second is sent once the first was answered.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) first: Say,
    pub(super) then: Option<Then>,
}

/// What is sent after the first was answered.
#[derive(Debug)]
pub(super) struct Then {
    pub(super) say: Say,
    /// Whether the first must be stored; else any answer will do.
    pub(super) only_if_stored: bool,
}

/// What came of an entry.
#[derive(Debug)]
pub(super) enum Reply {
    /// The last message was answered so.
    Answered(Message),
    /// The first of two was answered so, which is not that it is stored; the second was not sent.
    Halted(Message),
    /// Nothing was sent.
    NotSent(BrokerError),
    /// Something was sent, and nobody knows what came of it.
    Unanswered(BrokerError),
}

/// Entries that somebody waits for: one reply each, in their order.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) entries: Vec<Entry>,
    /// Whether it keeps to the window of publications.
    pub(super) windowed: bool,
    pub(super) within: Duration,
    pub(super) deadline: Moment,
    pub(super) answer: oneshot::Sender<Vec<Reply>>,
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    Exchange(Exchange),
    /// Asks for items of a lane.
    Ask(Request),
    Close,
}

impl From<Say> for Entry {
    fn from(first: Say) -> Self {
        Self { first, then: None }
    }
}
