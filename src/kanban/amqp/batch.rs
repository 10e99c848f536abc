//! What is to be published together, and what became of it.

use std::sync::Arc;

use amiquip::AmqpProperties;
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::kanban::broker::{BrokerError, PublishError};
use crate::time::Deadline;

/// A message about to be published.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) exchange: String,
    pub(super) key: String,
    pub(super) properties: AmqpProperties,
    pub(super) body: Bytes,
}

/// What became of a message.
pub(super) type Sent = Result<(), PublishError>;

/// Messages of one caller, with a place for the answer to each.
pub(super) struct Batch {
    state: Mutex<State>,
    done: Condvar,
    /// Who else is told when all is answered.
    then: Option<Arc<dyn Fn() + Send + Sync>>,
}

struct State {
    parcels: Vec<Place>,
    /// How many have no answer yet.
    open: usize,
    /// Nobody waits any more: what has not been sent is not.
    abandoned: bool,
}

/// Where a parcel is.
enum Place {
    Waits(Box<Parcel>),
    Sent,
    Answered(Sent),
}

/// What is at a place of a batch.
pub(super) enum Taken {
    Parcel(Box<Parcel>),
    /// One that nobody wants sent any more.
    Unwanted,
    /// The batch is over.
    End,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}

impl Batch {
    pub(super) fn new(parcels: Vec<Parcel>, then: Option<Arc<dyn Fn() + Send + Sync>>) -> Arc<Self> {
        let open = parcels.len();
        let parcels = parcels.into_iter().map(|parcel| Place::Waits(Box::new(parcel))).collect();
        let state = Mutex::new(State { parcels, open, abandoned: false });
        Arc::new(Self { state, done: Condvar::new(), then })
    }

    /// Takes the parcel at `index` to send it now.
    pub(super) fn take(&self, index: usize) -> Taken {
        let mut state = self.state.lock();
        let abandoned = state.abandoned;
        let Some(slot) = state.parcels.get_mut(index) else { return Taken::End };
        if abandoned || !matches!(slot, Place::Waits(_)) {
            return Taken::Unwanted;
        }
        match std::mem::replace(slot, Place::Sent) {
            Place::Waits(parcel) => Taken::Parcel(parcel),
            _ => Taken::Unwanted,
        }
    }

    pub(super) fn answer(&self, index: usize, answer: Sent) {
        let mut state = self.state.lock();
        let Some(slot) = state.parcels.get_mut(index) else { return };
        if !matches!(slot, Place::Answered(_)) {
            *slot = Place::Answered(answer);
            state.open -= 1;
        }
        self.tell(&state);
    }

    fn tell(&self, state: &State) {
        if state.open == 0 {
            self.done.notify_all();
            if let Some(then) = &self.then {
                then();
            }
        }
    }

    /// Nothing more of it will be sent: what was not is not stored.
    pub(super) fn refuse(&self, why: &BrokerError) {
        let mut state = self.state.lock();
        let mut refused = 0;
        for slot in &mut state.parcels {
            if matches!(slot, Place::Waits(_)) {
                *slot = Place::Answered(Err(PublishError::NotStored(why.clone())));
                refused += 1;
            }
        }
        state.open -= refused;
        self.tell(&state);
    }

    /// All answers, if there are all.
    pub(super) fn answers(&self) -> Option<Vec<Sent>> {
        let state = self.state.lock();
        (state.open == 0).then(|| told(&state, None))
    }

    /// Waits for the answers. What was not sent by then is not, and `late` is called.
    pub(super) fn wait(&self, deadline: &Deadline, late: impl FnOnce()) -> Vec<Sent> {
        let mut state = self.state.lock();
        while state.open > 0 {
            let left = deadline.left();
            if left.is_zero() {
                state.abandoned = true;
                let answers = told(&state, Some(&BrokerError::TimedOut(deadline.waited())));
                drop(state);
                late();
                return answers;
            }
            self.done.wait_for(&mut state, left);
        }
        told(&state, None)
    }
}

/// The answers; those that are missing are made of `late`.
fn told(state: &State, late: Option<&BrokerError>) -> Vec<Sent> {
    let why = late.cloned().unwrap_or(BrokerError::Closed);
    let answer = |slot: &Place| match slot {
        Place::Answered(answer) => answer.clone(),
        Place::Waits(_) => Err(PublishError::NotStored(why.clone())),
        Place::Sent => Err(PublishError::Unknown(why.clone())),
    };
    state.parcels.iter().map(answer).collect()
}
