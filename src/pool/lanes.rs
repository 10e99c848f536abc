//! The lanes of a pool: three bounded channels, one per priority.

use crate::lanes::Turn;
use crate::priority::Priority;
use crate::sync::channel::{Receiver, Sender, TrySendError, bounded};

/// The sending side, shared by all submitters.
#[derive(Debug)]
pub(crate) struct Lanes<J> {
    senders: [Sender<J>; 3],
}

/// The receiving side of one worker, with its own place in the round of priorities.
#[derive(Debug)]
pub(crate) struct Inbox<J> {
    receivers: [Receiver<J>; 3],
    turn: Turn,
    /// The lane of the last job: most likely not empty, so it is tried without looking first.
    last: usize,
}

/// Lanes that hold `capacity` jobs each.
pub(crate) fn lanes<J>(capacity: usize) -> (Lanes<J>, Inbox<J>) {
    let [high, normal, low] = [bounded(capacity), bounded(capacity), bounded(capacity)];
    let inbox = Inbox { receivers: [high.1, normal.1, low.1], turn: Turn::default(), last: 1 };
    (Lanes { senders: [high.0, normal.0, low.0] }, inbox)
}

impl<J> Lanes<J> {
    /// Never blocks; a job that does not fit comes back.
    #[inline]
    pub(crate) fn try_send(&self, lane: Priority, job: J) -> Result<(), J> {
        // The pool keeps an inbox for as long as these exist, so the channel is never disconnected.
        self.senders[lane.index()].try_send(job).map_err(TrySendError::into_inner)
    }

    /// Jobs waiting in all lanes. A snapshot.
    pub(crate) fn waiting(&self) -> usize {
        self.senders.iter().map(Sender::len).sum()
    }

    /// Jobs waiting in one lane. A snapshot.
    pub(crate) fn waiting_in(&self, lane: Priority) -> usize {
        self.senders[lane.index()].len()
    }
}

impl<J> Inbox<J> {
    /// The next job by the law of the lanes.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<J> {
        for lane in self.turn.order() {
            let lane = lane.index();
            // Finding a lane empty by trying costs a fence, by asking two loads.
            if lane != self.last && self.receivers[lane].is_empty() {
                continue;
            }
            if let Ok(job) = self.receivers[lane].try_recv() {
                self.turn.advance();
                self.last = lane;
                return Some(job);
            }
        }
        None
    }

    /// Whether any lane holds a job.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        self.receivers.iter().any(|lane| !lane.is_empty())
    }
}

impl<J> Clone for Inbox<J> {
    /// The same lanes for another worker, which starts a round of its own.
    fn clone(&self) -> Self {
        Self { receivers: self.receivers.clone(), turn: Turn::default(), last: self.last }
    }
}
