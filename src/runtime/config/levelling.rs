//! What the laws of self-levelling go by: when to look, when to act, and how far.

use std::time::Duration;

use serde::Deserialize;

use super::{Config, values};
use crate::pool::Kind;

/// The control thread: TOML table `[control]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct ControlConfig {
    /// How often everything is looked at, 10 ms to 10 s. Default 250 ms; in TOML `"250ms"`.
    #[serde(deserialize_with = "values::lasting")]
    pub tick: Duration,
    /// Decisions that are kept to be looked up, 16 to 100 000. Default 1000.
    pub journal: u32,
}

/// How many workers pools have: TOML table `[scaling]`. Shares are above 0 and up to 1, in TOML `0.8` or `"80%"`, and
/// `down < target < up`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct ScalingConfig {
    /// Whether pools grow and shrink by themselves. Default yes.
    pub auto: bool,
    /// The utilisation above which a pool grows. Default 0.8.
    #[serde(deserialize_with = "values::proportion")]
    pub up: f64,
    /// The utilisation a pool is brought to. Default 0.7.
    #[serde(deserialize_with = "values::proportion")]
    pub target: f64,
    /// The utilisation below which a pool may shrink. Default 0.5.
    #[serde(deserialize_with = "values::proportion")]
    pub down: f64,
    /// For how long a pool's greatest load is remembered before it shrinks or gives workers away, and for how long at least
    /// growth is not undone, 1 s to 1 h. Default 60 s.
    #[serde(deserialize_with = "values::lasting")]
    pub calm: Duration,
    /// The core budget, 1 to 1024: growth of [`Kind::Cpu`] pools stops there. Default: the cores the process may
    /// use, by its affinity mask and its quota.
    pub cores: Option<u32>,
}

/// How pools are kept well: TOML table `[health]`. Shares are above 0 and up to 1, in TOML `0.1` or `"10%"`, and
/// `degraded <= critical`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct HealthConfig {
    /// Whether the health of pools is acted upon. Default yes.
    pub enabled: bool,
    /// How often it is looked at, 100 ms to 1 h. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub every: Duration,
    /// The share of jobs that fail from which a pool is degraded. Default 0.1.
    #[serde(deserialize_with = "values::proportion")]
    pub degraded: f64,
    /// The share of jobs that fail from which a pool is critical. Default 0.5.
    #[serde(deserialize_with = "values::proportion")]
    pub critical: f64,
    /// Stuck workers that are given up as lost and replaced at a time, per pool, 0 to 6. Default 2.
    pub replacements: u32,
}

/// How evenly pools are loaded: TOML table `[balance]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct BalanceConfig {
    /// Whether uneven load is acted upon. Default yes.
    pub enabled: bool,
    /// The [coefficient](crate::balance_coefficient) below which it is, above 0 and up to 1. Default 0.8; in TOML `0.8` or
    /// `"80%"`.
    #[serde(deserialize_with = "values::proportion")]
    pub below: f64,
    /// How long it is left alone after that, 100 ms to 1 h. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub cooldown: Duration,
}

/// What a burst of arrivals is, and the workers that are lent for it: TOML table `[burst]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct BurstConfig {
    /// Whether bursts are acted upon. Default yes.
    pub enabled: bool,
    /// Arrivals, as a multiple of what is usual, from which they are a burst, 2 to 1000. Default 10.
    pub threshold: f64,
    /// Arrivals below which nothing is a burst: all that came within the window looked at, of 1 to 60 seconds. 1 to
    /// 1 000 000 000. Default 100.
    pub floor: u32,
    /// Workers lent to each pool, 1 to 50; where there is a [`Kind::Cpu`] pool, at most the core budget. Default 5, or the core
    /// budget if that is less and there is such a pool; see [`Config::burst_workers`].
    pub workers: Option<u32>,
    /// For how long they are lent, 1 s to 24 h. Default 300 s.
    #[serde(deserialize_with = "values::lasting")]
    pub lease: Duration,
    /// How often that may be prolonged while the load lasts, 0 to 100. Default 3.
    pub renewals: u32,
    /// The time between one worker's return and the next one's, 100 ms to 1 h. Default 10 s.
    #[serde(deserialize_with = "values::lasting")]
    pub return_every: Duration,
    /// How long after the last return nothing is lent, 0 s to 24 h. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub cooldown: Duration,
    /// What a second of a lent worker costs in the ledger, in units of your own, 0 to 1000. Default 2.
    pub cost: f64,
}

impl Config {
    /// Workers at which growth of [`Kind::Cpu`] pools stops: [`ScalingConfig::cores`], or the `cores` the process may use.
    ///
    /// ```
    /// let mut config = heijunka::Config::default();
    /// assert_eq!(config.core_budget(16), 16);
    /// config.scaling.cores = Some(4);
    /// assert_eq!(config.core_budget(16), 4);
    /// ```
    #[must_use]
    pub fn core_budget(&self, cores: usize) -> usize {
        self.scaling.cores.map_or(cores, |cores| usize::try_from(cores).unwrap_or(usize::MAX)).max(1)
    }

    /// Workers that a burst lends to each pool, in a process that may use `cores` cores: [`BurstConfig::workers`], or its
    /// default.
    ///
    /// ```
    /// use heijunka::{Config, PoolConfig};
    ///
    /// let mut config = Config::default();
    /// config.pools.insert("payment".into(), PoolConfig::default());
    /// assert_eq!((config.burst_workers(16), config.burst_workers(2)), (5, 2));
    /// ```
    #[must_use]
    pub fn burst_workers(&self, cores: usize) -> u32 {
        let budget = if self.computes() { self.core_budget(cores) } else { usize::MAX };
        self.burst
            .workers
            .unwrap_or_else(|| u32::try_from(budget).map_or(BURST_WORKERS, |b| b.min(BURST_WORKERS)))
    }

    /// Whether any pool is for computing.
    pub(super) fn computes(&self) -> bool {
        self.pools.values().any(|pool| pool.kind == Kind::Cpu)
    }
}

const BURST_WORKERS: u32 = 5;

impl Default for ControlConfig {
    fn default() -> Self {
        Self { tick: Duration::from_millis(250), journal: 1000 }
    }
}

impl Default for ScalingConfig {
    fn default() -> Self {
        Self { auto: true, up: 0.8, target: 0.7, down: 0.5, calm: Duration::from_secs(60), cores: None }
    }
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { enabled: true, every: Duration::from_secs(30), degraded: 0.1, critical: 0.5, replacements: 2 }
    }
}

impl Default for BalanceConfig {
    fn default() -> Self {
        Self { enabled: true, below: 0.8, cooldown: Duration::from_secs(30) }
    }
}

impl Default for BurstConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 10.0,
            floor: 100,
            workers: None,
            lease: Duration::from_secs(300),
            renewals: 3,
            return_every: Duration::from_secs(10),
            cooldown: Duration::from_secs(30),
            cost: 2.0,
        }
    }
}
