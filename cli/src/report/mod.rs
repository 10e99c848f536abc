//! What a replay is summed up to; `text.rs` shows it to people, [`json`] to machines.

mod text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use heijunka::{Entry, PoolStatus, Reason, balance_coefficient};
use serde::Serialize;

use crate::drive::{Counts, Outcome};

pub(crate) use text::text;

/// The whole replay. Its fields, in this order, are the JSON report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) counts: Tally,
    pub(crate) domains: BTreeMap<String, DomainReport>,
    pub(crate) pools: BTreeMap<String, PoolReport>,
    /// 1 minus the coefficient of variation of the pools' utilisation, 0 to 1.
    pub(crate) balance: f64,
    /// What the control thread decided, the oldest first.
    pub(crate) journal: Vec<JournalLine>,
    pub(crate) bad_lines: u64,
    /// How late arrivals were offered; null at full speed.
    pub(crate) behind_ns: Option<Quantiles>,
    /// From the first arrival to the last.
    pub(crate) wall_seconds: f64,
    /// A signal stopped it before the trace's end.
    pub(crate) interrupted: bool,
    /// The runtime's own counts agree with those of the jobs.
    pub(crate) checked: bool,
}

/// What became of the arrivals: offered = admitted + refused, admitted = completed + failed + expired + lost.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    pub(crate) offered: u64,
    pub(crate) admitted: u64,
    pub(crate) refused: BTreeMap<&'static str, u64>,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    pub(crate) lost: u64,
}

/// One domain. The latencies are those of the pools that belong to it.
#[derive(Debug, Serialize)]
pub(crate) struct DomainReport {
    #[serde(flatten)]
    pub(crate) counts: Tally,
    /// What an offer cost its caller.
    pub(crate) admission_ns: Quantiles,
    /// From the intended arrival to the start.
    pub(crate) queue_ns: Quantiles,
    /// From the start to the end.
    pub(crate) service_ns: Quantiles,
    /// From the intended arrival to the end.
    pub(crate) total_ns: Quantiles,
}

/// One pool.
#[derive(Debug, Serialize)]
pub(crate) struct PoolReport {
    pub(crate) domain: String,
    /// When the last arrival had come.
    pub(crate) workers: u32,
    pub(crate) min_workers: u32,
    pub(crate) max_workers: u32,
    /// Work time over worker time, 0 to 1, over the whole run.
    pub(crate) utilisation: f64,
    /// Of all jobs that ran, 0 to 1.
    pub(crate) share: f64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    pub(crate) abandoned: u64,
}

/// One decision of the control thread.
#[derive(Debug, Serialize)]
pub(crate) struct JournalLine {
    /// After the first arrival.
    pub(crate) seconds: f64,
    pub(crate) author: &'static str,
    pub(crate) pool: Option<String>,
    pub(crate) decision: String,
    pub(crate) rule: String,
    pub(crate) inputs: String,
}

impl JournalLine {
    fn of((seconds, entry): &(f64, Arc<Entry>)) -> Self {
        Self {
            seconds: (seconds * 1e3).round() / 1e3,
            author: entry.author.name(),
            pool: entry.pool.clone(),
            decision: entry.decision.clone(),
            rule: entry.rule.clone(),
            inputs: entry.inputs.clone(),
        }
    }
}

/// In nanoseconds; zeros if there was nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p99_9: u64,
    pub(crate) max: u64,
}

impl Report {
    pub(crate) fn new(outcome: &Outcome) -> Self {
        let pools = &outcome.drained.pools;
        let all: Vec<Counts> = outcome.domains.iter().map(|(_, counts, _)| *counts).collect();
        let total = Counts::total(&all);
        let ran: u64 = pools.iter().map(|pool| pool.completed + pool.failed).sum();
        let domains = outcome.domains.iter().map(|(name, counts, cost)| {
            let own = |pool: &&PoolStatus| pool.domain == *name;
            let merged = |latency: fn(&PoolStatus) -> &Histogram<u64>| {
                quantiles(&merge(pools.iter().filter(own).map(latency)))
            };
            let report = DomainReport {
                counts: Tally::of(counts),
                admission_ns: quantiles(cost),
                queue_ns: merged(|pool| &pool.latency.queue),
                service_ns: merged(|pool| &pool.latency.service),
                total_ns: merged(|pool| &pool.latency.total),
            };
            (name.clone(), report)
        });
        let pool_reports = pools.iter().map(|pool| {
            let loaded = outcome.loaded.pools.iter().find(|loaded| loaded.name == pool.name).unwrap_or(pool);
            let report = PoolReport {
                domain: pool.domain.clone(),
                workers: loaded.workers,
                min_workers: pool.min_workers,
                max_workers: pool.max_workers,
                utilisation: ratio(pool.busy, pool.capacity).min(1.0),
                share: if ran == 0 { 0.0 } else { (pool.completed + pool.failed) as f64 / ran as f64 },
                completed: pool.completed,
                failed: pool.failed,
                expired: pool.expired,
                abandoned: pool.abandoned,
            };
            (pool.name.clone(), report)
        });
        let pool_reports: BTreeMap<_, _> = pool_reports.collect();
        Self {
            counts: Tally::of(&total),
            domains: domains.collect(),
            balance: balance_coefficient(pool_reports.values().map(|pool| pool.utilisation)),
            pools: pool_reports,
            journal: outcome.journal.iter().map(JournalLine::of).collect(),
            bad_lines: outcome.bad_lines,
            behind_ns: outcome.behind.as_ref().map(quantiles),
            wall_seconds: outcome.wall.as_secs_f64(),
            interrupted: outcome.signal.is_some(),
            checked: agree(&total, pools, outcome.left_behind),
        }
    }

    /// Whether nothing was lost and the counts agree.
    pub(crate) fn is_sound(&self) -> bool {
        self.counts.lost == 0 && self.checked
    }
}

impl Tally {
    fn of(counts: &Counts) -> Self {
        let by_reason = Reason::ALL.into_iter().map(|reason| (reason.name(), counts.refused[reason.index()]));
        Self {
            offered: counts.offered,
            admitted: counts.admitted,
            refused: by_reason.chain([("total", counts.refused())]).collect(),
            completed: counts.completed,
            failed: counts.failed,
            expired: counts.expired,
            lost: counts.missing(),
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused["total"]
    }
}

/// Whether the runtime saw as many jobs run, and as many end unrun, as the jobs themselves: exactly, but for one job on
/// each thread that was left behind.
fn agree(total: &Counts, pools: &[PoolStatus], left_behind: usize) -> bool {
    let sum = |count: fn(&PoolStatus) -> u64| pools.iter().map(count).sum::<u64>();
    let ran = sum(|pool| pool.completed + pool.failed);
    let unrun = sum(|pool| pool.expired + pool.cancelled + pool.abandoned);
    let close = |a: u64, b: u64| a.abs_diff(b) <= left_behind as u64;
    close(ran, total.completed + total.failed) && close(unrun, total.expired + total.missing())
}

fn merge<'a>(parts: impl Iterator<Item = &'a Histogram<u64>>) -> Histogram<u64> {
    let mut sum = Histogram::new(3).expect("three digits are valid");
    for part in parts {
        // It resizes itself, so that adding cannot fail.
        let _ = sum.add(part);
    }
    sum
}

fn quantiles(histogram: &Histogram<u64>) -> Quantiles {
    if histogram.is_empty() {
        return Quantiles::default();
    }
    let at = |quantile| histogram.value_at_quantile(quantile);
    Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p99_9: at(0.999), max: histogram.max() }
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

/// The report as one JSON object and a line end.
pub(crate) fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("plain data with text keys");
    text.push('\n');
    text
}
