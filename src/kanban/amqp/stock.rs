//! What this process has of the lanes: what was pushed to it and waits to be pulled, and what is on loan.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::away::Away;
use super::wire::Read;
use crate::kanban::broker::{Arrivals, BrokerError, Delivery, Ticket, Want};
use crate::kanban::item::{Item, Lane};
use crate::priority::Priority;
use crate::time::Moment;

/// Something pushed that nobody has pulled yet.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) tag: u64,
    pub(super) read: Read,
}

/// Something pulled that is not settled yet. Its number is the server's tag for the delivery.
#[derive(Clone, Debug)]
pub(super) struct Loan {
    pub(super) lane: usize,
    pub(super) item: Arc<Item>,
    pub(super) deliveries: u32,
    pub(super) failures: u32,
    pub(super) until: Moment,
    /// A settlement is on its way, and its lease does not end meanwhile.
    pub(super) settling: bool,
    /// The number it has among the dead letters, once that was tried: a second try has the same.
    pub(super) serial: Option<u64>,
    /// A copy of it is kept already, and only the delivery has not ended yet.
    pub(super) copied: bool,
}

#[derive(Debug)]
pub(super) struct LaneStock {
    pub(super) lane: Lane,
    pub(super) arrivals: Arrivals,
    pub(super) fresh: VecDeque<Fresh>,
    pub(super) on_loan: usize,
    /// How many could be held here at the last pull: those on loan, those wanted then, and a few more.
    pub(super) wished: usize,
    /// The most of that lately.
    peak: usize,
    /// Whether it was pulled from lately.
    pulled: bool,
    /// It gave less than was wanted.
    hungry: bool,
    /// How many may be pushed here without being settled, as arranged with the server.
    pub(super) capacity: usize,
    /// Those that this process put off.
    pub(super) away: Away,
    /// Those whose copies are on their way back to the server.
    pub(super) hopping: usize,
    /// How often something went back to the server.
    pub(super) returns: u64,
    /// Its queue does not answer.
    pub(super) trouble: Option<Trouble>,
}

/// A queue that does not answer is left alone for a while, longer each time, or the connection would be lost over it again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    until: Moment,
    pause: Duration,
}

/// So many more are pushed than could start now: what is urgent is at hand when a worker is free, though the server is some way off.
const SPARE: usize = 8;

/// How long it is left alone at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// To how much a lane's capacity changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Grow(usize),
    Shrink(usize),
}

#[derive(Debug, Default)]
pub(super) struct Stock {
    /// Of the connection; what was delivered by another cannot be settled any more.
    pub(super) generation: u64,
    pub(super) closed: bool,
    pub(super) lanes: Vec<LaneStock>,
    index: HashMap<Lane, usize>,
    pub(super) loans: HashMap<u64, Loan>,
}

impl Stock {
    /// Adds lanes, or tells lanes that are there whom to ring from now on.
    pub(super) fn open(&mut self, lanes: &[Lane], arrivals: &Arrivals) {
        for lane in lanes {
            if let Some(at) = self.index.get(lane) {
                self.lanes[*at].arrivals = arrivals.clone();
                continue;
            }
            self.index.insert(lane.clone(), self.lanes.len());
            self.lanes.push(LaneStock {
                lane: lane.clone(),
                arrivals: arrivals.clone(),
                fresh: VecDeque::new(),
                on_loan: 0,
                wished: 0,
                peak: 0,
                pulled: false,
                hungry: true,
                capacity: 0,
                away: Away::default(),
                hopping: 0,
                returns: 0,
                trouble: None,
            });
        }
    }

    pub(super) fn find(&self, lane: &Lane) -> Option<usize> {
        self.index.get(lane).copied()
    }

    /// A new connection: whatever the last one had delivered is delivered again.
    pub(super) fn connected(&mut self) {
        self.lost();
        self.generation = next_generation(self.generation);
        for lane in &self.lanes {
            lane.arrivals.ring();
        }
    }

    pub(super) fn lost(&mut self) {
        self.loans.clear();
        for lane in &mut self.lanes {
            lane.fresh.clear();
            (lane.on_loan, lane.capacity, lane.hopping, lane.hungry) = (0, 0, 0, true);
        }
    }

    /// Something was pushed.
    pub(super) fn arrived(&mut self, at: usize, fresh: Fresh) {
        let lane = &mut self.lanes[at];
        lane.fresh.push_back(fresh);
        if lane.hungry {
            lane.hungry = false;
            lane.arrivals.ring();
        }
    }

    /// Takes what is wanted; tells whether more could be held than is pushed now.
    pub(super) fn pull(
        &mut self,
        wants: &[Want<'_>],
        now: Moment,
        lease: Duration,
    ) -> Result<(Vec<Delivery>, bool), BrokerError> {
        let (mut deliveries, mut more) = (Vec::new(), false);
        for want in wants {
            let at = self.index.get(want.lane).copied().ok_or_else(|| {
                BrokerError::Refused(format!("the lane {} was not opened", want.lane.subject()))
            })?;
            let lane = &mut self.lanes[at];
            lane.wished = lane.on_loan + want.most + SPARE.min(want.most * SPARE);
            lane.peak = lane.peak.max(lane.wished);
            lane.pulled = true;
            more |= lane.wished > lane.capacity;
            let count = want.most.min(lane.fresh.len());
            lane.hungry = count < want.most;
            lane.on_loan += count;
            for Fresh { tag, read } in lane.fresh.drain(..count) {
                let Read { item, deliveries: times, failures, fault, .. } = read;
                deliveries.push(Delivery {
                    ticket: Ticket::new(self.generation, tag),
                    item: item.clone(),
                    deliveries: times,
                    failures: Some(failures),
                    fault,
                });
                let until = now.after(lease);
                let loan = Loan {
                    lane: at,
                    item,
                    deliveries: times,
                    failures,
                    until,
                    settling: false,
                    serial: None,
                    copied: false,
                };
                self.loans.insert(tag, loan);
            }
        }
        Ok((deliveries, more))
    }

    /// The lanes whose capacity is to change: it grows at once, and shrinks only when it has been too large for as long as from one
    /// trimming to the next.
    pub(super) fn changes(&mut self, trim: bool, most: usize, now: Moment) -> Vec<(usize, Change)> {
        let mut changes = Vec::new();
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            if lane.trouble.is_some_and(|trouble| trouble.until > now) {
                continue;
            }
            let wish = lane.wished.min(most);
            if wish > lane.capacity {
                changes.push((at, Change::Grow(wish)));
            } else if trim {
                // Nobody pulls though something is here: it could not start, and may elsewhere.
                let idle = !lane.pulled && !lane.hungry && !lane.fresh.is_empty();
                let need = if idle { lane.on_loan } else { lane.peak.min(most).max(1) };
                if idle || lane.capacity > need * 2 {
                    changes.push((at, Change::Shrink(need)));
                    lane.wished = need;
                }
            }
            if trim {
                (lane.peak, lane.pulled) = (lane.wished, false);
            }
        }
        changes
    }

    /// The loan of this ticket, if it may still be settled.
    pub(super) fn loan(&mut self, ticket: &Ticket, now: Moment) -> Option<&mut Loan> {
        // Nothing is on loan while there is no connection.
        self.lent(ticket).filter(|loan| loan.settling || loan.until > now)
    }

    /// The loan of this ticket, of which a settlement is on its way.
    pub(super) fn lent(&mut self, ticket: &Ticket) -> Option<&mut Loan> {
        let same = ticket.generation() == self.generation;
        self.loans.get_mut(&ticket.number()).filter(|_| same)
    }

    /// The server was told that this delivery has ended: done with, or to come again.
    pub(super) fn ended(&mut self, tag: u64, done: bool) {
        if let Some(loan) = self.loans.remove(&tag) {
            let lane = &mut self.lanes[loan.lane];
            lane.on_loan = lane.on_loan.saturating_sub(1);
            lane.returns += u64::from(!done || loan.copied);
        }
    }

    /// The connection was lost over this lane.
    pub(super) fn troubles(&mut self, at: usize, now: Moment) {
        let lane = &mut self.lanes[at];
        let pause = lane.trouble.map_or(PAUSE.0, |trouble| (trouble.pause * 2).min(PAUSE.1));
        lane.trouble = Some(Trouble { until: now.after(pause), pause });
        tracing::warn!(
            lane = lane.lane.subject(),
            ?pause,
            "the queue of this lane does not answer: it is left alone"
        );
    }

    /// Those whose lease has passed, with whether a copy of each is kept already, and when the next one does.
    pub(super) fn overdue(&self, now: Moment) -> (Vec<(u64, bool)>, Option<Moment>) {
        let (mut over, mut next) = (Vec::new(), None::<Moment>);
        for (tag, loan) in self.loans.iter().filter(|(_, loan)| !loan.settling) {
            if loan.until <= now {
                over.push((*tag, loan.copied));
            } else {
                next = Some(next.map_or(loan.until, |next| next.min(loan.until)));
            }
        }
        // Oldest first, as they are to come again in their order.
        over.sort_unstable_by(|a, b| b.cmp(a));
        (over, next)
    }

    /// The put-off items of this lane, of which the server tells the sum over all lanes. Which are whose is known of those that this
    /// process put off; the others are told with the first lane of normal priority, or the first of all.
    pub(super) fn delayed(&mut self, lane: &Lane, sum: u64, now: Moment) -> u64 {
        let known: u64 = self.lanes.iter().map(|lane| lane.away.count()).sum();
        let mut over = known.saturating_sub(sum);
        for lane in &mut self.lanes {
            over -= lane.away.forget(over, now);
        }
        let is_normal = |stock: &LaneStock| stock.lane.priority == Priority::Normal;
        let first = self.lanes.iter().position(is_normal).unwrap_or(0);
        let Some(at) = self.find(lane) else { return 0 };
        let others = if at == first { sum.saturating_sub(known) } else { 0 };
        self.lanes[at].away.count() + others
    }
}

/// Not to be guessed from one process to the next. The first bit is left to whoever tells brokers apart by it.
fn next_generation(last: u64) -> u64 {
    let fresh = if last == 0 { fastrand::u64(1..1 << 62) } else { last + 1 };
    fresh & (u64::MAX >> 1)
}
