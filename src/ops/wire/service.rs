//! The service itself: how it fares, and how it ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kanban::ScheduleStatus;
use crate::time::Timestamp;

/// All schedules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedules {
    /// They, by name.
    pub schedules: Vec<ScheduleStatus>,
}

/// Whether it lives, or should be given work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it is so.
    pub ok: bool,
    /// If not, why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// The pull queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queues {
    /// The kind of its broker.
    pub broker: String,
    /// Whether items outlive the service.
    pub durable: bool,
    /// Items held, running or being settled.
    pub slots_used: u32,
    /// The most of them.
    pub slots: u32,
    /// Whether it is being emptied.
    pub draining: bool,
    /// What the broker last failed with, if it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Which of two brokers is published to, if there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover: Option<Failover>,
    /// Dead letters, if the broker can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<u64>,
    /// When the oldest of them died.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_dead_letter: Option<Timestamp>,
    /// Lanes whose items nobody seems to consume, if the broker can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strays: Option<Vec<Stray>>,
    /// The consumed domains.
    pub queues: Vec<Queue>,
    /// What was counted since the start, by name.
    pub counts: BTreeMap<String, u64>,
}

/// Items that nobody seems to consume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stray {
    /// Of which domain.
    pub domain: String,
    /// Of which priority.
    pub priority: String,
    /// How many.
    pub items: u64,
}

/// Two brokers as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failover {
    /// Where publishing stands: `primary`, `fallback` or `canary`.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// How often publishing moved to the fallback.
    pub trips: u64,
    /// How often it moved back.
    pub fail_backs: u64,
    /// The primary and the fallback.
    pub brokers: Vec<FailoverBroker>,
}

/// One of two brokers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailoverBroker {
    /// `primary` or `fallback`.
    pub role: String,
    /// Its kind.
    pub name: String,
    /// Whether it is published to.
    pub active: bool,
    /// What it fails with, if it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Items it confirmed.
    pub stored: u64,
    /// Items sent to it that it did not confirm.
    pub failed: u64,
    /// Items pulled from it.
    pub pulled: u64,
}

/// A consumed domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Its name.
    pub domain: String,
    /// What its breaker lets through: `closed`, `open`, …
    pub breaker: String,
    /// Items that could be pulled now: high, normal, low. `None` where it is not known.
    pub ready: [Option<u64>; 3],
    /// Items that wait for their time, of all priorities.
    pub delayed: u64,
    /// Items delivered and not settled, of all priorities.
    pub unsettled: u64,
    /// When the oldest ready one was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// Workers in its pools.
    pub workers: u32,
    /// Workers that the depth asks for.
    pub target_workers: u32,
    /// How long its handler takes, over the last few items, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler_mean_us: Option<f64>,
    /// Items pulled and waiting for a permit.
    pub held: u32,
    /// Items with a worker.
    pub running: u32,
    /// Items that ran so long that their lease was given up.
    pub stalled: u32,
}

/// How a drain goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainLine {
    /// It goes on.
    Progress(Progress),
    /// The last line: it has ended.
    Done(Drained),
}

/// What a drain still has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Items in the broker that could be pulled.
    pub ready: u64,
    /// Items that wait for their time.
    pub delayed: u64,
    /// Items and jobs that run, or wait for a worker.
    pub running: u64,
}

/// How a drain ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drained {
    /// Whether everything that was started has ended, and nothing is lost.
    pub clean: bool,
    /// Items that stay in the broker, if it can tell.
    pub left: Option<u64>,
    /// Those of them that are lost, since the broker is in memory.
    pub lost: u64,
    /// Items given back to the broker unrun, by id.
    pub given_back: Vec<String>,
    /// Items whose handler did not end in time, by id.
    pub abandoned: Vec<String>,
}

/// What was decided, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The entries.
    pub entries: Vec<Entry>,
}

/// One decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its number; a gap shows how many are gone.
    pub number: u64,
    /// How long ago, in milliseconds.
    pub ago_ms: u64,
    /// Who decided.
    pub author: String,
    /// The pool or domain it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// By which rule.
    pub rule: String,
    /// What, in words.
    pub decision: String,
    /// By which figures.
    pub inputs: String,
}
