//! How calls reach a thread of the adapter: a queue that knows whether anybody serves it, and a bell for whoever does.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::kanban::broker::BrokerError;
use crate::sync::channel::{Receiver, Sender, bounded};
use crate::time::Deadline;

/// Letters to a thread. They are refused at once while its connection is down.
#[derive(Debug)]
pub(super) struct Mail<T> {
    slot: Mutex<Slot<T>>,
    ring: Sender<()>,
    /// Readable when something lies there, or has changed.
    pub(super) bell: Receiver<()>,
}

#[derive(Debug)]
struct Slot<T> {
    /// Each with a number of its own.
    queue: VecDeque<(u64, T)>,
    next: u64,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Up,
    Down(BrokerError),
    /// What is there is still served.
    Closing,
    Closed,
}

impl<T> Mail<T> {
    pub(super) fn new() -> Self {
        let (ring, bell) = bounded(1);
        let state = State::Down(BrokerError::Unavailable("not connected yet".to_owned()));
        Self { slot: Mutex::new(Slot { queue: VecDeque::new(), next: 0, state }), ring, bell }
    }

    /// Hands it over, and tells its number; gives it back if nobody would take it.
    pub(super) fn send(&self, letter: T) -> Result<u64, (T, BrokerError)> {
        let mut slot = self.slot.lock();
        match &slot.state {
            State::Up => {}
            State::Down(why) => return Err((letter, why.clone())),
            State::Closing | State::Closed => return Err((letter, BrokerError::Closed)),
        }
        slot.next += 1;
        let number = slot.next;
        slot.queue.push_back((number, letter));
        drop(slot);
        self.ring();
        Ok(number)
    }

    /// Hands over a letter with a place for the answer, and waits for that.
    pub(super) fn call<R>(
        &self,
        deadline: &Deadline,
        write: impl FnOnce(Slip<Result<R, BrokerError>>) -> T,
    ) -> Result<R, BrokerError> {
        let slip = Slip::new();
        let number = self.send(write(slip.clone())).map_err(|(_, why)| why)?;
        slip.wait(deadline).unwrap_or_else(|| {
            self.withdraw(number);
            Err(BrokerError::TimedOut(deadline.waited()))
        })
    }

    /// Calls the thread.
    pub(super) fn ring(&self) {
        // Full: it is called already.
        let _ = self.ring.try_send(());
    }

    pub(super) fn take(&self) -> Option<T> {
        self.slot.lock().queue.pop_front().map(|(_, letter)| letter)
    }

    /// Takes back the letter of this number if it has not been taken: what nobody serves is not to grow.
    pub(super) fn withdraw(&self, number: u64) {
        self.slot.lock().queue.retain(|(own, _)| *own != number);
    }

    /// Served from now on, unless it is closed.
    pub(super) fn up(&self) {
        let mut slot = self.slot.lock();
        if matches!(slot.state, State::Down(_)) {
            slot.state = State::Up;
        }
    }

    /// Not served for now: gives back what lay there, which nobody has looked at.
    pub(super) fn down(&self, why: &BrokerError) -> Vec<T> {
        let mut slot = self.slot.lock();
        match slot.state {
            State::Up | State::Down(_) => slot.state = State::Down(why.clone()),
            State::Closing => slot.state = State::Closed,
            State::Closed => {}
        }
        slot.queue.drain(..).map(|(_, letter)| letter).collect()
    }

    /// Why nothing is taken now.
    pub(super) fn trouble(&self) -> Option<BrokerError> {
        match &self.slot.lock().state {
            State::Up => None,
            State::Down(why) => Some(why.clone()),
            State::Closing | State::Closed => Some(BrokerError::Closed),
        }
    }

    /// Nothing more is taken; what is there is served, if anybody does.
    pub(super) fn close(&self) {
        self.slot.lock().state = State::Closing;
        self.ring();
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.slot.lock().state, State::Closing | State::Closed)
    }
}

/// Where an answer is awaited: as long as the caller likes, and no longer.
#[derive(Debug)]
pub(super) struct Slip<T> {
    answer: Arc<(Mutex<Answer<T>>, Condvar)>,
}

#[derive(Debug)]
enum Answer<T> {
    /// Nobody has begun.
    Open,
    Begun,
    Given(T),
    /// Nobody waits any more.
    Abandoned,
}

impl<T> Clone for Slip<T> {
    fn clone(&self) -> Self {
        Self { answer: self.answer.clone() }
    }
}

impl<T> Slip<T> {
    pub(super) fn new() -> Self {
        Self { answer: Arc::new((Mutex::new(Answer::Open), Condvar::new())) }
    }

    /// Whether somebody still waits: to be asked before anything is done that cannot be taken back.
    pub(super) fn begin(&self) -> bool {
        let mut answer = self.answer.0.lock();
        if matches!(*answer, Answer::Open) {
            *answer = Answer::Begun;
        }
        !matches!(*answer, Answer::Abandoned)
    }

    pub(super) fn is_awaited(&self) -> bool {
        !matches!(*self.answer.0.lock(), Answer::Abandoned)
    }

    pub(super) fn give(&self, value: T) {
        let (answer, given) = &*self.answer;
        let mut answer = answer.lock();
        if !matches!(*answer, Answer::Abandoned) {
            *answer = Answer::Given(value);
            given.notify_all();
        }
    }

    /// Waits; `None` if it took too long.
    pub(super) fn wait(&self, deadline: &Deadline) -> Option<T> {
        let (answer, given) = &*self.answer;
        let mut answer = answer.lock();
        loop {
            if let Answer::Given(_) = *answer {
                let Answer::Given(value) = std::mem::replace(&mut *answer, Answer::Abandoned) else {
                    return None;
                };
                return Some(value);
            }
            let left = deadline.left();
            if left.is_zero() {
                *answer = Answer::Abandoned;
                return None;
            }
            given.wait_for(&mut answer, left);
        }
    }
}
