//! How the service fares, and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::recent::Recent;
use super::{Method, Response, Routes};
use crate::admission;
use crate::burst::BurstStatus;
use crate::error::Reason;
use crate::kanban::{ConsumerStatus, FailoverStatus, KanbanCounts, KanbanStatus, Lane, QueueStatus};
use crate::ops::wire::{
    Admission, Burst, Entry, Failover, FailoverBroker, Journal, Pool, Queue, Queues, Readiness, Status,
    Stray, SubLimit,
};
use crate::pool::PoolStatus;
use crate::runtime::{Readiness as Ready, Runtime};
use crate::time::Moment;

/// Entries of the journal, unless told.
const ENTRIES: usize = 100;

/// How often those who listen are told.
const EVERY: Duration = Duration::from_secs(1);

/// What tells the status again and again.
#[derive(Debug)]
pub(super) struct Teller {
    runtime: Arc<Runtime>,
    recent: Mutex<Recent>,
}

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let teller = Arc::new(Teller::new(runtime.clone()));
    let (ready, journal, events) = (runtime.clone(), runtime.clone(), teller.clone());
    routes
        .quick(Method::Get, "/status", move |_| Ok(Response::json(&teller.status())))
        .open()
        .events("/events", EVERY, move |told| events.tell(told))
        .open()
        .quick(Method::Get, "/healthz", |_| Ok(Response::json(&Readiness { ok: true, reasons: Vec::new() })))
        .open()
        .quick(Method::Get, "/readyz", move |_| {
            let readiness = readiness(&ready.readiness());
            let status = if readiness.ok { 200 } else { 503 };
            Ok(Response::json(&readiness).status(status))
        })
        .open()
        .quick(Method::Get, "/journal", move |request| {
            request.only(&["after", "most"])?;
            let most = request.query_as("most")?.unwrap_or(ENTRIES);
            Ok(Response::json(&entries(&journal, request.query_as("after")?, most)))
        })
        .open()
}

/// The latest entries of the journal, or those that follow number `after`.
fn entries(runtime: &Runtime, after: Option<u64>, most: usize) -> Journal {
    let now = runtime.clock().now();
    let entries = runtime.journal();
    let newer: Vec<_> =
        entries.iter().filter(|entry| after.is_none_or(|after| entry.number > after)).collect();
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
    Journal { entries: entries.collect() }
}

fn readiness(ready: &Ready) -> Readiness {
    let ok = ready.is_ready();
    Readiness { ok, reasons: if ok { Vec::new() } else { vec![ready.to_string()] } }
}

impl Teller {
    pub(super) fn new(runtime: Arc<Runtime>) -> Self {
        let begun = runtime.clock().now();
        Self { runtime, recent: Mutex::new(Recent::new(begun)) }
    }

    pub(super) fn status(&self) -> Status {
        let runtime = &*self.runtime;
        let status = runtime.status();
        let now = runtime.clock().now();
        let mut recent = self.recent.lock();
        recent.meet(now, &status.pools);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            at: runtime.clock().timestamp(),
            state: if status.readiness == Ready::Ending { "ending" } else { "running" }.to_owned(),
            uptime_ms: millis(status.uptime),
            readiness: readiness(&status.readiness),
            admission: admission(status.admission),
            balance: status.balance,
            burst: burst(&status.burst, now),
            pools: status.pools.iter().map(|told| pool(told, &recent, now)).collect(),
            kanban: status.kanban.map(queues),
        }
    }
}

/// Server-sent events.
impl Teller {
    /// The status, and the journal if there is more of it than was `told`: at the beginning in any case, even if it is empty.
    fn tell(&self, told: &mut u64) -> Vec<u8> {
        let mut out = event("status", &self.status());
        // Numbers begin at 0, and nothing told is less than nothing there.
        let there = self.runtime.journal().last().map_or(1, |entry| entry.number + 2);
        if *told < there {
            out.extend(event("journal", &entries(&self.runtime, None, ENTRIES)));
            *told = there;
        }
        out
    }
}

/// One event. JSON has no line breaks of its own.
fn event(name: &str, data: &impl Serialize) -> Vec<u8> {
    let mut out = format!("event: {name}\ndata: ").into_bytes();
    // These types have nothing that JSON cannot hold.
    let _ = serde_json::to_writer(&mut out, data);
    out.extend_from_slice(b"\n\n");
    out
}

fn admission(status: admission::Status) -> Admission {
    let limits = status.limits;
    let refused = Reason::ALL.map(|reason| (reason.name().to_owned(), status.refused.of(reason)));
    let sub_limits = status.sub_limits.into_iter().map(|sub| SubLimit {
        name: sub.name,
        in_flight: sub.in_flight.into(),
        limit: sub.limit.into(),
    });
    Admission {
        in_flight: status.in_flight.into(),
        priority_in_flight: status.in_flight.saturating_sub(status.normal_in_flight).into(),
        soft: limits.soft().into(),
        effective: (limits.hard() - limits.reserved()).into(),
        hard: limits.hard().into(),
        refused: refused.into(),
        sub_limits: sub_limits.collect(),
    }
}

fn burst(status: &BurstStatus, now: Moment) -> Burst {
    let left = |end: Option<Moment>| end.map(|end| millis(end.since(now)));
    let ledger = &status.ledger;
    Burst {
        enabled: status.enabled,
        phase: status.phase.name().to_owned(),
        baseline: status.baseline_load,
        current: status.current_load,
        ratio: status.load_ratio,
        threshold: status.threshold,
        extra_workers: status.extra,
        lease_left_ms: left(status.lease_end),
        cooldown_left_ms: left(status.cooldown_end),
        surges: ledger.surges,
        renewals: ledger.renewals,
        granted_seconds: ledger.granted.as_secs_f64(),
        busy_seconds: ledger.busy.as_secs_f64(),
        denied_seconds: ledger.denied.as_secs_f64(),
        cost_seconds: ledger.cost,
        jobs: ledger.jobs,
    }
}

fn pool(pool: &PoolStatus, recent: &Recent, now: Moment) -> Pool {
    Pool {
        name: pool.name.clone(),
        domain: pool.domain.clone(),
        workers: pool.workers,
        min_workers: pool.min_workers,
        max_workers: pool.max_workers,
        surge_workers: pool.surge_workers,
        lost_workers: pool.lost_workers,
        by_hand: pool.by_hand,
        utilisation: pool.utilisation,
        queued: pool.queue_length as u64,
        in_flight: pool.in_flight.into(),
        health: pool.health.to_string(),
        jobs: pool.outcomes().map(|(outcome, jobs)| (outcome.to_owned(), jobs)).into(),
        latency: recent.of(pool, now),
    }
}

fn queues(status: KanbanStatus) -> Queues {
    let KanbanStatus { broker, consumer, counts, failover: two, .. } = status;
    let ConsumerStatus { slots_used, slots, fault, queues, dead_letters, strays, draining, .. } =
        consumer.unwrap_or_default();
    Queues {
        broker: broker.name.to_owned(),
        durable: broker.durable,
        slots_used,
        slots,
        draining,
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
        handler_mean_us: queue.mean.map(micros),
        held: queue.held,
        running: queue.running,
        stalled: queue.stalled,
    }
}

fn named(counts: &KanbanCounts) -> BTreeMap<String, u64> {
    counts.named().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
