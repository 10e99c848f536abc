//! RabbitMQ as a broker. See the README beside this file.

mod ask;
mod away;
mod batch;
mod consume;
mod dog;
mod guard;
mod hops;
mod letters;
mod life;
mod link;
mod mail;
mod names;
mod preflight;
mod publish;
mod settings;
mod settle;
mod shared;
mod stock;
mod taps;
mod text;
mod tls;
mod topology;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use amiquip::FieldTable;
use bytes::Bytes;
use parking_lot::Mutex;

pub use settings::{AmqpSettings, AmqpTls, QueueKind};

use self::ask::Ask;
use self::batch::{Parcel, Sent};
use self::life::Threads;
use self::link::Link;
use self::settle::Outgoing;
use self::shared::{Order, Shared};
use self::wire::Past;
use super::broker::{
    AT_A_TIME, Arrivals, Broker, BrokerError, DeadLetter, Delivery, Depth, Finding, PublishError, Settled,
    Settlement, Stored, Ticket, Traits, Want,
};
use super::item::{Item, ItemError, Lane};
use crate::time::{Clock, Deadline, Timestamp};

/// RabbitMQ, kept connected.
///
/// Items lie in one durable queue per domain and priority, `kanban.{priority}.{domain}`, where any AMQP client may put more. What is
/// to come again later waits in retry lanes, and what failed for good in `kanban.dlq`. Two connections, one to publish and one to
/// consume, are made again by themselves when they are lost.
///
/// RabbitMQ has no deduplication (an item published twice is there twice, with the same id), no notes, and no leases: the adapter
/// gives back what was neither settled nor extended in time. Delivered items come again when the connection ends.
///
/// The threads `hj-amqp-con`, `hj-amqp-pub`, `hj-amqp-ask` and `hj-amqp-dog` are its own, and the client has two more for each
/// connection. All end with [`Broker::close`] or when it is dropped.
pub struct Amqp {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

impl fmt::Debug for Amqp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amqp").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

/// What the headers of an item leave of a frame, at least: for what is added when it is tried again or dies.
const SPARE: usize = 4096;

/// A depth is looked at so often at most, while items go back to the server.
const LOOKS: u32 = 3;

fn is_empty(depth: &Depth) -> bool {
    depth.ready + depth.delayed + depth.unsettled == 0
}

impl Amqp {
    /// Connects, and prepares what every lane needs. Blocks for twice the time to connect, and the time to declare.
    ///
    /// # Errors
    /// [`BrokerError::Unusable`] for settings out of their ranges, and for queues that are there with others;
    /// [`BrokerError::Refused`] for wrong credentials, a missing vhost or permission; [`BrokerError::Unavailable`] if the
    /// server cannot be reached. Each says where, and what would help.
    pub fn connect(settings: AmqpSettings, clock: Clock) -> Result<Self, BrokerError> {
        settings.check()?;
        let shared = Arc::new(Shared::new(settings, clock));
        let threads = Threads::start(&shared)?;
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// Looks at a server before anything depends on it: its version, what may be done there, and whether what is there already is
    /// as it must be. Leaves nothing behind. Blocks for the time to connect, and at most three times two heartbeats.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), if it cannot even be asked.
    pub fn preflight(settings: &AmqpSettings) -> Result<Vec<Finding>, BrokerError> {
        settings.check()?;
        let shared = Arc::new(Shared::new(settings.clone(), Clock::monotonic()));
        let dog = Threads::guard(&shared)?;
        let found = Link::open(&shared.settings, &shared.dog).map(|mut link| {
            let kill = link.kill.clone();
            let found = preflight::look(&shared, &mut link, &kill);
            link.end(&shared.dog, Duration::from_secs(1));
            found
        });
        shared.dog.end();
        // It sleeps or it ends.
        let _ = dog.join_until(&Deadline::after(Duration::from_secs(1)));
        found
    }

    /// Connections that were made in place of lost ones, and how many of those were lost because a call of the client hung.
    #[must_use]
    pub fn reconnects(&self) -> (u64, u64) {
        (*self.shared.reconnects.lock(), self.shared.dog.fired())
    }

    fn parcel(&self, item: &Item) -> Result<Parcel, PublishError> {
        let settings = &self.shared.settings;
        let (bytes, most) = (item.payload.len(), settings.max_payload);
        if bytes > most {
            return Err(PublishError::Invalid(ItemError::TooLarge { bytes, most }));
        }
        let properties = wire::properties(item, Past::default(), FieldTable::new());
        let most = settings.max_frame as usize - SPARE;
        match wire::size(&properties) {
            Some(size) if size <= most => {
                let names = &self.shared.names;
                let (exchange, key) = (names.items(), names.lane(&item.lane));
                Ok(Parcel { exchange, key, properties, body: item.payload.clone() })
            }
            _ => Err(PublishError::NotStored(BrokerError::Refused(format!(
                "its headers take more than the {most} bytes that a frame leaves them: put them into the payload"
            )))),
        }
    }

    /// What the server has, and then what is here: what is pushed meanwhile counts twice, rather than not at all.
    fn look(&self, lane: &Lane, deadline: &Deadline) -> Result<Depth, BrokerError> {
        let (ready, sum) = self.shared.asks.call(deadline, |slip| Ask::Depth { lane: lane.clone(), slip })?;
        let depth = self.with_what_is_here(lane, ready, sum);
        if !is_empty(&depth) {
            return Ok(depth);
        }
        // Before it is said that there is nothing: something may be on its way to here.
        self.shared.desk.call(deadline, |slip| Order::CatchUp { slip })?;
        Ok(self.with_what_is_here(lane, ready, sum))
    }

    fn with_what_is_here(&self, lane: &Lane, ready: u64, sum: u64) -> Depth {
        let mut stock = self.shared.stock.lock();
        let delayed = stock.delayed(lane, sum, self.shared.clock.now());
        let Some(at) = stock.find(lane) else {
            return Depth { ready, delayed, unsettled: 0, oldest: None };
        };
        let here = &stock.lanes[at];
        Depth {
            ready: ready + (here.fresh.len() + here.hopping) as u64,
            delayed,
            unsettled: here.on_loan as u64,
            oldest: here.fresh.front().map(|fresh| fresh.read.item.published),
        }
    }

    /// Puts what was pushed and not pulled back where it came from.
    fn unread(&self, deadline: &Deadline) {
        // What is not back by then comes again all the same, only counted.
        let _ = self.shared.desk.call(deadline, |slip| Order::Hush { slip });
    }
}

impl Broker for Amqp {
    fn traits(&self) -> Traits {
        let settings = &self.shared.settings;
        Traits {
            name: "amqp",
            durable: true,
            lease: settings.lease,
            poll: None,
            max_payload: settings.max_payload,
        }
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        let order = |slip| Order::Open { lanes: lanes.to_vec(), arrivals, slip };
        self.shared.desk.call(&Deadline::after(within), order)
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        let deadline = Deadline::after(within);
        let begin = |items: &[Arc<Item>]| {
            let mut parcels = Vec::with_capacity(items.len());
            let mut place = |item: &Arc<Item>| self.parcel(item).map(|parcel| parcels.push(parcel));
            let placed: Vec<Sent> = items.iter().map(&mut place).collect();
            (placed, settle::begin_to_publish(&self.shared, parcels, &deadline))
        };
        let under_way: Vec<_> = items.chunks(AT_A_TIME).map(begin).collect();
        let stored = |(placed, outgoing): (Vec<Sent>, Outgoing)| {
            let mut sent = outgoing.wait(&self.shared, &deadline).into_iter();
            placed.into_iter().map(move |placed| {
                placed?;
                sent.next().unwrap_or(Err(PublishError::Unknown(BrokerError::Closed)))?;
                Ok(Stored::New)
            })
        };
        under_way.into_iter().flat_map(stored).collect()
    }

    fn pull(&self, wants: &[Want<'_>], _: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let (now, lease) = (self.shared.clock.now(), self.shared.settings.lease);
        if let Some(why) = self.shared.desk.trouble() {
            return Err(why);
        }
        let (deliveries, more) = self.shared.stock.lock().pull(wants, now, lease)?;
        if more {
            self.shared.desk.ring();
        }
        Ok(deliveries)
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        settle::settle(&self.shared, settlements, within)
    }

    fn extend(&self, tickets: &[&Ticket], _: Duration) -> Result<(), BrokerError> {
        let until = self.shared.clock.now();
        let mut stock = self.shared.stock.lock();
        if stock.closed {
            return Err(BrokerError::Closed);
        }
        for ticket in tickets {
            if let Some(loan) = stock.loan(ticket, until) {
                loan.until = until.after(self.shared.settings.lease);
            }
        }
        Ok(())
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        let deadline = Deadline::after(within);
        let returns = || {
            let stock = self.shared.stock.lock();
            stock.find(lane).map(|at| stock.lanes[at].returns)
        };
        let mut looks = 1;
        loop {
            let before = returns();
            let depth = self.look(lane, &deadline)?;
            // What went back meanwhile may have been missed here and there.
            if !is_empty(&depth) || before == returns() || looks == LOOKS {
                return Ok(depth);
            }
            looks += 1;
        }
    }

    fn item_count(&self, _: Duration) -> Result<u64, BrokerError> {
        Err(BrokerError::Unsupported("count of what other processes have on loan"))
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.shared.asks.call(&Deadline::after(within), |slip| Ask::Letters { after, most, slip })
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.shared.asks.call(&Deadline::after(within), |slip| Ask::Count { slip })
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.shared.asks.call(&Deadline::after(within), |slip| Ask::Remove { serial, slip })
    }

    fn put_note(&self, _: &str, _: Option<&[u8]>, _: Duration) -> Result<(), BrokerError> {
        Err(BrokerError::Unsupported("notes"))
    }

    fn notes(&self, _: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        Err(BrokerError::Unsupported("notes"))
    }

    fn close(&self, within: Duration) {
        let deadline = Deadline::after(within);
        let was_open = !std::mem::replace(&mut self.shared.stock.lock().closed, true);
        if was_open {
            // Half of the time at most, so that some is left for the connections.
            self.unread(&Deadline::after(within / 2));
        }
        self.threads.lock().end(&self.shared, &deadline);
    }
}

impl Drop for Amqp {
    fn drop(&mut self) {
        self.shared.stock.lock().closed = true;
        self.threads.lock().end(&self.shared, &Deadline::after(Duration::from_millis(100)));
    }
}
