//! The law: what is wrong with a service, in words, the worst first.

use std::time::Duration;

use heijunka::ops::wire::{Pool, Queue, Queues};

use super::theme::Level;
use super::view::Look;
use crate::units::{Count, Human, counted};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) level: Level,
    pub(super) text: String,
}

/// An item that waits longer than this is worth a look.
const LONG: Duration = Duration::from_secs(60);

/// Of the limit, from where on little is left.
const NEARLY: f64 = 0.9;

/// Below, load is uneven.
const UNEVEN: f64 = 0.5;

pub(super) fn troubles(look: &Look) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut tell = |level, text: String| found.push(Trouble { level, text });
    let status = &look.status;
    if status.state == "running" && !status.readiness.ok {
        tell(Level::Bad, format!("not ready: {}", reasons(&status.readiness.reasons)));
    } else if status.state != "running" {
        tell(Level::Warning, format!("the service is {}", status.state));
    }
    for pool in &status.pools {
        if let Some((level, text)) = of_pool(pool) {
            tell(level, format!("pool {}: {text}", pool.name));
        }
    }
    if let Some(queues) = &status.kanban {
        of_queues(queues, look.died, &mut tell);
        for queue in &queues.queues {
            of_queue(queue, look, &mut tell);
        }
    }
    if !look.refusals.is_empty() {
        let each = look.refusals.iter().map(|(reason, rate)| format!("{} {reason}", per_second(*rate)));
        tell(Level::Bad, format!("work is refused: {}", each.collect::<Vec<_>>().join(", ")));
    }
    let admission = &status.admission;
    if admission.hard > 0 && admission.in_flight as f64 >= NEARLY * admission.effective as f64 {
        let (used, limit) = (Count(admission.in_flight), Count(admission.effective));
        tell(Level::Warning, format!("nearly full: {used} of {limit} permits in use"));
    }
    if status.balance > 0.0 && status.balance < UNEVEN {
        tell(Level::Warning, format!("load is uneven: balance {:.2}, below {UNEVEN}", status.balance));
    }
    if status.burst.phase == "surging" {
        tell(Level::Warning, format!("a burst: {:.1} times the usual load", status.burst.ratio));
    }
    // Of the same level, in the order in which they were found.
    found.sort_by_key(|trouble| std::cmp::Reverse(trouble.level));
    found
}

/// How bad a pool's health is.
pub(super) fn health(pool: &Pool) -> Level {
    match pool.health.as_str() {
        "healthy" | "" => Level::Well,
        "critical" => Level::Bad,
        _ => Level::Warning,
    }
}

fn of_pool(pool: &Pool) -> Option<(Level, String)> {
    let lost = u64::from(pool.lost_workers);
    match health(pool) {
        Level::Well if lost > 0 => Some((Level::Warning, format!("{} given up", counted(lost, "worker")))),
        Level::Well => None,
        level => Some((level, format!("{}, {} waiting", pool.health, counted(pool.queued, "job")))),
    }
}

fn of_queues(queues: &Queues, died: u64, tell: &mut impl FnMut(Level, String)) {
    if let Some(fault) = &queues.fault {
        tell(Level::Bad, format!("broker {}: {fault}", queues.broker));
    }
    for broker in queues.failover.iter().flat_map(|failover| &failover.brokers) {
        if let Some(fault) = &broker.fault {
            tell(Level::Bad, format!("{} broker {}: {fault}", broker.role, broker.name));
        }
    }
    if let Some(failover) = queues.failover.as_ref().filter(|failover| failover.state != "primary") {
        tell(Level::Warning, format!("publishing to the {}: {}", failover.state, failover.reason));
    }
    if died > 0 {
        tell(Level::Bad, format!("{} just died", counted(died, "item")));
    } else if let Some(letters) = queues.dead_letters.filter(|letters| *letters > 0) {
        tell(Level::Warning, format!("{}: heijunka dlq list", counted(letters, "dead letter")));
    }
    for stray in queues.strays.iter().flatten() {
        let items = counted(stray.items, "item");
        tell(Level::Warning, format!("nobody consumes {} {}: {items}", stray.domain, stray.priority));
    }
}

/// How bad a queue fares.
pub(super) fn breaker(queue: &Queue) -> Level {
    match queue.breaker.as_str() {
        "closed" | "" => Level::Well,
        "open" => Level::Bad,
        _ => Level::Warning,
    }
}

/// How long its oldest ready item has waited.
pub(super) fn waited(queue: &Queue, look: &Look) -> Option<Duration> {
    queue.oldest.map(|oldest| look.status.at.since(oldest))
}

/// Whether that is long.
pub(super) fn is_long(waited: Duration) -> bool {
    waited >= LONG
}

fn of_queue(queue: &Queue, look: &Look, tell: &mut impl FnMut(Level, String)) {
    let domain = &queue.domain;
    match breaker(queue) {
        Level::Well => {}
        level => tell(level, format!("queue {domain}: its breaker is {}", queue.breaker)),
    }
    if queue.stalled > 0 {
        tell(Level::Bad, format!("queue {domain}: {} stalled", counted(queue.stalled.into(), "item")));
    }
    if let Some(waited) = waited(queue, look).filter(|waited| is_long(*waited)) {
        tell(Level::Warning, format!("queue {domain}: the oldest item waits for {}", Human(rounded(waited))));
    }
}

/// To whole seconds.
pub(super) fn rounded(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}

pub(super) fn per_second(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") }
}

fn reasons(reasons: &[String]) -> String {
    if reasons.is_empty() { "it does not say why".to_owned() } else { reasons.join("; ") }
}
