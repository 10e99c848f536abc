//! The thread that consumes, `hj-amqp-con`: the server pushes to it what could start about now, and it alone ends deliveries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use amiquip::{Channel, Consumer, ConsumerMessage, ConsumerOptions, Delivery, Error, QueueDeclareOptions};

use super::batch::{Batch, Parcel};
use super::dog::Kill;
use super::link::{Link, told};
use super::shared::{Order, Shared};
use super::stock::Fresh;
use super::topology;
use super::wire::{self, Message, Past};
use crate::kanban::broker::BrokerError;
use crate::kanban::item::{Item, Lane};
use crate::sync::channel::Select;
use crate::time::{Moment, Timestamp};

/// Waits no longer than this, whatever happens.
const NAP: Duration = Duration::from_secs(1);

/// No more is asked to be pushed of one lane.
const MOST: usize = 4096;

/// So many subscriptions to a lane are replaced by one.
const MOST_TAPS: usize = 4;

/// A subscription to a lane: several of one lane add up.
struct Tap<'a> {
    consumer: Consumer<'a>,
    lane: usize,
    prefetch: usize,
}

/// An item that came before its time and was put off again: acknowledged once its copy is confirmed.
struct Hop {
    batch: Arc<Batch>,
    tag: u64,
}

struct Session<'a> {
    shared: &'a Arc<Shared>,
    channel: &'a Channel,
    kill: Kill,
    generation: u64,
    taps: Vec<Tap<'a>>,
    /// Where deliveries go whose subscription was ended meanwhile: the first of the channel, of a queue that is always empty. None if that
    /// may not be declared.
    sink: Option<Consumer<'a>>,
    /// Deliveries not ended, by tag, without what is in them.
    held: HashMap<u64, Delivery>,
    hops: Vec<Hop>,
    /// When the wishes were last compared with what is pushed.
    trimmed: Moment,
    next_lease: Option<Moment>,
    /// Nothing is to be pushed any more.
    hushed: bool,
}

/// Consumes over this connection until it is lost or all is to end; tells why it was lost.
pub(super) fn serve(shared: &Arc<Shared>, link: &mut Link, up: &dyn Fn()) -> Result<(), BrokerError> {
    let kill = link.kill.clone();
    let patience = shared.settings.patience();
    let lanes: Vec<Lane> = shared.stock.lock().lanes.iter().map(|stock| stock.lane.clone()).collect();
    *shared.version.lock() = link.version();
    shared.dog.watch(&kill, patience, || topology::prepare(shared, link, &lanes))?;
    let channel = shared.dog.watch(&kill, patience, || link.channel(&shared.settings))?;
    let generation = {
        let mut stock = shared.stock.lock();
        stock.connected();
        stock.generation
    };
    let now = shared.clock.now();
    let sink = shared.dog.watch(&kill, patience, || sink(shared, link, &channel))?;
    let mut session = Session {
        shared,
        channel: &channel,
        kill: kill.clone(),
        generation,
        taps: Vec::new(),
        sink,
        held: HashMap::new(),
        hops: Vec::new(),
        trimmed: now,
        next_lease: None,
        hushed: false,
    };
    shared.desk.up();
    shared.asks.up();
    up();
    let result = session.run(link);
    let why = result.as_ref().err().cloned().unwrap_or(BrokerError::Closed);
    down(shared, &why);
    if result.is_err() {
        kill.fire();
    }
    shared.dog.watch(&kill, Duration::from_secs(1), || drop(session));
    shared.dog.watch(&kill, Duration::from_secs(1), || drop(channel));
    result
}

/// A subscription to a queue of this connection's own.
fn sink<'a>(
    shared: &Shared,
    link: &mut Link,
    channel: &'a Channel,
) -> Result<Option<Consumer<'a>>, BrokerError> {
    let settings = &shared.settings;
    let scratch = link.channel(settings)?;
    let name = format!("{}.sink.{:016x}", settings.prefix, fastrand::u64(..));
    let options =
        QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    if let Err(error) = scratch.queue_declare(&*name, options) {
        tracing::warn!(%error, "without permission to declare a queue of its own, ending a subscription may end the connection");
        return Ok(None);
    }
    let consumer = channel.basic_consume(name, ConsumerOptions::default());
    consumer.map(Some).map_err(|error| told(settings, &error))
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
        Order::Open { slip, .. } | Order::Settle { slip, .. } | Order::Hush { slip } => {
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
            shared.dog.watch(&kill, shared.settings.patience(), || self.turn(link))?;
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
        self.tune()
    }

    /// Takes in what was pushed.
    fn gather(&mut self) -> Result<(), BrokerError> {
        for at in 0..self.taps.len() {
            let lane = self.taps[at].lane;
            let mut came = Vec::new();
            loop {
                match self.taps[at].consumer.receiver().try_recv() {
                    Ok(ConsumerMessage::Delivery(delivery)) => came.push(delivery),
                    Ok(end) => return Err(self.ended(&end)),
                    Err(error) if error.is_empty() => break,
                    Err(_) => return Err(self.cause()),
                }
            }
            self.take_in(lane, came)?;
        }
        self.gather_strays()
    }

    /// Takes in what was pushed by subscriptions that had ended.
    fn gather_strays(&mut self) -> Result<(), BrokerError> {
        loop {
            let Some(sink) = &self.sink else { return Ok(()) };
            let stray = match sink.receiver().try_recv() {
                Ok(ConsumerMessage::Delivery(delivery)) => delivery,
                Ok(end) => return Err(self.ended(&end)),
                Err(error) if error.is_empty() => return Ok(()),
                Err(_) => return Err(self.cause()),
            };
            let names = &self.shared.names;
            let is_it = |stock: &super::stock::LaneStock| names.lane(&stock.lane) == stray.routing_key;
            let lane = self.shared.stock.lock().lanes.iter().position(is_it);
            if let Some(lane) = lane {
                self.take_in(lane, vec![stray])?;
            } else {
                let tag = stray.delivery_tag();
                self.held.insert(tag, stray);
                self.end(tag, false)?;
            }
        }
    }

    fn take_in(&mut self, lane: usize, came: Vec<Delivery>) -> Result<(), BrokerError> {
        if came.is_empty() {
            return Ok(());
        }
        let shared = self.shared;
        let now = shared.clock.timestamp();
        let name = shared.stock.lock().lanes[lane].lane.clone();
        let read: Vec<_> = came.into_iter().map(|delivery| self.read(&name, delivery, now)).collect();
        let is_early =
            |fresh: &Fresh| fresh.read.fault.is_none() && fresh.read.due.is_some_and(|due| due > now);
        let (early, ready): (Vec<_>, Vec<_>) = read.into_iter().partition(is_early);
        let mut stock = shared.stock.lock();
        for fresh in ready {
            stock.arrived(lane, fresh);
        }
        let held = stock.lanes[lane].fresh.len();
        drop(stock);
        for fresh in early {
            self.put_off_again(&fresh, now);
        }
        if held > MOST * 2 {
            let place = shared.settings.place();
            return Err(BrokerError::Unavailable(format!("{place} pushes more than was asked for")));
        }
        Ok(())
    }

    fn read(&mut self, lane: &Lane, mut delivery: Delivery, now: Timestamp) -> Fresh {
        let body = std::mem::take(&mut delivery.body);
        let properties = std::mem::take(&mut delivery.properties);
        delivery.exchange = String::new();
        delivery.routing_key = String::new();
        let message = Message { properties: &properties, body, redelivered: delivery.redelivered };
        let read = wire::read(lane, message, now);
        let tag = delivery.delivery_tag();
        self.held.insert(tag, delivery);
        Fresh { tag, read }
    }

    /// It was put off for longer than any retry lane keeps things: back into one with it.
    fn put_off_again(&mut self, fresh: &Fresh, now: Timestamp) {
        let due = fresh.read.due.unwrap_or(now);
        let past =
            Past { deliveries: fresh.read.deliveries - 1, failures: fresh.read.failures, due: Some(due) };
        let parcel = put_off(self.shared, &fresh.read.item, past, due.since(now));
        let shared = self.shared.clone();
        let batch = Batch::new(vec![parcel], Some(Arc::new(move || shared.desk.ring())));
        if let Err((batch, why)) = self.shared.outbox.send(batch.clone()) {
            batch.refuse(&why);
        }
        self.hops.push(Hop { batch, tag: fresh.tag });
    }

    /// Acknowledges what was put off again, if its copy is there; else it stays as if it were on loan, and is tried again.
    fn land(&mut self) -> Result<(), BrokerError> {
        let mut ended = Vec::new();
        self.hops.retain(|hop| match hop.batch.answers() {
            Some(answers) => {
                ended.push((hop.tag, answers.iter().all(Result::is_ok)));
                false
            }
            None => true,
        });
        ended.into_iter().try_for_each(|(tag, stored)| self.end(tag, stored))
    }

    fn obey(&mut self, order: Order, link: &mut Link) -> Result<(), BrokerError> {
        match order {
            Order::Open { lanes, arrivals, slip } => {
                if !slip.begin() {
                    return Ok(());
                }
                let prepared = topology::prepare(self.shared, link, &lanes);
                if prepared.is_ok() {
                    self.shared.stock.lock().open(&lanes, &arrivals);
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
                        self.shared.stock.lock().ended(tag);
                    }
                }
                slip.give(Ok(()));
            }
            Order::Hush { slip } => {
                self.hushed = true;
                let lanes = self.shared.stock.lock().lanes.len();
                (0..lanes).try_for_each(|lane| self.unsubscribe(lane))?;
                slip.give(Ok(()));
            }
            Order::Channel { slip } => {
                if slip.begin() {
                    let channel = link.channel(&self.shared.settings)?;
                    slip.give(Ok((channel, self.kill.clone())));
                }
            }
        }
        Ok(())
    }

    /// Ends a delivery: done with, or to come again.
    fn end(&mut self, tag: u64, done: bool) -> Result<(), BrokerError> {
        let Some(delivery) = self.held.remove(&tag) else { return Ok(()) };
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
        for tag in over {
            self.shared.stock.lock().ended(tag);
            self.end(tag, false)?;
        }
        Ok(())
    }

    /// Sees to it that as much is pushed as could start now.
    fn tune(&mut self) -> Result<(), BrokerError> {
        if self.hushed {
            return Ok(());
        }
        let now = self.shared.clock.now();
        let trim = now.since(self.trimmed) >= NAP;
        if trim {
            self.trimmed = now;
        }
        let changes = self.shared.stock.lock().changes(trim, MOST);
        for (lane, wish) in changes {
            let taps = self.taps.iter().filter(|tap| tap.lane == lane);
            let (count, capacity) = taps.fold((0, 0), |(count, sum), tap| (count + 1, sum + tap.prefetch));
            if wish > capacity && count < MOST_TAPS {
                self.subscribe(lane, wish - capacity)?;
            } else {
                // One takes the place of all.
                self.unsubscribe(lane)?;
                self.subscribe(lane, wish)?;
            }
            self.give_back(lane, wish)?;
        }
        Ok(())
    }

    fn subscribe(&mut self, lane: usize, prefetch: usize) -> Result<(), BrokerError> {
        let settings = &self.shared.settings;
        let explain = |error: Error| told(settings, &error);
        let limit = u16::try_from(prefetch).unwrap_or(u16::MAX);
        let queue = self.shared.names.lane(&self.shared.stock.lock().lanes[lane].lane);
        self.channel.qos(0, limit, false).map_err(explain)?;
        let consumer = self.channel.basic_consume(queue, ConsumerOptions::default()).map_err(explain)?;
        self.taps.push(Tap { consumer, lane, prefetch });
        self.note_capacity(lane);
        Ok(())
    }

    /// Ends the subscriptions of a lane. What they pushed stays here.
    fn unsubscribe(&mut self, lane: usize) -> Result<(), BrokerError> {
        let (ended, kept) =
            std::mem::take(&mut self.taps).into_iter().partition(|tap: &Tap<'_>| tap.lane == lane);
        self.taps = kept;
        let ended: Vec<Tap<'_>> = ended;
        for tap in ended {
            tap.consumer.cancel().map_err(|error| told(&self.shared.settings, &error))?;
            let mut came = Vec::new();
            while let Ok(ConsumerMessage::Delivery(delivery)) = tap.consumer.receiver().try_recv() {
                came.push(delivery);
            }
            self.take_in(lane, came)?;
        }
        self.note_capacity(lane);
        Ok(())
    }

    /// Gives back what was pushed and could not start for a while.
    fn give_back(&mut self, at: usize, keep: usize) -> Result<(), BrokerError> {
        let surplus: Vec<u64> = {
            let mut stock = self.shared.stock.lock();
            let lane = &mut stock.lanes[at];
            let keep = keep.saturating_sub(lane.on_loan).min(lane.fresh.len());
            lane.fresh.drain(keep..).map(|fresh| fresh.tag).collect()
        };
        surplus.into_iter().rev().try_for_each(|tag| self.end(tag, false))
    }

    fn note_capacity(&self, at: usize) {
        let sum = self.taps.iter().filter(|tap| tap.lane == at).map(|tap| tap.prefetch).sum();
        self.shared.stock.lock().lanes[at].capacity = sum;
    }

    /// Why a subscription ended that nobody here ended.
    fn ended(&self, end: &ConsumerMessage) -> BrokerError {
        let settings = &self.shared.settings;
        match end {
            ConsumerMessage::ServerClosedChannel(error) | ConsumerMessage::ServerClosedConnection(error) => {
                told(settings, error)
            }
            ConsumerMessage::ServerCancelled => BrokerError::Unavailable(format!(
                "{}: a queue was deleted, or its node has gone",
                settings.place()
            )),
            _ => self.cause(),
        }
    }

    fn cause(&self) -> BrokerError {
        match self.channel.qos(0, 0, false) {
            Err(error) => told(&self.shared.settings, &error),
            Ok(()) => BrokerError::Unavailable(format!("{} stopped pushing", self.shared.settings.place())),
        }
    }
}

/// A copy of an item that comes again after this time.
pub(super) fn put_off(shared: &Shared, item: &Item, mut past: Past, after: Duration) -> Parcel {
    let (exchange, kept) = shared.names.retry_for(after);
    past.due = wire::due(after, kept, shared.clock.timestamp()).map(|due| past.due.unwrap_or(due));
    let properties = wire::properties(item, past, amiquip::FieldTable::new())
        .with_expiration(kept.as_millis().max(1).to_string());
    Parcel { exchange, key: shared.names.lane(&item.lane), properties, body: item.payload.clone() }
}
