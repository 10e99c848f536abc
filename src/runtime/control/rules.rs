//! The configuration as the laws read it: one snapshot for one tick.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::config::{Config, PoolConfig};
use crate::pool::health;
use crate::pool::scaling::Thresholds;
use crate::{balance, burst};

/// What the laws are to go by.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Cores for which pools that compute may have workers.
    pub(super) cores: u32,
    pub(super) auto: bool,
    /// How long what was said stays said.
    pub(super) check_every: Duration,
    pub(super) check_health: bool,
    pub(super) balance: balance::Settings,
    pub(super) burst: burst::Settings,
    pools: Arc<BTreeMap<String, PoolRules>>,
}

#[derive(Clone, Copy, Debug)]
struct PoolRules {
    thresholds: Thresholds,
    health: health::Limits,
    stall_after: Duration,
}

impl Rules {
    /// `cores`: those that the process may use, unless the configuration says otherwise.
    pub(super) fn of(config: &Config, cores: usize) -> Self {
        let Config { scaling, health: checks, balance, .. } = config;
        let cores = u32::try_from(config.core_budget(cores)).unwrap_or(u32::MAX);
        let pools = config.pools.iter().map(|(name, pool)| (name.clone(), PoolRules::of(config, pool)));
        Self {
            cores,
            auto: scaling.auto,
            check_every: checks.every,
            check_health: checks.enabled,
            balance: balance::Settings {
                enabled: balance.enabled,
                below: balance.below,
                up: scaling.up,
                target: scaling.target,
                down: scaling.down,
                cooldown: balance.cooldown,
                calm: scaling.calm,
            },
            burst: burst_settings(config, cores as usize),
            pools: Arc::new(pools.collect()),
        }
    }

    pub(super) fn thresholds(&self, pool: &str) -> Thresholds {
        self.pool(pool).thresholds
    }

    pub(super) fn health(&self, pool: &str) -> health::Limits {
        self.pool(pool).health
    }

    pub(super) fn stall_after(&self, pool: &str) -> Duration {
        self.pool(pool).stall_after
    }

    fn pool(&self, pool: &str) -> PoolRules {
        self.pools
            .get(pool)
            .copied()
            .unwrap_or_else(|| PoolRules::of(&Config::default(), &PoolConfig::default()))
    }
}

/// `cores`: as for [`Rules::of`].
pub(super) fn burst_settings(config: &Config, cores: usize) -> burst::Settings {
    let Config { burst, .. } = config;
    burst::Settings {
        enabled: burst.enabled,
        threshold: burst.threshold,
        floor: u64::from(burst.floor),
        workers: config.burst_workers(cores),
        lease: burst.lease,
        renewals: burst.renewals,
        return_every: burst.return_every,
        cooldown: burst.cooldown,
        cost: burst.cost,
    }
}

impl PoolRules {
    fn of(config: &Config, pool: &PoolConfig) -> Self {
        let Config { scaling, health: checks, .. } = config;
        Self {
            thresholds: Thresholds {
                up: scaling.up,
                target: scaling.target,
                down: scaling.down,
                calm: scaling.calm,
                queue_delay: pool.queue_delay,
            },
            health: health::Limits {
                degraded: checks.degraded,
                critical: checks.critical,
                replacements: checks.replacements,
                queue_delay: pool.queue_delay,
            },
            stall_after: pool.stall_after,
        }
    }
}
