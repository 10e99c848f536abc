//! Publishing: to one of the two, and to the other what that one did not take.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::law::{BrokerRole, Route};
use super::side::{IMPATIENT, blames, both};
use crate::kanban::broker::{BrokerError, PublishError, Stored};
use crate::kanban::item::{Item, ItemError};
use crate::time::Deadline;

type Answer = Result<Stored, PublishError>;

/// An item of unknown outcome is sent to the same broker again for so long at most: well within the time for which brokers
/// recognise an id.
const REPEAT: Duration = Duration::from_secs(10);

/// From one such attempt to the next, doubled each time.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// The items of one call, and what is known of each.
struct Batch<'a> {
    items: &'a [Arc<Item>],
    fates: Vec<Fate>,
    deadline: Deadline,
}

#[derive(Clone, Debug, Default)]
struct Fate {
    answer: Option<Answer>,
    /// What each broker failed with.
    errors: [Option<BrokerError>; 2],
    /// One of them may have it.
    doubt: bool,
}

impl Inner {
    pub(super) fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Answer> {
        let (route, closed) = {
            let mut book = self.book.lock();
            // Nothing is a canary that is not sent.
            let route = (!items.is_empty()).then(|| book.law.route(self.clock.now()));
            (route, book.closed)
        };
        let Some(route) = route else { return Vec::new() };
        if closed {
            return items.iter().map(|_| Err(PublishError::NotStored(BrokerError::Closed))).collect();
        }
        let fates = vec![Fate::default(); items.len()];
        let mut batch = Batch { items, fates, deadline: Deadline::after(within) };
        let mut fit: Vec<usize> = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let (bytes, most) = (item.payload.len(), self.traits.max_payload);
            if bytes > most {
                batch.fates[at].answer = Some(Err(ItemError::TooLarge { bytes, most }.into()));
            } else {
                fit.push(at);
            }
        }
        if route.canary {
            // One item is risked, and last: should it take its time, the others do not wait for it.
            let others = fit.split_off(fit.len().min(1));
            self.send(&mut batch, Route { to: BrokerRole::Fallback, canary: false, ..route }, others);
        }
        self.send(&mut batch, route, fit);
        batch.fates.into_iter().map(|fate| self.answer(fate)).collect()
    }

    /// Sends these items where the route says, and what is not stored there to the other broker.
    fn send(&self, batch: &mut Batch<'_>, route: Route, which: Vec<usize>) {
        if which.is_empty() {
            return;
        }
        let (since, half) = (batch.deadline.waited(), batch.deadline.left() / 2);
        self.attempt(batch, route.to, route.turn, &which, half);
        let (mut doubtful, mut refused) = (Vec::new(), Vec::new());
        for at in which.into_iter().filter(|at| batch.fates[*at].answer.is_none()) {
            if batch.fates[at].doubt { doubtful.push(at) } else { refused.push(at) }
        }
        if !refused.is_empty() && !batch.deadline.passed() {
            let share = if doubtful.is_empty() { batch.deadline.left() } else { batch.deadline.left() / 2 };
            self.attempt(batch, route.to.other(), route.turn, &refused, share);
        }
        if doubtful.is_empty() {
            return;
        }
        let patience = (batch.deadline.left() / 2).min(REPEAT);
        self.repeat(batch, route, &mut doubtful, patience);
        // Who gave it no time to answer must not make two of one.
        let tried = batch.deadline.waited().saturating_sub(since);
        if !doubtful.is_empty() && tried >= IMPATIENT && !batch.deadline.passed() {
            let left = batch.deadline.left();
            self.attempt(batch, route.to.other(), route.turn, &doubtful, left);
        }
    }

    /// Sends items of unknown outcome to the same broker again, with the same ids: what it has, it has once.
    fn repeat(&self, batch: &mut Batch<'_>, route: Route, doubtful: &mut Vec<usize>, patience: Duration) {
        let over = Deadline::after(patience);
        let mut pause = PAUSES.0;
        while !doubtful.is_empty() && !over.passed() && !self.book.lock().closed {
            self.book.lock().side(route.to).repeated += doubtful.len() as u64;
            self.attempt(batch, route.to, route.turn, doubtful, over.left());
            doubtful.retain(|at| batch.fates[*at].answer.is_none());
            if !doubtful.is_empty() {
                std::thread::sleep(pause.min(over.left()));
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }

    /// Sends these items to this broker, once.
    fn attempt(&self, batch: &mut Batch<'_>, role: BrokerRole, turn: u64, which: &[usize], within: Duration) {
        let broker = &self.brokers[role.index()];
        let answers = if which.len() == batch.items.len() {
            broker.publish(batch.items, within)
        } else {
            let items: Vec<_> = which.iter().map(|at| batch.items[*at].clone()).collect();
            broker.publish(&items, within)
        };
        let silent = || Err(PublishError::Unknown(BrokerError::Refused("it gave no answer".to_owned())));
        let answers = answers.into_iter().chain(std::iter::repeat_with(silent));
        let (mut stored, mut failed, mut blamed) = (0, 0, None);
        for (at, answer) in which.iter().zip(answers) {
            let fate = &mut batch.fates[*at];
            let error = match answer {
                Ok(_) => {
                    stored += 1;
                    fate.answer = Some(answer);
                    continue;
                }
                // What one refuses as wrong is not wrong if the other may have it.
                Err(PublishError::Invalid(_)) if !fate.doubt => {
                    fate.answer = Some(answer);
                    continue;
                }
                Err(PublishError::Invalid(error)) => BrokerError::Refused(error.to_string()),
                Err(PublishError::NotStored(error)) => error,
                Err(PublishError::Unknown(error)) => {
                    fate.doubt = true;
                    error
                }
            };
            failed += 1;
            if blames(&error, within) {
                blamed = Some(error.clone());
            }
            fate.errors[role.index()] = Some(error);
        }
        self.attempted(role, turn, (stored, failed), blamed.as_ref());
    }

    /// Tells the law what came of an attempt: one item that was stored is a word for the broker, whatever became of the others.
    fn attempted(
        &self,
        role: BrokerRole,
        turn: u64,
        (stored, failed): (u64, u64),
        blamed: Option<&BrokerError>,
    ) {
        let now = self.clock.now();
        let mut book = self.book.lock();
        let side = book.side(role);
        side.stored += stored;
        side.failed += failed;
        if stored > 0 {
            // It is proved to work as well as a probe could.
            side.probe_at = side.probe_at.max(now.after(self.settings.probe_every));
            if !side.rest.is_failing() {
                side.fault = None;
            }
        } else if let Some(error) = blamed {
            side.fault = Some(error.clone());
        } else {
            return;
        }
        let change = book.law.published(role, turn, stored > 0, now);
        let event = change.map(|change| book.note(change, self.clock.timestamp()));
        drop(book);
        self.tell(event);
    }

    fn answer(&self, fate: Fate) -> Answer {
        let Fate { answer, errors, doubt } = fate;
        if let Some(answer) = answer {
            return answer;
        }
        let error = match errors {
            [Some(primary), Some(fallback)] => both(self.names, &[primary, fallback]),
            [Some(error), None] | [None, Some(error)] => error,
            [None, None] => BrokerError::Unavailable("there was no time to publish it".to_owned()),
        };
        Err(if doubt { PublishError::Unknown(error) } else { PublishError::NotStored(error) })
    }
}
