//! What calling threads and the thread that holds the connection share: lanes, what arrived, and what is on loan.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subject};
use parking_lot::Mutex;

use super::remnants::Remnants;
use super::tally::{Lent, Tally};
use crate::kanban::broker::{Arrivals, BrokerError};
use crate::kanban::item::Lane;
use crate::time::Moment;

/// How long a request for items stands before it is made anew; so long a request is too large once less is wanted.
pub(super) const STANDS: Duration = Duration::from_secs(2);

/// After that much more without a word the server is taken to have forgotten the request.
const GRACE: Duration = Duration::from_secs(1);

/// From one request that was refused to the next.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

/// How many messages that were given back are remembered.
const REMEMBERED: usize = 100_000;

/// Whether there is a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    /// Why not.
    Down(String),
    Closed,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) link: Link,
    pub(super) lanes: Vec<LaneDesk>,
    by_subject: HashMap<String, usize>,
    loans: HashMap<u64, Loan>,
    /// The latest ticket of each message on loan, by its sequence in the stream.
    latest: HashMap<u64, u64>,
    next_ticket: u64,
    next_request: u64,
    /// What was written down of messages that were given back here, by their sequence.
    tallies: HashMap<u64, (Lent, Tally)>,
    lease: Duration,
}

#[derive(Debug)]
pub(super) struct LaneDesk {
    pub(super) lane: Lane,
    pub(super) arrivals: Arrivals,
    /// Came, and was not taken yet.
    buffer: VecDeque<Arrived>,
    /// How many more the consumer wants, what is in the buffer and asked for included.
    want: usize,
    /// Asked for, and has not come.
    asked: usize,
    /// Requests that stand, and until when.
    requests: VecDeque<(u64, Moment)>,
    not_before: Moment,
    /// What the server refused requests with, until somebody was told.
    pub(super) trouble: Option<String>,
    /// Who waits for the end of a request that the server answers at once.
    waiter: Option<oneshot::Sender<()>>,
    /// What is known of messages that its consumer does not know any more.
    pub(super) remnants: Remnants,
    /// Whether something was asked for when the connection was lost.
    lost_asking: bool,
    /// Whether a message of this lane may be what the connection was lost for: nothing is asked for until that was looked at.
    pub(super) suspect: bool,
}

/// A message as it came.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) message: Message,
    pub(super) at: Moment,
}

/// A message that a consumer has.
#[derive(Clone, Debug)]
pub(super) struct Loan {
    pub(super) lane: usize,
    pub(super) of: Lent,
    /// What is known of it, if anything is.
    pub(super) tally: Option<Tally>,
    pub(super) reply: Subject,
    /// When its lease ends, unless it is extended.
    pub(super) until: Moment,
}

/// A request to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) lane: usize,
    pub(super) number: u64,
    pub(super) count: usize,
    /// Whether it stands until items arrive; else the server gives what it has, and says at once if that is less.
    pub(super) stands: bool,
}

/// Locked for moments only, never while something is sent.
pub(super) type Shared = Arc<Mutex<Desk>>;

impl Desk {
    pub(super) fn new(lease: Duration) -> Self {
        Self {
            link: Link::Down("it has not been connected yet".into()),
            lanes: Vec::new(),
            by_subject: HashMap::new(),
            loans: HashMap::new(),
            latest: HashMap::new(),
            next_ticket: 1,
            next_request: 1,
            tallies: HashMap::new(),
            lease,
        }
    }

    /// Whether anything can be asked at all.
    pub(super) fn usable(&self) -> Result<(), BrokerError> {
        match &self.link {
            Link::Up => Ok(()),
            Link::Down(why) => Err(BrokerError::Unavailable(why.clone())),
            Link::Closed => Err(BrokerError::Closed),
        }
    }

    pub(super) fn open(&mut self, lane: &Lane, arrivals: &Arrivals) {
        if let Some(known) = self.by_subject.get(&lane.subject()) {
            self.lanes[*known].arrivals = arrivals.clone();
            return;
        }
        self.by_subject.insert(lane.subject(), self.lanes.len());
        self.lanes.push(LaneDesk {
            lane: lane.clone(),
            arrivals: arrivals.clone(),
            buffer: VecDeque::new(),
            want: 0,
            asked: 0,
            requests: VecDeque::new(),
            not_before: Moment::default(),
            trouble: None,
            waiter: None,
            remnants: Remnants::default(),
            lost_asking: false,
            suspect: false,
        });
    }

    pub(super) fn lane_of(&self, subject: &str) -> Option<usize> {
        self.by_subject.get(subject).copied()
    }

    /// A message came for this lane.
    pub(super) fn arrived(&mut self, lane: usize, message: Message, now: Moment) {
        let lane = &mut self.lanes[lane];
        lane.asked = lane.asked.saturating_sub(1);
        lane.buffer.push_back(Arrived { message, at: now });
        if lane.asked == 0 {
            lane.all_ended();
        }
    }

    /// The server ended a request, with so many that were asked for and did not come.
    pub(super) fn ended(
        &mut self,
        lane: usize,
        number: u64,
        pending: Option<usize>,
        refused: Option<String>,
        now: Moment,
    ) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let Some(at) = lane.requests.iter().position(|(known, _)| *known == number) else { return };
        lane.requests.remove(at);
        lane.asked =
            if lane.requests.is_empty() { 0 } else { lane.asked.saturating_sub(pending.unwrap_or(0)) };
        if refused.is_some() {
            lane.not_before = now.after(REFUSED_PAUSE);
            lane.trouble = refused;
        }
    }

    /// The server refuses whatever is asked for this lane.
    pub(super) fn all_ended(&mut self, lane: usize, why: &str, now: Moment) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.all_ended();
        lane.not_before = now.after(REFUSED_PAUSE);
        lane.trouble = Some(why.to_owned());
        lane.arrivals.ring();
    }

    /// There is a connection again, to a server that went on meanwhile or to another.
    pub(super) fn connected(&mut self, to_the_same: bool) {
        self.link = Link::Up;
        for lane in &mut self.lanes {
            lane.suspect |= std::mem::take(&mut lane.lost_asking) && to_the_same;
            // What was wanted before is asked for at the next look; whoever pulled in vain tries again.
            lane.arrivals.ring();
        }
    }

    /// Takes at most so many that came, the oldest first, and remembers what more is wanted.
    pub(super) fn take(&mut self, lane: usize, most: usize, now: Moment) -> Vec<Arrived> {
        let stale = self.stale_after();
        let lane = &mut self.lanes[lane];
        let mut taken = Vec::new();
        // What is stale is given back by whoever looks after the requests.
        while taken.len() < most && lane.buffer.front().is_some_and(|first| now.since(first.at) < stale) {
            taken.extend(lane.buffer.pop_front());
        }
        lane.want = most - taken.len();
        taken
    }

    /// What is to be asked for so that what is asked for and what came are what is wanted.
    pub(super) fn request(&mut self, at: usize, now: Moment) -> Option<Request> {
        let lane = &mut self.lanes[at];
        let count = lane.want.saturating_sub(lane.asked + lane.buffer.len());
        if count == 0 || lane.suspect || now < lane.not_before {
            return None;
        }
        let number = self.next_request;
        self.next_request += 1;
        lane.asked += count;
        lane.requests.push_back((number, now.after(STANDS + GRACE)));
        Some(Request { lane: at, number, count, stands: true })
    }

    /// The same for a lane of which nothing is known: what the server has is wanted now, and its word if that is less.
    pub(super) fn request_now(&mut self, at: usize, now: Moment) -> Option<(Request, oneshot::Receiver<()>)> {
        let lane = &self.lanes[at];
        if !lane.requests.is_empty() || !lane.buffer.is_empty() {
            return None;
        }
        let request = self.request(at, now)?;
        let (waiter, ended) = oneshot::channel();
        self.lanes[at].waiter = Some(waiter);
        Some((Request { stands: false, ..request }, ended))
    }

    /// What was asked of a connection that is gone, nobody answers.
    pub(super) fn forget_requests(&mut self) {
        for lane in &mut self.lanes {
            lane.lost_asking |= !lane.requests.is_empty();
            lane.all_ended();
        }
    }

    /// Looks after the lanes: requests to be made anew, and messages to be given back, as nobody takes them.
    pub(super) fn look(&mut self, now: Moment) -> (Vec<Request>, Vec<Arrived>) {
        let stale = self.stale_after();
        let (mut requests, mut back) = (Vec::new(), Vec::new());
        for at in 0..self.lanes.len() {
            let lane = &mut self.lanes[at];
            let before = lane.requests.len();
            lane.requests.retain(|(_, until)| now < *until);
            if lane.requests.len() < before {
                lane.trouble = Some("NATS: a request for items had no answer".to_owned());
            }
            if lane.requests.is_empty() {
                lane.all_ended();
            }
            while lane.buffer.front().is_some_and(|first| now.since(first.at) >= stale) {
                back.extend(lane.buffer.pop_front());
                // Else it would come again at once, and again.
                lane.want = 0;
            }
            requests.extend(self.request(at, now));
        }
        (requests, back)
    }

    /// When there is something to look after next.
    pub(super) fn next_look(&self) -> Option<Moment> {
        let stale = self.stale_after();
        let of_lane = |lane: &LaneDesk| {
            let request = lane.requests.front().map(|(_, until)| *until);
            let first = lane.buffer.front().map(|first| first.at.after(stale));
            let missing = !lane.suspect && lane.want > lane.asked + lane.buffer.len();
            [request, first, missing.then_some(lane.not_before)].into_iter().flatten().min()
        };
        self.lanes.iter().filter_map(of_lane).min()
    }

    /// Everything that came and was not taken, to be given back.
    pub(super) fn clear(&mut self) -> Vec<Arrived> {
        self.lanes.iter_mut().flat_map(|lane| lane.buffer.drain(..)).collect()
    }

    pub(super) fn buffered(&self, lane: usize) -> u64 {
        self.lanes[lane].buffer.len() as u64
    }

    /// What came is not taken later than this: then there is time to extend its lease.
    fn stale_after(&self) -> Duration {
        self.lease / 2
    }

    /// A message is lent out; an earlier loan of the same message is over.
    pub(super) fn lend(&mut self, loan: Loan) -> u64 {
        let number = self.next_ticket;
        self.next_ticket += 1;
        if let Some(earlier) = self.latest.insert(loan.of.sequence, number) {
            self.loans.remove(&earlier);
        }
        self.loans.insert(number, loan);
        number
    }

    pub(super) fn loan(&mut self, number: u64) -> Option<&mut Loan> {
        self.loans.get_mut(&number)
    }

    /// Ends a loan.
    pub(super) fn take_loan(&mut self, number: u64) -> Option<Loan> {
        let loan = self.loans.remove(&number)?;
        self.latest.remove(&loan.of.sequence);
        Some(loan)
    }

    /// A loan that could not be ended goes on, unless the message came again meanwhile.
    pub(super) fn restore(&mut self, number: u64, loan: Loan) {
        if let std::collections::hash_map::Entry::Vacant(free) = self.latest.entry(loan.of.sequence) {
            free.insert(number);
            self.loans.insert(number, loan);
        }
    }

    /// Loans of this lane whose lease has not ended.
    pub(super) fn on_loan(&self, lane: usize, now: Moment) -> u64 {
        self.loans.values().filter(|loan| loan.lane == lane && now < loan.until).count() as u64
    }

    /// Forgets loans whose lease ended long ago: nobody will settle them any more.
    pub(super) fn prune(&mut self, now: Moment, keep: Duration) {
        let latest = &mut self.latest;
        self.loans.retain(|_, loan| {
            let keeps = now < loan.until.after(keep);
            if !keeps {
                latest.remove(&loan.of.sequence);
            }
            keeps
        });
    }

    /// What this process wrote down of a message when it gave it back.
    pub(super) fn note(&mut self, of: Lent, tally: Tally) {
        if self.tallies.len() >= REMEMBERED {
            self.tallies.clear();
        }
        self.tallies.insert(of.sequence, (of, tally));
    }

    /// The tally of a message, if it is known here: because it was never delivered before, or nobody had it since it was noted.
    pub(super) fn tally(&self, of: Lent) -> Option<Tally> {
        if of.delivered <= 1 {
            return Some(Tally::default());
        }
        let (noted, tally) = self.tallies.get(&of.sequence)?;
        let is_next = noted.stored == of.stored && noted.delivered.checked_add(1) == Some(of.delivered);
        is_next.then_some(*tally)
    }

    pub(super) fn forget(&mut self, sequence: u64) {
        self.tallies.remove(&sequence);
    }
}

impl LaneDesk {
    /// Nothing is asked for any more.
    fn all_ended(&mut self) {
        self.requests.clear();
        self.asked = 0;
        if let Some(waiter) = self.waiter.take() {
            // Who gave up waiting will come again.
            let _ = waiter.send(());
        }
    }
}
