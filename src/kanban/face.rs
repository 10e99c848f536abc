//! The pull queue of a runtime: publisher, consumer, scheduler and dead letters over one broker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::broker::{Broker, Traits};
use super::cells::{Count, Counts};
use super::consumer::{ConsumeError, Consumer, ConsumerStatus, Env, Leftover, Source};
use super::dead_letters::DeadLetters;
use super::failover::{Failover, FailoverStatus};
use super::name::{ItemId, Name};
use super::publisher::Publisher;
use super::scheduler::Scheduler;
use crate::time::{Clock, Deadline, Timestamp};

/// The pull queue of a [`Runtime`](crate::Runtime): items that are published here or elsewhere, pulled while there is capacity, and
/// kept until they are done. Cloning is cheap.
#[derive(Clone)]
pub struct Kanban {
    shared: Arc<Shared>,
}

struct Shared {
    broker: Arc<dyn Broker>,
    traits: Traits,
    clock: Clock,
    counts: Arc<Counts>,
    publisher: Publisher,
    dead_letters: DeadLetters,
    scheduler: Scheduler,
    consumed: Vec<Name>,
    consumer: Mutex<Option<Arc<Consumer>>>,
    /// What the consumer last told, once it has ended.
    last: Mutex<Option<ConsumerStatus>>,
    within: Duration,
}

/// A pull queue at work.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KanbanStatus {
    /// What its broker is like.
    pub broker: Traits,
    /// When this was told.
    pub at: Timestamp,
    /// Its consumer, unless nothing is consumed here.
    pub consumer: Option<ConsumerStatus>,
    /// What was counted so far.
    pub counts: KanbanCounts,
    /// Which of two brokers is published to and how both fare, if there are two.
    pub failover: Option<FailoverStatus>,
}

/// Items counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KanbanCounts {
    /// Stored.
    pub published: u64,
    /// Published again while they were there.
    pub published_twice: u64,
    /// Refused as wrong.
    pub invalid: u64,
    /// Certainly not stored.
    pub not_stored: u64,
    /// Stored or not.
    pub unknown: u64,
    /// Delivered to this process.
    pub pulled: u64,
    /// Handlers that succeeded.
    pub done: u64,
    /// Handlers that failed in any way.
    pub failed: u64,
    /// Settled as done with.
    pub acked: u64,
    /// Settled to be tried again.
    pub retried: u64,
    /// Settled as given back without an attempt.
    pub released: u64,
    /// Settled to the dead letters.
    pub dead_lettered: u64,
    /// Dropped by policy.
    pub dropped: u64,
    /// Delivered again though done, and not run.
    pub duplicates: u64,
    /// Delivered while running here, and given back.
    pub concurrent: u64,
    /// Settlements that came too late.
    pub gone: u64,
    /// Settlements that failed and were tried again.
    pub unsettled: u64,
    /// Items that ran so long that their lease was given up.
    pub stalled: u64,
}

/// What became of the pull queue when it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KanbanReport {
    /// Items given back to the broker unrun.
    pub given_back: Vec<ItemId>,
    /// Items whose handler did not end in time, or whose end could not be told to the broker. A durable broker delivers them again.
    pub abandoned: Vec<ItemId>,
    /// Items that stay in the broker, if it can tell.
    pub left: Option<u64>,
    /// Whether what stays is lost, since the broker is in memory.
    pub volatile: bool,
}

/// How long a broker has for its last answers when there is no time left.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl KanbanReport {
    /// Items that are lost: those that stay in a broker that is in memory.
    #[must_use]
    pub fn lost(&self) -> u64 {
        if self.volatile { self.left.unwrap_or(0) } else { 0 }
    }

    /// Whether every item that was started has ended, and nothing is lost.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.abandoned.is_empty() && self.lost() == 0
    }
}

impl Kanban {
    pub(crate) fn start(
        env: Env,
        sources: Vec<Source>,
        publisher: Publisher,
        scheduler: Scheduler,
    ) -> Result<Self, ConsumeError> {
        let Env { broker, clock, counts, .. } = env.clone();
        let within = env.settings.settle_timeout;
        let traits = broker.traits();
        let domains = sources.iter().map(|source| source.name.clone()).collect();
        let consumer = if sources.is_empty() { None } else { Some(Arc::new(Consumer::start(env, sources)?)) };
        let dead_letters = DeadLetters::new(broker.clone(), clock.clone()).timeout(within);
        let (consumer, last) = (Mutex::new(consumer), Mutex::default());
        let shared = Shared {
            broker,
            traits,
            clock,
            counts,
            publisher,
            dead_letters,
            scheduler,
            consumed: domains,
            consumer,
            last,
            within,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &Arc<dyn Broker> {
        &self.shared.broker
    }

    /// The domains whose items are pulled here.
    #[must_use]
    pub fn consumed(&self) -> &[Name] {
        &self.shared.consumed
    }

    /// What publishes.
    #[must_use]
    pub fn publisher(&self) -> &Publisher {
        &self.shared.publisher
    }

    /// What failed for good.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.shared.dead_letters
    }

    /// What publishes again and again.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.shared.scheduler
    }

    /// Everything there is to see: as of the last look of the consumer, which waits for nobody.
    #[must_use]
    pub fn status(&self) -> KanbanStatus {
        let shared = &self.shared;
        let running = shared.consumer.lock().clone();
        let consumer = running.map(|consumer| consumer.status()).or_else(|| shared.last.lock().clone());
        let (broker, at) = (shared.traits.clone(), shared.clock.timestamp());
        let failover = shared.broker.failover().map(Failover::status);
        KanbanStatus { broker, at, consumer, counts: KanbanCounts::of(&shared.counts), failover }
    }

    /// Ends scheduler and consumer; the broker stays open for those who still publish.
    pub(crate) fn end(&self, drain: bool, deadline: &Deadline) -> (KanbanReport, Vec<String>) {
        let shared = &self.shared;
        let mut unjoined = Vec::new();
        if !shared.scheduler.stop(deadline) {
            unjoined.push(Scheduler::THREAD.to_owned());
        }
        let consumer = shared.consumer.lock().clone();
        let left = consumer.as_ref().map(|consumer| consumer.end(drain, deadline)).unwrap_or_default();
        *shared.last.lock() = consumer.map(|consumer| consumer.status());
        *shared.consumer.lock() = None;
        let Leftover { abandoned, given_back, threads } = left;
        unjoined.extend(threads);
        let report = KanbanReport { given_back, abandoned, left: None, volatile: !shared.traits.durable };
        (report, unjoined)
    }

    /// Closes the broker: nothing is published any more. Tells how many items stay in it.
    pub(crate) fn close(&self, deadline: &Deadline) -> Option<u64> {
        // One deadline for all of the end, also if the broker does not answer.
        let within = || self.shared.within.min(deadline.left().max(LAST_WORDS));
        let left = self.shared.broker.item_count(within()).ok();
        self.shared.broker.close(within());
        left
    }
}

impl KanbanCounts {
    /// Each count with its name, as metrics and reports call it.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 18] {
        let Self { published, published_twice, invalid, not_stored, unknown, pulled, .. } = *self;
        let Self { done, failed, acked, retried, released, dead_lettered, .. } = *self;
        let Self { dropped, duplicates, concurrent, gone, unsettled, stalled, .. } = *self;
        [
            ("published", published),
            ("published_twice", published_twice),
            ("invalid", invalid),
            ("not_stored", not_stored),
            ("unknown", unknown),
            ("pulled", pulled),
            ("done", done),
            ("failed", failed),
            ("acked", acked),
            ("retried", retried),
            ("released", released),
            ("dead_lettered", dead_lettered),
            ("dropped", dropped),
            ("duplicates", duplicates),
            ("concurrent", concurrent),
            ("gone", gone),
            ("unsettled", unsettled),
            ("stalled", stalled),
        ]
    }

    fn of(counts: &Counts) -> Self {
        let of = |count| counts.sum(count);
        Self {
            published: of(Count::Published),
            published_twice: of(Count::PublishedTwice),
            invalid: of(Count::Invalid),
            not_stored: of(Count::NotStored),
            unknown: of(Count::Unknown),
            pulled: of(Count::Pulled),
            done: of(Count::Done),
            failed: of(Count::Failed),
            acked: of(Count::Acked),
            retried: of(Count::Retried),
            released: of(Count::Released),
            dead_lettered: of(Count::DeadLettered),
            dropped: of(Count::Dropped),
            duplicates: of(Count::Duplicate),
            concurrent: of(Count::Concurrent),
            gone: of(Count::Gone),
            unsettled: of(Count::Unsettled),
            stalled: of(Count::Stalled),
        }
    }
}

impl fmt::Debug for Kanban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kanban").field("broker", &self.shared.traits.name).finish_non_exhaustive()
    }
}
