//! How items are pulled, retried, given up and recognised.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{BrokerConfig, Config, DomainConfig, values};
use crate::kanban::Expired;

/// The pull queue: TOML table `[kanban]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct KanbanConfig {
    /// Items pulled at a time at most, 1 to 1000. Default 10.
    pub pull: u32,
    /// Items of a domain that are held beyond its free workers, 0 to 1000. Default 2.
    pub prefetch: u32,
    /// Items held, running or being settled at most, over all domains, 1 to 65 536. Default 1024.
    pub slots: u32,
    /// The share of the limit for normal work that pulled work may use, above 0 and up to 1. Default 0.5; in TOML `0.5` or
    /// `"50%"`.
    #[serde(deserialize_with = "values::proportion")]
    pub share: f64,
    /// The largest payload of an item, in bytes, 1 B to 64 MiB, and at most [`BrokerConfig::max_bytes`]. Default 1 MiB; in TOML
    /// `"1MiB"`.
    #[serde(deserialize_with = "values::size")]
    pub payload: u64,
    /// What a publication waits for its confirmation, 10 ms to 10 min. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub publish_timeout: Duration,
    /// What a settlement waits for its confirmation, 10 ms to 10 min. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub settle_timeout: Duration,
    /// How long an item may run before it is stalled and its lease is not extended any more, 1 ms to 24 h. Default 5 min: more
    /// than any [`RetryConfig::timeout`].
    #[serde(deserialize_with = "values::lasting")]
    pub stall_after: Duration,
    /// How often the health and the depth of the queue are looked at, 10 ms to 1 h. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub sample: Duration,
    /// How many of these samples the average depth is taken over, 1 to 1000. Default 10.
    pub window: u32,
    /// Items of average depth for which a pool is wanted to have one more worker than `target_min`, 1 to 1 000 000. Default 20.
    pub items_per_worker: u32,
    /// The least workers that the depth of the queue asks for, 1 to 50 and at most `target_max`. Default 2.
    pub target_min: u32,
    /// The most workers that the depth of the queue asks for, 1 to 50. Default 20.
    pub target_max: u32,
    /// What becomes of an item whose deadline has passed. Default [`Expired::DeadLetter`].
    pub expired: Expired,
    /// When an item is tried again, in every domain that has no settings of its own: `[kanban.retry]`.
    pub retry: RetryConfig,
    /// When a domain is not pulled for because its handler fails: `[kanban.breaker]`.
    pub breaker: BreakerConfig,
    /// What is remembered to recognise an item that was done already: `[kanban.seen]`.
    pub seen: SeenConfig,
}

/// When an item is tried again: TOML table `[kanban.retry]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct RetryConfig {
    /// Attempts that fail until the item is a dead letter, 1 to 1000. Default 5.
    pub max_attempts: u32,
    /// Deliveries, those that a crash interrupted included, until the item is a dead letter, 1 to 10 000 and at least
    /// `max_attempts`. Default 20.
    pub max_deliveries: u32,
    /// The longest wait before the second attempt, which doubles with every one after it, 1 ms to 1 h and at most `cap`. Default
    /// 1 s.
    #[serde(deserialize_with = "values::lasting")]
    pub base: Duration,
    /// The longest wait before any attempt, 1 ms to 24 h. Default 10 min.
    #[serde(deserialize_with = "values::lasting")]
    pub cap: Duration,
    /// How long a handler may take, 1 ms to 24 h. Default 1 min.
    #[serde(deserialize_with = "values::lasting")]
    pub timeout: Duration,
}

/// What differs from [`RetryConfig`] in one domain, key by key: TOML table `[domains.NAME.retry]`. Default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct RetryOverrides {
    /// Instead of [`RetryConfig::max_attempts`].
    pub max_attempts: Option<u32>,
    /// Instead of [`RetryConfig::max_deliveries`].
    pub max_deliveries: Option<u32>,
    /// Instead of [`RetryConfig::base`].
    #[serde(deserialize_with = "values::some_lasting")]
    pub base: Option<Duration>,
    /// Instead of [`RetryConfig::cap`].
    #[serde(deserialize_with = "values::some_lasting")]
    pub cap: Option<Duration>,
    /// Instead of [`RetryConfig::timeout`].
    #[serde(deserialize_with = "values::some_lasting")]
    pub timeout: Option<Duration>,
}

/// When a domain is not pulled for because its handler fails: TOML table `[kanban.breaker]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct BreakerConfig {
    /// Failures in a row, of those worth a retry, from which nothing is pulled, 1 to 1000. Default 3.
    pub failures: u32,
    /// How long nothing is pulled before one item is tried, 10 ms to 1 h. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub open: Duration,
}

/// What is remembered to recognise an item that was done already: TOML table `[kanban.seen]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct SeenConfig {
    /// Items remembered at most, 1 to 100 000 000. Default 100 000.
    pub capacity: u32,
    /// For how long, 1 s to 30 d. Default 1 h.
    #[serde(deserialize_with = "values::lasting")]
    pub ttl: Duration,
}

/// A handler that runs a program for each item of its domain: TOML table `[domains.NAME.exec]`.
///
/// `Debug` shows the names of the variables only: what they hold may be secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct ExecConfig {
    /// The program and its arguments. There is no default, and no shell.
    pub argv: Vec<String>,
    /// What is kept of its output and its errors, together, in bytes, 0 B to 16 MiB. Default 64 KiB; in TOML `"64KiB"`.
    #[serde(deserialize_with = "values::size")]
    pub output: u64,
    /// Its working directory. Default that of this process.
    pub directory: Option<PathBuf>,
    /// Variables added to its environment, which is otherwise a small clean one. Default none.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for ExecConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecConfig")
            .field("argv", &self.argv)
            .field("output", &self.output)
            .field("directory", &self.directory)
            .field("environment", &self.environment.keys())
            .finish()
    }
}

impl Config {
    /// The broker: its table, or the default one if there is none and a domain is consumed or a schedule publishes. `None` if
    /// there is no queue.
    ///
    /// Handlers given in code are not part of a configuration: they call for a broker as well.
    ///
    /// ```
    /// use heijunka::{BrokerKind, Config};
    ///
    /// let queue = |text: &str| Config::from_toml("heijunka.toml", text).unwrap().queue();
    /// assert!(queue("[pools.mail]").is_none());
    /// assert_eq!(queue("[pools.mail]\n[domains.mail]\nconsume = true").unwrap().kind, BrokerKind::Memory);
    /// ```
    #[must_use]
    pub fn queue(&self) -> Option<BrokerConfig> {
        let is_needed = || !self.schedules.is_empty() || self.domains.values().any(DomainConfig::is_consumed);
        self.broker.clone().or_else(|| is_needed().then(BrokerConfig::default))
    }

    /// When items of this domain are tried again: its own settings where it has some, and those of `[kanban.retry]`.
    #[must_use]
    pub fn retry_of(&self, domain: &str) -> RetryConfig {
        let own = self.domains.get(domain).map(|domain| domain.retry.clone()).unwrap_or_default();
        let all = &self.kanban.retry;
        RetryConfig {
            max_attempts: own.max_attempts.unwrap_or(all.max_attempts),
            max_deliveries: own.max_deliveries.unwrap_or(all.max_deliveries),
            base: own.base.unwrap_or(all.base),
            cap: own.cap.unwrap_or(all.cap),
            timeout: own.timeout.unwrap_or(all.timeout),
        }
    }
}

impl DomainConfig {
    /// Whether items are pulled for it, as far as the configuration says: it does, or there is a program to run. A handler given in
    /// code is reason enough, too, unless `consume` is false.
    #[must_use]
    pub fn is_consumed(&self) -> bool {
        self.consume.unwrap_or(self.exec.is_some())
    }
}

impl Default for KanbanConfig {
    fn default() -> Self {
        Self {
            pull: 10,
            prefetch: 2,
            slots: 1024,
            share: 0.5,
            payload: 1 << 20,
            publish_timeout: Duration::from_secs(5),
            settle_timeout: Duration::from_secs(5),
            stall_after: Duration::from_secs(300),
            sample: Duration::from_secs(5),
            window: 10,
            items_per_worker: 20,
            target_min: 2,
            target_max: 20,
            expired: Expired::default(),
            retry: RetryConfig::default(),
            breaker: BreakerConfig::default(),
            seen: SeenConfig::default(),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            max_deliveries: 20,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(600),
            timeout: Duration::from_secs(60),
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 3, open: Duration::from_secs(30) }
    }
}

impl Default for SeenConfig {
    fn default() -> Self {
        Self { capacity: 100_000, ttl: Duration::from_secs(3600) }
    }
}

impl Default for ExecConfig {
    fn default() -> Self {
        Self { argv: Vec::new(), output: 64 << 10, directory: None, environment: BTreeMap::new() }
    }
}
