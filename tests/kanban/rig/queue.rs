//! Publishing, settings that suit tests, and what can be asked of a queue.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Author, BreakerConfig, Broker, DeadLetter, Depth, Entry, ItemSpec, Kanban, KanbanConfig, KanbanCounts,
    Lane, Name, Priority, QueueStatus, RetryConfig, Runtime, Stored,
};

use crate::common::{GENEROUS, eventually};

/// How long a question to a broker may take.
pub(crate) const WITHIN: Duration = GENEROUS;

/// Retries follow within milliseconds, the depth is sampled all the time, and the breaker stays out of it.
pub(crate) fn quick() -> KanbanConfig {
    let millis = Duration::from_millis;
    KanbanConfig {
        sample: super::SAMPLE,
        retry: RetryConfig { base: millis(1), cap: millis(5), ..RetryConfig::default() },
        breaker: never_opens(),
        ..KanbanConfig::default()
    }
}

/// A breaker that does not open: for tests of failures of another kind.
pub(crate) fn never_opens() -> BreakerConfig {
    BreakerConfig { failures: 1000, ..BreakerConfig::default() }
}

/// An item of the domain `mail`.
pub(crate) fn item(id: impl std::fmt::Display) -> ItemSpec {
    ItemSpec::new("mail").id(id.to_string())
}

/// So many of them, with ids that begin so.
pub(crate) fn items(prefix: &str, count: usize, priority: Priority) -> impl Iterator<Item = ItemSpec> {
    (0..count).map(move |n| item(format_args!("{prefix}{n}")).priority(priority))
}

/// Publishes what is new, and all of it is stored.
pub(crate) fn publish(runtime: &Runtime, specs: impl IntoIterator<Item = ItemSpec>) -> usize {
    let answers = kanban(runtime).publisher().publish_batch(specs);
    for answer in &answers {
        assert_eq!(answer.as_ref().map(|receipt| receipt.stored), Ok(Stored::New));
    }
    answers.len()
}

fn kanban(runtime: &Runtime) -> Kanban {
    runtime.kanban().unwrap()
}

pub(crate) fn counts(runtime: &Runtime) -> KanbanCounts {
    kanban(runtime).status().counts
}

/// The queue of a domain, as its consumer last saw it.
pub(crate) fn queue(runtime: &Runtime, domain: &str) -> QueueStatus {
    let consumer = kanban(runtime).status().consumer.unwrap();
    consumer.queues.into_iter().find(|queue| queue.domain == domain).unwrap()
}

/// What the broker says of one lane of the domain `mail`.
pub(crate) fn depth(broker: &dyn Broker, priority: Priority) -> Depth {
    let lane = Lane { priority, domain: Name::new("mail").unwrap() };
    broker.depth(&lane, WITHIN).unwrap()
}

/// Items of the domain `mail` that are not done with.
pub(crate) fn waiting(broker: &dyn Broker) -> u64 {
    let depths = Priority::ALL.map(|priority| depth(broker, priority));
    depths.iter().map(|depth| depth.ready + depth.delayed + depth.unsettled).sum()
}

/// All dead letters, once they can be told: of two brokers one may be away.
pub(crate) fn dead(broker: &dyn Broker) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    eventually("dead letters are told", || {
        broker.dead_letters(0, 1_000_000, WITHIN).map(|told| letters = told).is_ok()
    });
    letters
}

/// What the pull queue wrote into the journal by this rule, the oldest first.
pub(crate) fn told(runtime: &Runtime, rule: &str) -> Vec<Arc<Entry>> {
    let is_it = |entry: &Arc<Entry>| entry.author == Author::Kanban && entry.rule == rule;
    runtime.journal().into_iter().filter(is_it).collect()
}
