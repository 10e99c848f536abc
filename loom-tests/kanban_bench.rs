//! A consumer with all that it works with, the broker that watches what it does, and what must hold once everything has ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32 as Plain, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;

use super::super::super::{Env, Mode, Office, Shared, Source, prepare};
use super::super::Driver;
use crate::admission::{Limits, Regulator};
use crate::domain::{Domain, DomainShared, PoolRef};
use crate::harness::{Role, run};
use crate::kanban::breaker::BreakerSettings;
use crate::kanban::broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Delivery, Depth, PublishError, Settled, Settlement, Stored,
    Ticket, Traits, Verdict, Want,
};
use crate::kanban::cells::Counts;
use crate::kanban::consumer::ConsumerSettings;
use crate::kanban::depth::CoordinatorSettings;
use crate::kanban::item::{Item, ItemSpec, Lane};
use crate::kanban::name::Name;
use crate::kanban::outcome::Work;
use crate::kanban::retry::{Expired, RetrySettings};
use crate::kanban::seen::MemorySeen;
use crate::kanban::{Embedded, EmbeddedSettings};
use crate::pool::models as pool;
use crate::priority::Priority;
use crate::routing::{Router, Target};
use crate::spans::Spans;
use crate::time::{Clock, ManualTime, Moment, Timestamp};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// What is written down beside a model, where loom does not look.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) slots: usize,
    /// After so many runs the consumer is told to stop.
    pub(super) quits_after: Option<usize>,
    pub(super) published: Plain,
    pub(super) on_loan: Mutex<HashMap<u64, String>>,
    /// Items whose handler has ended.
    pub(super) ran: Mutex<Vec<String>>,
    pub(super) acked: Mutex<Vec<String>>,
    /// So many pulls and settlements fail.
    pub(super) failing_pulls: Plain,
    pub(super) failing_settlements: Plain,
    /// Whether a clerk waits for what the broker answers.
    pub(super) durable: bool,
    pub(super) shared: Late,
}

#[derive(Default)]
pub(super) struct Late(OnceLock<Weak<Shared>>);

impl std::fmt::Debug for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad("Late")
    }
}

impl Books {
    /// One less of them, if there are any.
    fn fails(of: &Plain) -> bool {
        of.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn handle(&self, work: &Work<'_>) {
        let ran = {
            let mut ran = self.ran.lock().unwrap();
            ran.push(work.item().id.as_str().to_owned());
            ran.len()
        };
        if self.quits_after == Some(ran) {
            self.shared.0.get().unwrap().upgrade().unwrap().set_mode(Mode::Stop);
        }
    }
}

/// The embedded broker, and what a consumer must never do with one.
#[derive(Debug)]
pub(super) struct Watched {
    broker: Embedded,
    books: Arc<Books>,
}

impl Broker for Watched {
    fn traits(&self) -> Traits {
        // No polling: an arrival that is not heard is lost.
        Traits { poll: None, durable: self.books.durable, ..self.broker.traits() }
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        if Books::fails(&self.books.failing_pulls) {
            return Err(BrokerError::Unavailable("as the model wants".to_owned()));
        }
        let deliveries = self.broker.pull(wants, within)?;
        let mut on_loan = self.books.on_loan.lock().unwrap();
        for delivery in &deliveries {
            on_loan.insert(delivery.ticket.number(), delivery.item.id.as_str().to_owned());
        }
        assert!(on_loan.len() <= self.books.slots, "more on loan than there are slots");
        Ok(deliveries)
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        for Settlement { ticket, verdict } in &settlements {
            let on_loan = self.books.on_loan.lock().unwrap();
            let id = on_loan.get(&ticket.number()).expect("it is not settled yet");
            let ended = self.books.ran.lock().unwrap().contains(id);
            assert_eq!(matches!(verdict, Verdict::Ack), ended, "done if and only if its handler ended");
        }
        if Books::fails(&self.books.failing_settlements) {
            let why = BrokerError::Unavailable("as the model wants".to_owned());
            return settlements.into_iter().map(|it| Settled::Failed(it, why.clone())).collect();
        }
        let told: Vec<_> =
            settlements.iter().map(|it| (it.ticket.number(), matches!(it.verdict, Verdict::Ack))).collect();
        let settled = self.broker.settle(settlements, within);
        assert!(settled.iter().all(|settled| matches!(settled, Settled::Done)), "{settled:?}");
        for (ticket, ack) in told {
            let id = self.books.on_loan.lock().unwrap().remove(&ticket).unwrap();
            if ack {
                self.books.acked.lock().unwrap().push(id);
            }
        }
        settled
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        self.books.published.fetch_add(items.len() as u32, Relaxed);
        self.broker.publish(items, within)
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        self.broker.open(lanes, arrivals, within)
    }

    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.broker.extend(tickets, within)
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.broker.depth(lane, within)
    }

    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.broker.item_count(within)
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.broker.dead_letters(after, most, within)
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.broker.dead_letter_count(within)
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.broker.remove_dead_letter(serial, within)
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.broker.put_note(name, note, within)
    }

    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.broker.notes(within)
    }

    fn close(&self, within: Duration) {
        self.broker.close(within);
    }
}

/// A consumer of one domain with one pool and one worker.
pub(super) struct World {
    pub(super) regulator: Arc<Regulator>,
    pub(super) pool: crate::sync::Arc<crate::pool::Shared>,
    pub(super) broker: Arc<Watched>,
    pub(super) shared: Arc<Shared>,
    driver: Driver,
    pub(super) office: Option<Office>,
    time: ManualTime,
    pub(super) books: Arc<Books>,
}

pub(super) fn world(limit: u32, books: Books) -> World {
    let (clock, time) = Clock::manual();
    // Not at 0, where every key is sampled.
    time.advance(Duration::from_nanos(1));
    let regulator = Arc::new(Regulator::new(Limits::new(limit, limit, 0).unwrap()));
    let pool = pool::open(&regulator, &clock);
    let router = Router::new([Target::new("model", 1, PoolRef(pool.clone()))]).unwrap();
    let domain = DomainShared {
        name: "model".to_owned(),
        priority: false,
        sub_limit: None,
        router,
        regulator: regulator.clone(),
        clock: clock.clone(),
        spans: Spans::default(),
    };
    let books = Arc::new(books);
    let handler = {
        let books = books.clone();
        Arc::new(move |work: &Work<'_>| books.handle(work))
    };
    let source = Source {
        name: Name::new("model").unwrap(),
        domain: Domain { shared: Arc::new(domain) },
        handler,
        retry: RetrySettings::default(),
    };
    let settings = EmbeddedSettings { lease: HOUR, ..EmbeddedSettings::default() };
    let broker =
        Arc::new(Watched { broker: Embedded::in_memory(settings, clock.clone()), books: books.clone() });
    let env = Env {
        broker: broker.clone(),
        seen: Arc::new(MemorySeen::new(10, HOUR, clock.clone())),
        regulator: regulator.clone(),
        clock,
        counts: Arc::new(Counts::default()),
        events: Arc::new(|_| {}),
        finished: Arc::new(|_, _| {}),
        settings: ConsumerSettings {
            pull: 10,
            prefetch: 1,
            slots: books.slots as u32,
            share: 1.0,
            settle_timeout: HOUR,
            stall_after: HOUR,
            expired: Expired::DeadLetter,
            breaker: BreakerSettings::default(),
            sample_every: HOUR,
            coordinator: CoordinatorSettings::default(),
        },
        spans: Spans::default(),
    };
    let (shared, mut driver, office) = prepare(env, vec![source]).unwrap();
    drop(books.shared.0.set(Arc::downgrade(&shared)));
    // Neither sampled nor told of before the end.
    let never = Moment::from_nanos(u64::MAX);
    (driver.due.sample, driver.due.status) = (never, never);
    World { regulator, pool, broker, shared, driver, office, time, books }
}

pub(super) fn publish(broker: &Watched, id: &str) {
    publish_as(broker, Priority::Normal, id);
}

pub(super) fn publish_as(broker: &Watched, priority: Priority, id: &str) {
    let spec = ItemSpec::new("model").id(id).priority(priority);
    let item = spec.build(Timestamp::default(), 1).unwrap();
    assert_eq!(broker.publish(&[Arc::new(item)], HOUR), [Ok(Stored::New)]);
}

/// What became of the items: how many ran, and how many are still in the broker.
pub(super) type End = (usize, u64);

impl World {
    /// Runs driver, worker and a third role at the same time; then everything must add up.
    pub(super) fn run(self, arrangement: usize, third: Role<'static>) -> End {
        let World { regulator, pool, broker, shared, mut driver, office: _, time, books } = self;
        let worker = pool::worker(&pool);
        let slots = books.slots;
        let driving = {
            let pool = pool.clone();
            Box::new(move || {
                // Registering with the collector of epochs is no part of the model.
                loom::stop_exploring();
                drop(crate::sync::pin());
                loom::explore();
                drive(&mut driver, &time);
                assert_eq!(driver.table.free() as usize, slots, "all slots are free");
                assert!(driver.queues.iter().all(|queue| queue.running_in_all() == 0), "nothing runs");
                assert!(driver.unsettled.is_empty(), "nothing is left to be settled");
                drop(driver);
                pool::dismiss(&pool);
            }) as Role
        };
        run(vec![driving, worker, third], arrangement);
        drop(shared);
        assert_eq!(regulator.status().in_flight, 0, "all permits are back");
        assert!(books.on_loan.lock().unwrap().is_empty(), "nothing is on loan");
        let [ran, acked] = [&books.ran, &books.acked].map(|ids| ids.lock().unwrap().clone());
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(ran.clone()), sorted(acked), "what ran was acknowledged, once");
        let left = broker.item_count(HOUR).unwrap();
        assert_eq!(u64::from(books.published.load(Relaxed)), ran.len() as u64 + left, "nothing is lost");
        (ran.len(), left)
    }
}

/// The driver as it runs, but for the time.
fn drive(driver: &mut Driver, time: &ManualTime) {
    while let Some(busy) = driver.step() {
        if busy {
            continue;
        }
        let now = driver.env.clock.now();
        let again = [driver.settle_again, driver.pull_again, driver.offer_again];
        match again.iter().filter_map(|again| again.at).filter(|at| *at > now).min() {
            Some(due) => {
                time.advance(due.since(now));
                loom::thread::yield_now();
            }
            None => driver.sleep(),
        }
    }
}
