//! Subscriptions: as many items are pushed here as could start about now, and what the server pushes is taken in.

use std::time::Duration;

use amiquip::{Channel, Consumer, ConsumerMessage, ConsumerOptions, Delivery, Error, QueueDeclareOptions};

use super::consume::{Held, Session};
use super::link::{Link, told};
use super::shared::Shared;
use super::stock::{Change, Fresh, LaneStock};
use super::wire::{self, Message};
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;
use crate::time::{Deadline, Timestamp};

/// No more is asked to be pushed of one lane.
const MOST: usize = 4096;

/// So many subscriptions to a lane are replaced by one.
const MOST_TAPS: usize = 4;

/// From one look at what is pushed and not wanted to the next: much longer than a question to a server far away takes.
const TRIM: Duration = Duration::from_secs(3);

/// So often the subscriptions are looked through for one that is missing.
const LOOKS: usize = 3;

/// Nothing is on its way any more when nothing came for so long; but no longer is waited for it than this.
const LULL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(300));

/// A subscription to a lane: several of one lane add up. The server counts against each what it pushed and was not told the end of.
pub(super) struct Tap<'a> {
    number: u64,
    pub(super) consumer: Consumer<'a>,
    lane: usize,
    prefetch: usize,
}

/// A subscription to a queue of this connection's own; none if it may not declare one.
pub(super) fn sink<'a>(
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

/// Ends a subscription, and takes what it had pushed. The client tells the caller that it has ended before it tells the receiver, and gives up
/// the whole connection if that is gone by then: so both are waited for. To be watched.
pub(super) fn cancel(consumer: &Consumer<'_>) -> Result<Vec<Delivery>, Error> {
    consumer.cancel()?;
    let mut came = Vec::new();
    while let Ok(ConsumerMessage::Delivery(delivery)) = consumer.receiver().recv() {
        came.push(delivery);
    }
    Ok(came)
}

impl Session<'_> {
    /// Takes in what was pushed.
    pub(super) fn gather(&mut self) -> Result<(), BrokerError> {
        let mut came = vec![Vec::new(); self.orphans.len()];
        for _ in 0..LOOKS {
            for tap in &self.taps {
                let pushed = self.pushed(&tap.consumer)?;
                came[tap.lane].extend(pushed.into_iter().map(|delivery| (tap.number, delivery)));
            }
            self.take_strays(&mut came)?;
            let tags = || came.iter().flatten().map(|(_, delivery)| delivery.delivery_tag());
            // The server counts what it pushes over this channel. If one is missing, a later one was found, and it came to a subscription that had
            // been looked at before.
            if tags().max().is_none_or(|newest| newest == self.came + tags().count() as u64) {
                break;
            }
        }
        (0..).zip(came).try_for_each(|(lane, came)| self.take_in(lane, came))
    }

    /// What came by subscriptions that had ended.
    fn take_strays(&mut self, came: &mut [Vec<(u64, Delivery)>]) -> Result<(), BrokerError> {
        let Some(sink) = &self.sink else { return Ok(()) };
        for stray in self.pushed(sink)? {
            let names = &self.shared.names;
            let is_it = |stock: &LaneStock| names.lane(&stock.lane) == stray.routing_key;
            let lane = self.shared.stock.lock().lanes.iter().position(is_it);
            if let Some(lane) = lane {
                came[lane].push((0, stray));
            } else {
                self.came += 1;
                stray.nack(self.channel, true).map_err(|error| told(&self.shared.settings, &error))?;
            }
        }
        Ok(())
    }

    fn pushed(&self, consumer: &Consumer<'_>) -> Result<Vec<Delivery>, BrokerError> {
        let mut came = Vec::new();
        loop {
            match consumer.receiver().try_recv() {
                Ok(ConsumerMessage::Delivery(delivery)) => came.push(delivery),
                Ok(end) => return Err(self.ended(&end)),
                Err(error) if error.is_empty() => return Ok(came),
                Err(_) => return Err(self.cause()),
            }
        }
    }

    /// In the order in which the server pushed it, whatever subscription it came to.
    fn take_in(&mut self, lane: usize, mut came: Vec<(u64, Delivery)>) -> Result<(), BrokerError> {
        if came.is_empty() {
            return Ok(());
        }
        self.came += came.len() as u64;
        came.sort_unstable_by_key(|(_, delivery)| delivery.delivery_tag());
        let shared = self.shared;
        let now = shared.clock.timestamp();
        let name = shared.stock.lock().lanes[lane].lane.clone();
        let is_early =
            |fresh: &Fresh| fresh.read.fault.is_none() && fresh.read.due.is_some_and(|due| due > now);
        let read = came.into_iter().map(|(tap, delivery)| self.read(lane, &name, tap, delivery, now));
        let (early, ready): (Vec<_>, Vec<_>) = read.collect::<Vec<_>>().into_iter().partition(is_early);
        let mut stock = shared.stock.lock();
        // Also those that are put off again, which are away once and not twice.
        for _ in early.iter().chain(&ready).filter(|fresh| fresh.read.retried) {
            stock.lanes[lane].away.came();
        }
        for fresh in ready {
            stock.arrived(lane, fresh);
        }
        let held = stock.lanes[lane].fresh.len();
        drop(stock);
        for fresh in early {
            self.put_off_again(lane, fresh);
        }
        if self.hushed {
            self.give_back(lane, 0)?;
        }
        if held > MOST * 2 {
            let place = shared.settings.place();
            return Err(BrokerError::Unavailable(format!("{place} pushes more than was asked for")));
        }
        Ok(())
    }

    fn read(&mut self, at: usize, lane: &Lane, tap: u64, mut delivery: Delivery, now: Timestamp) -> Fresh {
        let body = std::mem::take(&mut delivery.body);
        let properties = std::mem::take(&mut delivery.properties);
        delivery.exchange = String::new();
        delivery.routing_key = String::new();
        let message = Message { properties: &properties, body, redelivered: delivery.redelivered };
        let read = wire::read(lane, message, now);
        let tag = delivery.delivery_tag();
        self.held.insert(tag, Held { delivery, lane: at, tap });
        if !self.taps.iter().any(|own| own.number == tap) {
            self.orphans[at] += 1;
            self.note_capacity(at);
        }
        Fresh { tag, read }
    }

    /// A delivery has ended; tells whether its subscription had ended before.
    pub(super) fn forget(&mut self, held: &Held) {
        if !self.taps.iter().any(|tap| tap.number == held.tap) {
            self.orphans[held.lane] -= 1;
            self.note_capacity(held.lane);
        }
    }

    /// Sees to it that as much is pushed as could start now.
    pub(super) fn tune(&mut self) -> Result<(), BrokerError> {
        if self.hushed {
            return Ok(());
        }
        let now = self.shared.clock.now();
        let trim = now.since(self.trimmed) >= TRIM;
        if trim {
            self.trimmed = now;
        }
        let changes = self.shared.stock.lock().changes(trim, MOST, now);
        for (lane, change) in changes {
            let taps = self.taps.iter().filter(|tap| tap.lane == lane);
            let (count, capacity) =
                taps.fold((0, self.orphans[lane]), |(count, sum), tap| (count + 1, sum + tap.prefetch));
            match change {
                Change::Grow(wish) if count < MOST_TAPS => {
                    self.subscribe(lane, wish.saturating_sub(capacity))?;
                }
                // One takes the place of all.
                Change::Grow(wish) => {
                    self.unsubscribe(lane)?;
                    self.subscribe(lane, wish.saturating_sub(self.orphans[lane]))?;
                }
                Change::Shrink(need) => {
                    self.unsubscribe(lane)?;
                    self.give_back(lane, need)?;
                    self.subscribe(lane, need.saturating_sub(self.orphans[lane]))?;
                }
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, lane: usize, prefetch: usize) -> Result<(), BrokerError> {
        if prefetch == 0 {
            return Ok(());
        }
        let settings = &self.shared.settings;
        let explain = |error: Error| told(settings, &error);
        let limit = u16::try_from(prefetch).unwrap_or(u16::MAX);
        let queue = self.shared.names.lane(&self.shared.stock.lock().lanes[lane].lane);
        self.channel.qos(0, limit, false).map_err(explain)?;
        self.shared.dog.answered(&self.kill);
        self.asking = Some((lane, self.shared.clock.now()));
        let consumer = self.channel.basic_consume(queue, ConsumerOptions::default()).map_err(explain)?;
        self.asking = None;
        self.shared.dog.answered(&self.kill);
        self.shared.stock.lock().lanes[lane].trouble = None;
        self.last_tap += 1;
        self.taps.push(Tap { number: self.last_tap, consumer, lane, prefetch });
        self.note_capacity(lane);
        Ok(())
    }

    /// Ends the subscriptions of a lane. What they pushed stays here.
    pub(super) fn unsubscribe(&mut self, lane: usize) -> Result<(), BrokerError> {
        let is_its = |tap: &Tap<'_>| tap.lane == lane;
        let (ended, kept) = std::mem::take(&mut self.taps).into_iter().partition(is_its);
        self.taps = kept;
        let ended: Vec<Tap<'_>> = ended;
        let numbers: Vec<u64> = ended.iter().map(|tap| tap.number).collect();
        self.orphans[lane] += self.held.values().filter(|held| numbers.contains(&held.tap)).count();
        let mut came = Vec::new();
        for tap in ended {
            let pushed = cancel(&tap.consumer).map_err(|error| told(&self.shared.settings, &error))?;
            self.shared.dog.answered(&self.kill);
            came.extend(pushed.into_iter().map(|delivery| (tap.number, delivery)));
        }
        self.take_in(lane, came)?;
        self.note_capacity(lane);
        Ok(())
    }

    /// Takes in all that was pushed until now: the server answers a question behind it.
    pub(super) fn catch_up(&mut self) -> Result<(), BrokerError> {
        self.channel.qos(0, 1, false).map_err(|error| told(&self.shared.settings, &error))?;
        self.shared.dog.answered(&self.kill);
        self.gather()
    }

    /// Has nothing more pushed, and sends back what was and nobody pulled.
    pub(super) fn hush(&mut self) -> Result<(), BrokerError> {
        // What is on its way when its subscription ends, the server takes back by itself, and counts it as delivered.
        let (most, mut lull) = (Deadline::after(LULL.1), Deadline::after(LULL.0));
        while !lull.passed() && !most.passed() && !self.taps.is_empty() {
            let before = self.held.len();
            self.catch_up()?;
            if self.held.len() != before {
                lull = Deadline::after(LULL.0);
            }
            std::thread::sleep(LULL.0 / 10);
        }
        self.hushed = true;
        let lanes = self.orphans.len();
        (0..lanes).try_for_each(|lane| self.unsubscribe(lane))?;
        self.catch_up()?;
        (0..lanes).try_for_each(|lane| self.give_back(lane, 0))
    }

    fn note_capacity(&self, at: usize) {
        let sum: usize = self.taps.iter().filter(|tap| tap.lane == at).map(|tap| tap.prefetch).sum();
        self.shared.stock.lock().lanes[at].capacity = sum + self.orphans[at];
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
