//! How the service fares, as a whole: what `/status` answers, and what `/events` tells each second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::service::{Queues, Readiness};
use crate::time::Timestamp;

/// How the service fares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// The number of its process.
    pub pid: u32,
    /// When this was told.
    #[serde(default)]
    pub at: Timestamp,
    /// `running` or `ending`.
    pub state: String,
    /// How long it runs, in milliseconds.
    #[serde(default)]
    pub uptime_ms: u64,
    /// Whether it should be given work.
    #[serde(default)]
    pub readiness: Readiness,
    /// Who is in, and who was refused.
    #[serde(default)]
    pub admission: Admission,
    /// How evenly the pools are used lately, 0 to 1: 1 is perfect, 0.8 good, below 0.5 poor.
    #[serde(default)]
    pub balance: f64,
    /// How bursts are handled.
    #[serde(default)]
    pub burst: Burst,
    /// The pools, by name.
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// The pull queue, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kanban: Option<Queues>,
}

/// Who is in, and who was refused. Counts are permits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Admission {
    /// In use.
    pub in_flight: u64,
    /// Of these, by priority domains.
    pub priority_in_flight: u64,
    /// From here on low-priority work is refused; outside priority domains already from so much less that their share of the reserve is kept.
    pub soft: u64,
    /// From here on all but priority domains is: `hard` less what is reserved for them.
    pub effective: u64,
    /// Never exceeded.
    pub hard: u64,
    /// Submissions refused since the start, by reason.
    pub refused: BTreeMap<String, u64>,
    /// The caps on classes of work.
    pub sub_limits: Vec<SubLimit>,
}

/// Limits, in permits: those in force, or those that are to be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// From here on low-priority work is refused; outside priority domains already from so much less that their share of the reserve is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<u32>,
    /// Never exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard: Option<u32>,
    /// The share of `hard` that only priority domains may use, 0 to below 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<f64>,
    /// The caps on classes of work, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sub_limits: BTreeMap<String, u32>,
}

/// A cap on a class of work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubLimit {
    /// Its name.
    pub name: String,
    /// Permits in use.
    pub in_flight: u64,
    /// The most of them.
    pub limit: u64,
}

/// How bursts are handled, and what that costs. Times of workers are in seconds, loads in arrivals per second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Burst {
    /// Whether they are answered.
    pub enabled: bool,
    /// `learning`, `watching`, `surging`, `returning`, `cooling` or `off`.
    pub phase: String,
    /// The usual load; 0 while it is not known.
    pub baseline: f64,
    /// The present one.
    pub current: f64,
    /// The present one over the usual one; 0 while that is not known.
    pub ratio: f64,
    /// The ratio that makes a burst.
    pub threshold: f64,
    /// Surge workers that each pool should have now.
    pub extra_workers: u32,
    /// When the lease ends, in milliseconds from now, during one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_left_ms: Option<u64>,
    /// When the next surge is possible, in milliseconds from now, during a cooldown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown_left_ms: Option<u64>,
    /// Surges since the start.
    pub surges: u64,
    /// Leases prolonged.
    pub renewals: u64,
    /// Time of surge workers that the pools had.
    pub granted_seconds: f64,
    /// The part of it that they spent on jobs.
    pub busy_seconds: f64,
    /// Time of surge workers that were not to be had.
    pub denied_seconds: f64,
    /// What was granted, in seconds of an ordinary worker.
    pub cost_seconds: f64,
    /// Jobs that surge workers finished.
    pub jobs: u64,
}

/// A pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The domain it belongs to.
    pub domain: String,
    /// Workers now, and their bounds.
    pub workers: u32,
    /// The fewest.
    pub min_workers: u32,
    /// The most.
    pub max_workers: u32,
    /// Of its workers, those that a burst brought.
    pub surge_workers: u32,
    /// Workers given up, whose job does not end; beside the others.
    pub lost_workers: u32,
    /// Whether the number of its workers was set by hand.
    pub by_hand: bool,
    /// Work time over wall time, lately, 0 to 1.
    pub utilisation: f64,
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that wait or run.
    pub in_flight: u64,
    /// `healthy`, `degraded`, `critical`, or whatever there is.
    pub health: String,
    /// Jobs that ended since the start, by how: `completed`, `failed`, `panicked`, `expired`, `cancelled`, `abandoned`.
    pub jobs: BTreeMap<String, u64>,
    /// How long its jobs took lately.
    pub latency: Latency,
}

/// How long jobs took lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// What lately means, in milliseconds: five to ten seconds where somebody keeps asking, else since the start or the time
    /// somebody asked before.
    pub window_ms: u64,
    /// From arrival to start.
    pub queue: Percentiles,
    /// From start to end.
    pub service: Percentiles,
    /// From arrival to end.
    pub total: Percentiles,
}

/// Microseconds that so many of a hundred jobs took at most; 0 where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    /// Jobs.
    pub count: u64,
    /// 50.
    pub p50_us: f64,
    /// 90.
    pub p90_us: f64,
    /// 99.
    pub p99_us: f64,
    /// 99.9.
    pub p999_us: f64,
    /// All of them.
    pub max_us: f64,
}
