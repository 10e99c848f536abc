//! The clerk: a thread that waits for the broker's answers to settlements, so that the driver pulls and hands over meanwhile.
//!
//! One batch at a time: what ends while the broker answers makes up the next one, which is as large as the broker is slow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::Span;

use crate::kanban::broker::{Broker, BrokerError, Settled, Settlement, Verdict};
use crate::kanban::cells::{Call, Signal};
use crate::sync::channel::{Receiver, Sender, bounded};
use crate::sync::{Parker, weakened};
use crate::time::Timestamp;

/// Settlements that are told together.
pub(super) struct Batch {
    /// Whose they are, one each.
    pub(super) slots: Vec<u32>,
    /// One for each of them, or none at all.
    pub(super) spans: Vec<Span>,
    pub(super) settlements: Vec<Settlement>,
}

/// What the broker answered to a batch.
pub(super) struct Answered {
    pub(super) slots: Vec<u32>,
    pub(super) spans: Vec<Span>,
    /// Or the panic of a broker that was plugged in.
    pub(super) answers: thread::Result<Answers>,
}

pub(super) struct Answers {
    /// In the order of the slots.
    pub(super) settled: Vec<Settled>,
    /// How many dead letters there are now, if there are more than before.
    pub(super) dead_letters: Option<thread::Result<DeadLetters>>,
}

/// How many there are, and when the oldest died.
pub(super) type DeadLetters = Result<(u64, Option<Timestamp>), BrokerError>;

impl Batch {
    /// Tells the broker, and waits for what it says.
    pub(super) fn settle(self, broker: &dyn Broker, within: Duration) -> Answered {
        let Self { slots, spans, settlements } = self;
        let is_letter = |it: &Settlement| matches!(it.verdict, Verdict::DeadLetter(_));
        let letters: Vec<bool> = settlements.iter().map(is_letter).collect();
        let settled = catch_unwind(AssertUnwindSafe(|| broker.settle(settlements, within)));
        let answers = settled.map(|settled| {
            let mut told = letters.into_iter().zip(&settled);
            let buried = told.any(|(letter, settled)| letter && matches!(settled, Settled::Done));
            let count = || catch_unwind(AssertUnwindSafe(|| broker.dead_letter_count(within)));
            Answers { dead_letters: buried.then(count), settled }
        });
        Answered { slots, spans, answers }
    }
}

enum Errand {
    Settle(Batch),
    End,
}

/// The driver's side.
pub(super) struct Clerk {
    errands: Sender<Errand>,
    answers: Receiver<Answered>,
    called: Signal,
    /// The slots of the batch that is away.
    away: Vec<u32>,
}

/// The thread's side.
pub(super) struct Office {
    broker: Arc<dyn Broker>,
    within: Duration,
    errands: Receiver<Errand>,
    answers: Sender<Answered>,
    parker: Parker,
    called: Signal,
    driver: Signal,
}

impl Clerk {
    /// A clerk that calls `driver` with each answer, and what is to run on its thread.
    pub(super) fn new(broker: Arc<dyn Broker>, within: Duration, driver: Signal) -> (Self, Office) {
        // A batch, and the word that ends it.
        let (give, errands) = bounded(2);
        let (answers, take) = bounded(1);
        let parker = Parker::new();
        let called = Signal::new(parker.unparker().clone());
        let clerk = Self { errands: give, answers: take, called: called.clone(), away: Vec::new() };
        (clerk, Office { broker, within, errands, answers, parker, called, driver })
    }

    /// Whether a batch is away: until its answer was taken, there is no room for another.
    pub(super) fn is_out(&self) -> bool {
        !self.away.is_empty()
    }

    pub(super) fn has(&self, slot: u32) -> bool {
        self.away.contains(&slot)
    }

    /// Sends a batch on its way. Lock-free but for waking a sleeper.
    pub(super) fn send(&mut self, batch: Batch) {
        debug_assert!(!self.is_out(), "one at a time");
        self.away.clone_from(&batch.slots);
        self.tell(Errand::Settle(batch));
    }

    /// What the broker answered, if it has.
    pub(super) fn answered(&mut self) -> Option<Answered> {
        let answered = self.answers.try_recv().ok()?;
        self.away.clear();
        Some(answered)
    }

    fn tell(&self, errand: Errand) {
        let is_full = self.errands.try_send(errand).is_err_and(|error| error.is_full());
        debug_assert!(!is_full, "there is room for a batch and the end");
        self.called.call(Call::Desk);
    }
}

impl Drop for Clerk {
    /// Its thread ends as soon as the broker lets it.
    fn drop(&mut self) {
        self.tell(Errand::End);
    }
}

impl Office {
    /// Settles what it is given until it is told to end.
    pub(super) fn serve(&self) {
        loop {
            // Before the look: whatever is sent later calls again.
            self.called.take();
            match self.errands.try_recv() {
                Ok(Errand::Settle(batch)) => self.settle(batch),
                Ok(Errand::End) => return,
                Err(_) => self.parker.park(),
            }
        }
    }

    fn settle(&self, batch: Batch) {
        if weakened("answer_late") {
            // The mistake that a model must find: the driver is called, finds nothing, and sleeps.
            self.driver.call(Call::Desk);
        }
        let answered = batch.settle(&*self.broker, self.within);
        // The driver may have ended without it: leases bring back what is not done with.
        let is_full = self.answers.try_send(answered).is_err_and(|error| error.is_full());
        debug_assert!(!is_full, "the last answer was taken before this batch was sent");
        if !weakened("answer_late") {
            self.driver.call(Call::Desk);
        }
    }
}
