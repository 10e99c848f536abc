//! What can be asked of a schedule.

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use super::watch::Canary;
use crate::time::Timestamp;

/// Where a schedule came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// From the configuration, with which it comes and goes.
    Config,
    /// It was added at run time, and lasts until it is cancelled, if the broker keeps notes.
    Runtime,
}

/// Ticks that were not published, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// They passed while nobody looked, except for those made up for; after a long time counted up to 100 at once.
    pub missed: u64,
    /// Items of an earlier tick were not finished.
    pub unfinished: u64,
    /// The queue was deep.
    pub slowed: u64,
    /// The broker did not take them, or not all of their items, by the next tick.
    pub unpublished: u64,
    /// The items behind the canary were left out, as it failed or was not heard of.
    pub canary: u64,
}

/// How a schedule fares. Counts are since this process began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleStatus {
    /// The schedule.
    pub schedule: Schedule,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it is paused.
    pub paused: bool,
    /// Its next tick, if it fires again.
    pub next: Option<Timestamp>,
    /// The last tick that was published, if this is known.
    pub last: Option<Timestamp>,
    /// Items that were published.
    pub published: u64,
    /// Those of them that another instance had published already.
    pub duplicates: u64,
    /// Ticks that were not.
    pub skipped: Skipped,
    /// Of how many ticks one is published: 1, or more while the queue is deep.
    pub slowed: u32,
    /// How its last canary fares.
    pub canary: Canary,
    /// Whether items of its last tick are not finished, as far as is known.
    pub unfinished: bool,
    /// What went wrong last, until it goes well again.
    pub error: Option<String>,
}
