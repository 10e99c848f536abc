//! Everything that can be set, as plain data; `load.rs` reads it from TOML and `check.rs` validates it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::pool::Kind;
use crate::routing::Affinity;
use crate::thread::Idle;

/// The whole configuration of a [`Runtime`](crate::Runtime).
///
/// Built in code or read from TOML; both ways it is validated the same when the runtime is built.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Config {
    /// Who may come in.
    pub admission: AdmissionConfig,
    /// The kinds of work, by name.
    pub domains: BTreeMap<String, DomainConfig>,
    /// The worker pools, by name.
    pub pools: BTreeMap<String, PoolConfig>,
    /// The affinity groups, by name.
    pub groups: BTreeMap<String, GroupConfig>,
}

/// The limits of admission: TOML table `[admission]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmissionConfig {
    /// In flight from which low-priority work is refused and a warning is raised. Default 1000.
    pub soft: u32,
    /// In flight that is never exceeded. Default 1200, at most 2 097 151.
    pub hard: u32,
    /// The share of the hard limit that only priority domains may use, 0 to 1. Default 0.2.
    pub reserve: f64,
    /// Caps on classes of work, by name: `[admission.sub_limits]`.
    pub sub_limits: BTreeMap<String, u32>,
}

/// A kind of work: TOML table `[domains.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainConfig {
    /// Whether its work may use the reserve. Default no.
    pub priority: bool,
    /// The affinity group it is routed in. Default: the group of its own name, and if there is none, all pools
    /// whose `domain` it is, softly.
    pub group: Option<String>,
    /// The sub-limit that caps its work. Default none.
    pub sub_limit: Option<String>,
}

/// A worker pool: TOML table `[pools.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What an idle worker does. Default [`Idle::Backoff`].
    pub idle: Idle,
    /// Whether its workers are pinned to cores. Default yes.
    pub pin: bool,
}

/// A set of pools that share keys: TOML table `[groups.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupConfig {
    /// The names of its pools.
    pub pools: Vec<String>,
    /// What happens to a key whose pool is overfull. Default [`Affinity::Soft`].
    pub affinity: Affinity,
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
            idle: Idle::Backoff { spin: Duration::from_micros(50) },
            pin: true,
        }
    }
}
