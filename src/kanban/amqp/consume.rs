//! The thread that consumes, `hj-amqp-con`: the server pushes to it what could start about now, and it alone ends deliveries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use amiquip::{Channel, Consumer, Delivery};

use super::dog::Kill;
use super::hops::Hop;
use super::link::{Link, told};
use super::mail::Slip;
use super::shared::{Order, Shared};
use super::taps::{self, Tap};
use super::topology;
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;
use crate::sync::channel::Select;
use crate::time::Moment;

/// Waits no longer than this, whatever happens.
pub(super) const NAP: Duration = Duration::from_secs(1);

/// A delivery that has not ended, without what is in it.
pub(super) struct Held {
    pub(super) delivery: Delivery,
    pub(super) lane: usize,
    /// The number of its subscription.
    pub(super) tap: u64,
}

/// What one connection knows.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) channel: &'a Channel,
    pub(super) kill: Kill,
    generation: u64,
    pub(super) taps: Vec<Tap<'a>>,
    pub(super) last_tap: u64,
    /// Where deliveries go whose subscription was ended meanwhile: the first of the channel, of a queue that is always empty. None if that
    /// may not be declared.
    pub(super) sink: Option<Consumer<'a>>,
    /// By tag.
    pub(super) held: HashMap<u64, Held>,
    /// Of each lane, how many of those are of subscriptions that have ended.
    pub(super) orphans: Vec<usize>,
    /// How many the server pushed over this channel until now: the tag of the last one.
    pub(super) came: u64,
    pub(super) hops: Vec<Hop>,
    /// When the wishes were last compared with what is pushed.
    pub(super) trimmed: Moment,
    next_lease: Option<Moment>,
    /// Nothing is to be pushed any more, and who waits until what was is back.
    pub(super) hushed: bool,
    quiet: Option<Slip<Result<(), BrokerError>>>,
    /// The lane whose queue is being asked for a subscription, and since when.
    pub(super) asking: Option<(usize, Moment)>,
}

/// Consumes over this connection until it is lost or all is to end; tells why it was lost.
pub(super) fn serve(shared: &Arc<Shared>, link: &mut Link, up: &dyn Fn()) -> Result<(), BrokerError> {
    let kill = link.kill.clone();
    let patience = shared.settings.patience();
    let lanes: Vec<Lane> = shared.stock.lock().lanes.iter().map(|stock| stock.lane.clone()).collect();
    *shared.version.lock() = link.version();
    shared.dog.watch(&kill, patience, "preparing queues", || topology::prepare(shared, link, &lanes))?;
    let channel =
        shared.dog.watch(&kill, patience, "opening a channel", || link.channel(&shared.settings))?;
    let generation = {
        let mut stock = shared.stock.lock();
        stock.connected();
        stock.generation
    };
    let sink = shared.dog.watch(&kill, patience, "subscribing", || taps::sink(shared, link, &channel))?;
    let mut session = Session {
        shared,
        channel: &channel,
        kill: kill.clone(),
        generation,
        taps: Vec::new(),
        last_tap: 0,
        sink,
        held: HashMap::new(),
        orphans: vec![0; lanes.len()],
        came: 0,
        hops: Vec::new(),
        trimmed: shared.clock.now(),
        next_lease: None,
        hushed: false,
        quiet: None,
        asking: None,
    };
    shared.desk.up();
    shared.asks.up();
    up();
    let result = session.run(link);
    let why = result.as_ref().err().cloned().unwrap_or(BrokerError::Closed);
    session.lost(&why);
    down(shared, &why);
    if result.is_err() {
        kill.fire();
    }
    shared.dog.watch(&kill, Duration::from_secs(1), "closing", || drop(session));
    shared.dog.watch(&kill, Duration::from_secs(1), "closing", || drop(channel));
    result
}

/// Calls that need this connection fail at once from now on, and what it had delivered comes again.
pub(super) fn down(shared: &Shared, why: &BrokerError) {
    shared.stock.lock().lost();
    for order in shared.desk.down(why) {
        refuse(order, why);
    }
    for ask in shared.asks.down(why) {
        ask.refuse(why);
    }
}

fn refuse(order: Order, why: &BrokerError) {
    match order {
        Order::Open { slip, .. }
        | Order::Settle { slip, .. }
        | Order::CatchUp { slip }
        | Order::Hush { slip } => {
            slip.give(Err(why.clone()));
        }
        Order::Channel { slip } => slip.give(Err(why.clone())),
    }
}

impl Session<'_> {
    fn run(&mut self, link: &mut Link) -> Result<(), BrokerError> {
        loop {
            self.wait();
            let shared = self.shared;
            let kill = self.kill.clone();
            shared.dog.watch(&kill, shared.settings.patience(), "consuming", || self.turn(link))?;
            if shared.desk.is_closing() {
                return Ok(());
            }
        }
    }

    fn wait(&self) {
        let mut select = Select::new();
        select.recv(&self.shared.desk.bell);
        for consumer in self.taps.iter().map(|tap| &tap.consumer).chain(&self.sink) {
            select.recv(consumer.receiver());
        }
        let lease = self.next_lease.map(|at| self.shared.clock.real_time_until(at));
        // Nothing came: no matter.
        let _ = select.ready_timeout(lease.unwrap_or(self.shared.settings.lease).min(NAP));
    }

    fn turn(&mut self, link: &mut Link) -> Result<(), BrokerError> {
        self.gather()?;
        // Before the look, so that a ring after it is heard.
        let _ = self.shared.desk.bell.try_recv();
        while let Some(order) = self.shared.desk.take() {
            self.obey(order, link)?;
        }
        self.land()?;
        self.end_leases()?;
        self.tune()?;
        if self.hops.is_empty()
            && let Some(slip) = self.quiet.take()
        {
            slip.give(Ok(()));
        }
        Ok(())
    }

    fn obey(&mut self, order: Order, link: &mut Link) -> Result<(), BrokerError> {
        match order {
            Order::Open { lanes, arrivals, slip } => {
                if !slip.begin() {
                    return Ok(());
                }
                let prepared = topology::prepare(self.shared, link, &lanes);
                if prepared.is_ok() {
                    let mut stock = self.shared.stock.lock();
                    stock.open(&lanes, &arrivals);
                    self.orphans.resize(stock.lanes.len(), 0);
                }
                slip.give(prepared);
            }
            Order::Settle { generation, ends, slip } => {
                if !slip.begin() {
                    return Ok(());
                }
                if generation == self.generation {
                    for (tag, done) in ends {
                        self.end(tag, done)?;
                        self.shared.stock.lock().ended(tag, done);
                    }
                }
                slip.give(Ok(()));
            }
            Order::CatchUp { slip } => {
                if slip.begin() {
                    self.catch_up()?;
                    slip.give(Ok(()));
                }
            }
            Order::Hush { slip } => {
                self.quiet = Some(slip);
                self.hush()?;
            }
            Order::Channel { slip } => {
                if slip.begin() {
                    let channel = link.channel(&self.shared.settings)?;
                    self.shared.dog.answered(&self.kill);
                    slip.give(Ok((channel, self.kill.clone())));
                }
            }
        }
        Ok(())
    }

    /// Ends a delivery: done with, or to come again.
    pub(super) fn end(&mut self, tag: u64, done: bool) -> Result<(), BrokerError> {
        let Some(held) = self.held.remove(&tag) else { return Ok(()) };
        self.forget(&held);
        let Held { delivery, .. } = held;
        let told_so = if done { delivery.ack(self.channel) } else { delivery.nack(self.channel, true) };
        told_so.map_err(|error| told(&self.shared.settings, &error))
    }

    fn end_leases(&mut self) -> Result<(), BrokerError> {
        let now = self.shared.clock.now();
        // Leases only get longer.
        if self.next_lease.is_some_and(|next| now < next) {
            return Ok(());
        }
        let (over, next) = self.shared.stock.lock().overdue(now);
        self.next_lease = next;
        for (tag, copied) in over {
            self.shared.stock.lock().ended(tag, copied);
            // Of what was copied, the copy comes again.
            self.end(tag, copied)?;
        }
        Ok(())
    }

    /// The connection was lost.
    fn lost(&mut self, why: &BrokerError) {
        let now = self.shared.clock.now();
        let hung = |since: &(usize, Moment)| now.since(since.1) >= self.shared.settings.patience();
        if let Some((lane, _)) = self.asking.filter(hung) {
            self.shared.stock.lock().troubles(lane, now);
        }
        if let Some(slip) = self.quiet.take() {
            slip.give(Err(why.clone()));
        }
    }
}
