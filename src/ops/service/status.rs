//! How the service fares, and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Method, Response, Routes};
use crate::kanban::{ConsumerStatus, FailoverStatus, KanbanCounts, KanbanStatus, Lane, QueueStatus};
use crate::ops::wire::{
    Admission, Entry, Failover, FailoverBroker, Journal, Pool, Queue, Queues, Readiness, Status, Stray,
};
use crate::pool::PoolStatus;
use crate::runtime::{Readiness as Ready, Runtime};
use crate::time::Moment;

/// Entries of the journal, unless told.
const ENTRIES: usize = 100;

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let (status, ready, journal) = (runtime.clone(), runtime.clone(), runtime.clone());
    let begun = runtime.clock().now();
    routes
        .quick(Method::Get, "/status", move |_| Ok(Response::json(&told(&status, begun))))
        .quick(Method::Get, "/healthz", |_| Ok(Response::json(&Readiness { ok: true, reasons: Vec::new() })))
        .quick(Method::Get, "/readyz", move |_| {
            let readiness = readiness(&ready);
            let status = if readiness.ok { 200 } else { 503 };
            Ok(Response::json(&readiness).status(status))
        })
        .quick(Method::Get, "/journal", move |request| {
            request.only(&["after", "most"])?;
            let after: Option<u64> = request.query_as("after")?;
            let most = request.query_as("most")?.unwrap_or(ENTRIES);
            let now = journal.clock().now();
            let entries = journal.journal();
            let newer: Vec<_> =
                entries.iter().filter(|entry| after.is_none_or(|after| entry.number > after)).collect();
            // Without a beginning, the latest; with one, those that follow it.
            let skipped = if after.is_none() { newer.len().saturating_sub(most) } else { 0 };
            let entries = newer.into_iter().skip(skipped).take(most).map(|entry| Entry {
                number: entry.number,
                ago_ms: millis(now.since(entry.at)),
                author: entry.author.name().to_owned(),
                subject: entry.pool.clone(),
                rule: entry.rule.clone(),
                decision: entry.decision.clone(),
                inputs: entry.inputs.clone(),
            });
            Ok(Response::json(&Journal { entries: entries.collect() }))
        })
}

fn readiness(runtime: &Runtime) -> Readiness {
    let reasons = match runtime.readiness() {
        Ready::Ready => Vec::new(),
        other => vec![other.to_string()],
    };
    Readiness { ok: reasons.is_empty(), reasons }
}

fn told(runtime: &Runtime, begun: Moment) -> Status {
    let status = runtime.status();
    let limits = status.admission.limits;
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        at: runtime.clock().timestamp(),
        state: if runtime.readiness() == Ready::Ending { "ending" } else { "running" }.to_owned(),
        uptime_ms: millis(runtime.clock().now().since(begun)),
        readiness: readiness(runtime),
        admission: Admission {
            in_flight: status.admission.in_flight.into(),
            soft: limits.soft().into(),
            hard: limits.hard().into(),
        },
        pools: status.pools.iter().map(pool).collect(),
        kanban: status.kanban.map(queues),
    }
}

fn pool(pool: &PoolStatus) -> Pool {
    Pool {
        name: pool.name.clone(),
        domain: pool.domain.clone(),
        workers: pool.workers,
        min_workers: pool.min_workers,
        max_workers: pool.max_workers,
        utilisation: pool.utilisation,
        queued: pool.queue_length as u64,
        in_flight: pool.in_flight.into(),
        health: pool.health.to_string(),
    }
}

fn queues(status: KanbanStatus) -> Queues {
    let KanbanStatus { broker, consumer, counts, failover: two, .. } = status;
    let ConsumerStatus { slots_used, slots, fault, queues, dead_letters, strays, .. } =
        consumer.unwrap_or_default();
    Queues {
        broker: broker.name.to_owned(),
        durable: broker.durable,
        slots_used,
        slots,
        fault,
        failover: two.map(failover),
        dead_letters: dead_letters.map(|(count, _)| count),
        oldest_dead_letter: dead_letters.and_then(|(_, oldest)| oldest),
        strays: strays.map(|strays| strays.into_iter().map(stray).collect()),
        queues: queues.iter().map(queue).collect(),
        counts: named(&counts),
    }
}

fn stray((lane, items): (Lane, u64)) -> Stray {
    Stray { domain: lane.domain.to_string(), priority: lane.priority.name().to_owned(), items }
}

fn failover(status: FailoverStatus) -> Failover {
    let active = status.active().role;
    let brokers = status.brokers.into_iter().map(|broker| FailoverBroker {
        role: broker.role.name().to_owned(),
        name: broker.name.to_owned(),
        active: broker.role == active,
        fault: broker.fault,
        stored: broker.stored,
        failed: broker.failed,
        pulled: broker.pulled,
    });
    Failover {
        state: status.state.name().to_owned(),
        since: status.since,
        reason: status.reason,
        trips: status.trips,
        fail_backs: status.fail_backs,
        brokers: brokers.collect(),
    }
}

fn queue(queue: &QueueStatus) -> Queue {
    let depths = queue.depths.iter().flatten();
    Queue {
        domain: queue.domain.clone(),
        breaker: queue.breaker.name().to_owned(),
        ready: queue.depths.map(|depth| depth.map(|depth| depth.ready)),
        delayed: depths.clone().map(|depth| depth.delayed).sum(),
        unsettled: depths.clone().map(|depth| depth.unsettled).sum(),
        oldest: depths.filter_map(|depth| depth.oldest).min(),
        workers: queue.workers,
        target_workers: queue.target_workers,
        held: queue.held,
        running: queue.running,
        stalled: queue.stalled,
    }
}

fn named(counts: &KanbanCounts) -> BTreeMap<String, u64> {
    counts.named().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
