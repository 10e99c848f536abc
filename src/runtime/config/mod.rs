//! Everything that can be set, as plain data: built in code, or read from TOML.
//!
//! ```text
//! load.rs       file + environment + --set -> Config, or one ConfigError
//! overrides.rs    what --set and the environment say
//! document.rs     the TOML tree, what overrides lay over it, and where each setting was written
//! decode.rs       tree -> Config through serde;  values.rs: the values that are not plain TOML
//! running.rs    the law: what of it may change while the runtime runs
//! check.rs      the law: which Config is valid; the same for one built in code;  setting.rs: every range
//! levelling.rs  what the laws of self-levelling go by
//! broker.rs and broker/, kanban.rs, schedules.rs, service.rs    the pull queue, and the process that runs it
//! error.rs      ConfigError;  fault.rs, path.rs, suggest.rs: what is wrong, with which setting, what was meant
//! ```

mod broker;
mod check;
mod decode;
mod document;
mod error;
mod fault;
mod kanban;
mod levelling;
mod load;
mod overrides;
mod path;
mod running;
mod schedules;
mod service;
mod setting;
mod suggest;
#[cfg(test)]
mod tests;
mod values;

pub use broker::{
    AmqpConfig, AmqpTlsConfig, BrokerConfig, BrokerKind, FailoverConfig, NatsConfig, NatsTlsConfig,
    QueuesConfig, Secret, SyncConfig,
};
pub use check::Warning;
pub use error::ConfigError;
pub use kanban::{BreakerConfig, ExecConfig, KanbanConfig, RetryConfig, RetryOverrides, SeenConfig};
pub use levelling::{BalanceConfig, BurstConfig, ControlConfig, HealthConfig, ScalingConfig};
pub use load::Loader;
pub(super) use running::check_change;
pub use schedules::ScheduleConfig;
pub use service::{HttpConfig, Listen, OnSignal, ServiceConfig};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::pool::Kind;
use crate::routing::Affinity;
use crate::thread::Idle;

/// The whole configuration of a [`Runtime`](crate::Runtime).
///
/// Built in code or read from TOML; both ways it is validated the same when the runtime is built.
///
/// It can also be a part of a service's own configuration, read by whatever reads that through serde; then
/// [`check`](Self::check) says what is wrong, without the line.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Service {
///     listen: String,
///     heijunka: heijunka::Config,
/// }
///
/// let service: Service = toml::from_str("listen = ':80'\n[heijunka.pools.payment]\nspin = '30us'").unwrap();
/// assert!(service.heijunka.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Config {
    /// Who may come in.
    pub admission: AdmissionConfig,
    /// The kinds of work, by name.
    pub domains: BTreeMap<String, DomainConfig>,
    /// The worker pools, by name.
    pub pools: BTreeMap<String, PoolConfig>,
    /// The affinity groups, by name.
    pub groups: BTreeMap<String, GroupConfig>,
    /// When everything is looked at.
    pub control: ControlConfig,
    /// When pools grow and shrink.
    pub scaling: ScalingConfig,
    /// When a pool is unwell, and what is done about it.
    pub health: HealthConfig,
    /// When load is uneven.
    pub balance: BalanceConfig,
    /// What a burst is, and what is lent for it.
    pub burst: BurstConfig,
    /// What keeps the items of the pull queue. Default none: there is no queue, unless something needs one; see
    /// [`queue`](Self::queue).
    pub broker: Option<BrokerConfig>,
    /// How items are pulled, retried, given up and recognised.
    pub kanban: KanbanConfig,
    /// What is published again and again, by name.
    pub schedules: BTreeMap<String, ScheduleConfig>,
    /// What is told to a subscriber of `tracing`.
    pub tracing: TracingConfig,
    /// The process that runs the configuration.
    pub service: ServiceConfig,
}

/// What is told to a subscriber of `tracing`: TOML table `[tracing]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct TracingConfig {
    /// Whether jobs and items have spans, for a subscriber that takes those of the target `heijunka::spans`. Default no.
    pub spans: bool,
}

/// The limits of admission: TOML table `[admission]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct AdmissionConfig {
    /// In flight from which low-priority work is refused and a warning is raised. Default 1000.
    pub soft: u32,
    /// In flight that is never exceeded. Default 1200, at most 2 097 151.
    pub hard: u32,
    /// The share of the hard limit that only priority domains may use, from 0 to below 1. Default 0.2; in TOML `0.2` or
    /// `"20%"`.
    #[serde(deserialize_with = "values::share")]
    pub reserve: f64,
    /// Caps on classes of work, by name, 1 to the hard limit: `[admission.sub_limits]`.
    pub sub_limits: BTreeMap<String, u32>,
}

/// A kind of work: TOML table `[domains.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct DomainConfig {
    /// Whether its work may use the reserve. Default no.
    pub priority: bool,
    /// The affinity group it is routed in. Default: the group of its own name, and if there is none, all pools
    /// whose `domain` it is, softly.
    pub group: Option<String>,
    /// The sub-limit that caps its work. Default none.
    pub sub_limit: Option<String>,
    /// Whether items are pulled for it in this process. Default: if it has a handler, in code or as `exec`.
    pub consume: Option<bool>,
    /// The program that is run for each of its items: `[domains.NAME.exec]`. Default none.
    pub exec: Option<ExecConfig>,
    /// What differs from [`KanbanConfig::retry`] in it: `[domains.NAME.retry]`. Default nothing.
    pub retry: RetryOverrides,
}

/// A worker pool: TOML table `[pools.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "values::PoolTable")]
pub struct PoolConfig {
    /// The domain it belongs to. Default: the pool's own name.
    pub domain: Option<String>,
    /// Workers it starts with and never falls below, 1 to 50. Default 2.
    pub min_workers: u32,
    /// Workers it never exceeds, 1 to 50. Default 50.
    pub max_workers: u32,
    /// Its share of the keys relative to the other pools of its group, 1 to 100. Default 1.
    pub weight: u32,
    /// Jobs each of its three lanes can hold, 1 to 65 536. Default 256: a long queue is a slow refusal.
    pub lane: u32,
    /// What its jobs spend their time on. Default [`Kind::Cpu`].
    pub kind: Kind,
    /// What an idle worker does. Default [`Idle::Backoff`]; in TOML `idle = "backoff"`, `"spin"` or `"park"`, and
    /// how long the first spins is a key of its own, `spin = "50us"`, from 1 µs to 1 s.
    pub idle: Idle,
    /// Whether its workers are pinned to cores. Default yes.
    pub pin: bool,
    /// What even the shortest wait in its lanes must exceed for the pool to count as behind, 1 µs to 60 s. Default 5 ms.
    pub queue_delay: Duration,
    /// How long a job may run before its worker counts as stuck, and may be replaced, 1 ms to 24 h. Default 5 min: as long as
    /// no job should ever take, since a worker given up in error costs a thread.
    pub stall_after: Duration,
}

/// A set of pools that share keys: TOML table `[groups.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct GroupConfig {
    /// The names of its pools.
    pub pools: Vec<String>,
    /// What happens to a key whose pool is overfull. Default [`Affinity::Soft`].
    pub affinity: Affinity,
}

impl Config {
    /// Every domain: those that have a table, and those that only a pool names, which have the defaults.
    #[must_use]
    pub fn all_domains(&self) -> BTreeMap<&str, DomainConfig> {
        let implied = self.pools.iter().map(|(name, pool)| (pool.domain_or(name), DomainConfig::default()));
        let declared = self.domains.iter().map(|(name, domain)| (name.as_str(), domain.clone()));
        implied.chain(declared).collect()
    }
}

impl PoolConfig {
    /// The domain of the pool, given its own name.
    fn domain_or<'n>(&'n self, name: &'n str) -> &'n str {
        self.domain.as_deref().unwrap_or(name)
    }
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self { soft: 1000, hard: 1200, reserve: 0.2, sub_limits: BTreeMap::new() }
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            domain: None,
            min_workers: 2,
            max_workers: 50,
            weight: 1,
            lane: 256,
            kind: Kind::Cpu,
            idle: Idle::default(),
            pin: true,
            queue_delay: Duration::from_millis(5),
            stall_after: Duration::from_secs(300),
        }
    }
}
