//! What is published again and again, and when.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::values;
use crate::kanban::{Misfire, Overlap};
use crate::priority::Priority;

/// Items that are published again and again: TOML table `[schedules.NAME]`, the name 1 to 50 letters, digits, `-` or `_`.
///
/// It has a `domain`, and either `cron` or `every`.
///
/// `Debug` shows the size of the payload only: what it holds may be secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct ScheduleConfig {
    /// When: `[second] minute hour day month weekday`, such as `0 0 3 * * *` for 3 o'clock each night.
    pub cron: Option<String>,
    /// How often, 100 ms to 30 d.
    #[serde(deserialize_with = "values::some_lasting")]
    pub every: Option<Duration>,
    /// The time zone of `cron`, by its IANA name such as `Europe/Berlin`. Default `UTC`.
    pub zone: String,
    /// The domain whose items they are. There is no default.
    pub domain: String,
    /// How urgent they are. Default [`Priority::Normal`].
    pub priority: Priority,
    /// Their payload, at most [`KanbanConfig::payload`](super::KanbanConfig::payload). Default empty.
    pub payload: String,
    /// What they are routed by, up to 256 bytes. Default the id of each.
    pub key: Option<String>,
    /// How long after its tick an item is wanted, 1 ms to 30 d. Default forever.
    #[serde(deserialize_with = "values::some_lasting")]
    pub deadline: Option<Duration>,
    /// What becomes of ticks that were missed. Default [`Misfire::Once`].
    pub misfire: Misfire,
    /// What happens at a tick while the items of the one before are unfinished. Default [`Overlap::Skip`].
    pub overlap: Overlap,
    /// Whether a first item must succeed before the others of its tick are published. Default no.
    pub canary: bool,
    /// Items per tick, 1 to 10 000. Default 1.
    pub batch: u32,
    /// Whether it publishes. Default yes.
    pub enabled: bool,
}

impl fmt::Debug for ScheduleConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduleConfig")
            .field("cron", &self.cron)
            .field("every", &self.every)
            .field("zone", &self.zone)
            .field("domain", &self.domain)
            .field("priority", &self.priority)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("batch", &self.batch)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            cron: None,
            every: None,
            zone: "UTC".to_owned(),
            domain: String::new(),
            priority: Priority::default(),
            payload: String::new(),
            key: None,
            deadline: None,
            misfire: Misfire::default(),
            overlap: Overlap::default(),
            canary: false,
            batch: 1,
            enabled: true,
        }
    }
}
