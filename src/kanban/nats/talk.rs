//! The calling thread's end: something is said, and waited for no longer than asked.

use std::time::Duration;

use async_nats::{Message, Subject};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::desk::Shared;
use super::exchange::{Command, Entry, Exchange, Reply, Say};
use super::replies::{self, ApiError};
use crate::kanban::broker::BrokerError;
use crate::time::{Clock, Deadline};

/// How much later than its time an answer of the thread may come before it is given up: it answers in time by itself, unless it stands still.
const SLACK: Duration = Duration::from_millis(250);

/// After that what nobody waits for is forgotten.
const NOBODY_WAITS: Duration = Duration::from_secs(5);

/// From one look for room to the next.
const LOOK: Duration = Duration::from_micros(200);

#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) desk: Shared,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) time: Clock,
}

/// How long a caller waits in all.
pub(super) struct Patience {
    within: Duration,
    deadline: Deadline,
    /// When the thread is given up.
    last: Deadline,
}

impl Patience {
    pub(super) fn of(within: Duration) -> Self {
        Self {
            within,
            deadline: Deadline::after(within),
            last: Deadline::after(within.saturating_add(SLACK)),
        }
    }
}

/// What was said and has yet to be answered, or why it was not said.
pub(super) struct Said {
    count: usize,
    answers: Result<oneshot::Receiver<Vec<Reply>>, BrokerError>,
}

impl Talk {
    /// Says all of this, and waits for the replies: one each, in their order.
    pub(super) fn exchange(&self, entries: Vec<Entry>, windowed: bool, within: Duration) -> Vec<Reply> {
        let patience = Patience::of(within);
        let said = self.begin(entries, windowed, &patience);
        self.hear(said, &patience)
    }

    /// Says all of this, and goes on.
    pub(super) fn begin(&self, entries: Vec<Entry>, windowed: bool, patience: &Patience) -> Said {
        let count = entries.len();
        let (answer, answers) = oneshot::channel();
        let (within, left) = (patience.within, patience.deadline.left());
        let deadline = self.time.now().after(left);
        let exchange = Exchange { entries, windowed, within, deadline, answer };
        let late = patience.deadline.passed().then_some(BrokerError::TimedOut(within));
        let usable = late.map_or_else(|| self.desk.lock().usable(), Err);
        let said = usable.and_then(|()| self.command(Command::Exchange(exchange), patience));
        Said { count, answers: said.map(|()| answers) }
    }

    /// Waits for the replies to what was said: one each, in their order.
    pub(super) fn hear(&self, Said { count, answers }: Said, patience: &Patience) -> Vec<Reply> {
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return (0..count).map(|_| Reply::NotSent(error.clone())).collect(),
        };
        if let Ok(replies) = answers.recv_timeout(patience.last.left()) {
            return replies;
        }
        // The thread stands still, or ended with it: what it sent before, nobody knows.
        let error = self.desk.lock().usable().err().unwrap_or(BrokerError::TimedOut(patience.within));
        (0..count).map(|_| Reply::Unanswered(error.clone())).collect()
    }

    /// Hands a command over; a full queue is waited for.
    fn command(&self, command: Command, patience: &Patience) -> Result<(), BrokerError> {
        let mut command = command;
        loop {
            match self.commands.try_send(command) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(BrokerError::Closed),
                Err(TrySendError::Full(_)) if patience.deadline.passed() => {
                    return Err(BrokerError::TimedOut(patience.within));
                }
                Err(TrySendError::Full(back)) => {
                    command = back;
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    /// Hands something over that nobody waits for, if there is room; tells whether there was.
    pub(super) fn try_command(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Says all of this, and waits for nothing: it is no harm if it is lost.
    pub(super) fn tell(&self, entries: Vec<Entry>) {
        let (answer, _) = oneshot::channel();
        let deadline = self.time.now().after(NOBODY_WAITS);
        let exchange = Exchange { entries, windowed: false, within: NOBODY_WAITS, deadline, answer };
        self.try_command(Command::Exchange(exchange));
    }

    /// Says one thing.
    pub(super) fn say(
        &self,
        subject: &str,
        payload: impl Into<Bytes>,
        within: Duration,
    ) -> Result<Message, BrokerError> {
        let say = Say { subject: Subject::from(subject), headers: None, payload: payload.into() };
        answered(self.exchange(vec![say.into()], false, within).pop(), within)
    }

    /// Asks JetStream several questions at once: what comes back, in their order.
    pub(super) fn ask_at_once(
        &self,
        questions: Vec<(String, String)>,
        within: Duration,
    ) -> Vec<Result<Message, BrokerError>> {
        let say = |(what, payload): (String, String)| {
            let subject = format!("$JS.API.{what}").into();
            Entry::from(Say { subject, headers: None, payload: payload.into() })
        };
        let replies = self.exchange(questions.into_iter().map(say).collect(), false, within);
        replies.into_iter().map(|reply| answered(Some(reply), within)).collect()
    }

    /// Asks JetStream: an answer, or an error of its own.
    pub(super) fn api<T: DeserializeOwned>(
        &self,
        what: &str,
        payload: impl Into<Bytes>,
        within: Duration,
    ) -> Result<Result<T, ApiError>, BrokerError> {
        replies::answer(&self.say(&format!("$JS.API.{what}"), payload, within)?)
    }

    /// The same, where every error is one.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        payload: impl Into<Bytes>,
        within: Duration,
    ) -> Result<T, BrokerError> {
        self.api(what, payload, within)?.map_err(|error| replies::refused(&error))
    }
}

fn answered(reply: Option<Reply>, within: Duration) -> Result<Message, BrokerError> {
    match reply {
        Some(Reply::Answered(message) | Reply::Halted(message)) => Ok(message),
        Some(Reply::NotSent(error) | Reply::Unanswered(error)) => Err(error),
        None => Err(BrokerError::TimedOut(within)),
    }
}
