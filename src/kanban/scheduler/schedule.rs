//! What a schedule is, as people write it down.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::written;
use crate::kanban::name::{Name, NameError};
use crate::priority::Priority;

/// When a schedule fires: its ticks.
///
/// # Daylight saving
///
/// A cron expression is read against the wall clock of its zone. Twice a year that clock is set:
///
/// | the clock | one fixed time of day, such as `0 30 2 * * *` | several times of day, such as `0 */15 * * * *` |
/// |---|---|---|
/// | goes forward over the time | fires once, at the first second after the gap | what lies in the gap is left out |
/// | goes back over the time | fires once, the first time the clock shows it | fires each time the clock shows it |
///
/// So a daily schedule fires once on every day, and one of every quarter of an hour keeps its quarter of an hour. A fixed time of
/// day is one second, one minute and one hour, each a single number; `0 0 2,3 * * *` is two, and goes by the last column.
/// In UTC, the default, nothing of this happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// By the calendar.
    Cron {
        /// Five fields (minute, hour, day of the month, month, day of the week) or six (the second first), or `@hourly`,
        /// `@daily`, `@weekly`, `@monthly`, `@yearly`. Fields are `*`, numbers, names of months and days, lists `1,2`,
        /// ranges `1-5`, steps `*/5`; also `L` (the last day), `15W` (the weekday next to the 15th), `5#2` (the second
        /// Friday) and `+MON` (and not or, if the day of the month is given as well). Sunday is 0 or 7.
        expression: String,
        /// The IANA name of the zone whose clock it is read against, such as `Europe/Berlin`; `UTC` if absent.
        #[serde(default = "utc")]
        zone: String,
    },
    /// At the multiples of this time since the beginning of 1970 UTC, so that all instances agree: 100 ms to 366 days, in whole
    /// milliseconds.
    #[serde(with = "written::duration")]
    Every(Duration),
}

fn utc() -> String {
    "UTC".to_owned()
}

impl When {
    /// By a cron expression, in UTC.
    #[must_use]
    pub fn cron(expression: impl Into<String>) -> Self {
        When::Cron { expression: expression.into(), zone: utc() }
    }

    /// By a cron expression against the clock of a zone.
    #[must_use]
    pub fn cron_in(expression: impl Into<String>, zone: impl Into<String>) -> Self {
        When::Cron { expression: expression.into(), zone: zone.into() }
    }
}

/// What becomes of ticks that were missed, because nothing ran, the clock was set forward, or the broker did not answer.
///
/// A tick is late, and not missed, for 10 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// The latest of them is published, however many they are.
    #[default]
    Once,
    /// None is published.
    Skip,
}

/// What becomes of a tick while items of the one before are not finished.
///
/// An item is known to be finished when this process ran it to its end; else when its lane has nothing that waits and nothing
/// that is unsettled, which is looked at with each tick, or an hour after its publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It is published all the same.
    Allow,
}

/// Items that are published time and again. [`Schedule::new`] gives the defaults; what is wrong is said when it is added.
///
/// `Debug` shows the size of the payload and the names of the headers only: what they hold may be secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name: at most 50 characters. The items of a tick have the ids `NAME:TICK`, `NAME:TICK:1`, `NAME:TICK:2` and so on,
    /// where TICK is in milliseconds since the beginning of 1970: several instances publish the same item, which is stored once.
    #[serde(with = "written::name")]
    pub name: Name,
    /// When it fires.
    pub when: When,
    /// Whose items they are.
    #[serde(with = "written::name")]
    pub domain: Name,
    /// How urgent they are.
    #[serde(default, with = "written::priority")]
    pub priority: Priority,
    /// What they are routed by.
    #[serde(default)]
    pub key: Option<String>,
    /// What is to be worked on.
    #[serde(default, with = "written::payload")]
    pub payload: Bytes,
    /// What else is told with them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long after its tick an item is wanted, at least 1 ms. A tick that is published later than that is missed.
    #[serde(default, with = "written::optional_duration")]
    pub deadline: Option<Duration>,
    /// What becomes of missed ticks.
    #[serde(default)]
    pub misfire: Misfire,
    /// What becomes of a tick while the items of the one before are not finished.
    #[serde(default)]
    pub overlap: Overlap,
    /// Whether the first item of a tick is a test item: it has the header `canary: true`, goes out alone, and the others follow
    /// once it succeeded here. If it fails, or is not heard of before the next tick is published or an hour has passed,
    /// they are left out. From its publication to its success, at most for an hour, the pool of its domain does not grow.
    #[serde(default)]
    pub canary: bool,
    /// Items per tick, the canary included: 1 to 10 000.
    #[serde(default = "one")]
    pub batch: u32,
    /// Whether it fires at all. Ticks that pass while it does not are not missed.
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

impl Schedule {
    /// One empty item of normal priority per tick.
    ///
    /// # Errors
    /// [`NameError`] if one of the names is none.
    pub fn new(name: &str, domain: &str, when: When) -> Result<Self, NameError> {
        Ok(Self {
            name: Name::new(name)?,
            when,
            domain: Name::new(domain)?,
            priority: Priority::Normal,
            key: None,
            payload: Bytes::new(),
            headers: BTreeMap::new(),
            deadline: None,
            misfire: Misfire::Once,
            overlap: Overlap::Skip,
            canary: false,
            batch: 1,
            enabled: true,
        })
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("name", &self.name)
            .field("when", &self.when)
            .field("domain", &self.domain)
            .field("priority", &self.priority)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("headers", &self.headers.keys())
            .field("batch", &self.batch)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}
