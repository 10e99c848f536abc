//! Composition: domains, pools and the regulator make a runtime.

mod brokers;
mod build;
mod change;
mod config;
mod control;
mod drain;
mod metrics;
mod queue;
mod registry;
mod report;
mod update;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::Mutex;

pub use brokers::{BrokerLook, look_at_brokers};
pub use build::{Builder, StartError};
pub use change::ChangeError;
pub use config::{
    AdmissionConfig, AmqpConfig, AmqpTlsConfig, BalanceConfig, BreakerConfig, BrokerConfig, BrokerKind,
    BurstConfig, Config, ConfigError, ControlConfig, DomainConfig, ExecConfig, FailoverConfig, GroupConfig,
    HealthConfig, HttpConfig, KanbanConfig, Listen, Loader, NatsConfig, NatsTlsConfig, OnSignal, PoolConfig,
    QueuesConfig, RetryConfig, RetryOverrides, ScalingConfig, ScheduleConfig, Secret, SeenConfig,
    ServiceConfig, SyncConfig, TracingConfig, Warning,
};
pub use control::{Author, ControlStatus, Entry, HealthReport, PoolHealth, Readiness};
pub use report::{HotKey, Report, RuntimeStatus};

use control::Control;
use registry::Registry;

use crate::admission::Regulator;
use crate::domain::Domain;
use crate::kanban::Kanban;
use crate::pool::Pool;
use crate::spans::Spans;
use crate::sync::{self, EpochCell};
use crate::thread::{Bell, Cores};
use crate::time::Clock;

/// Everything together: admission, routing, and the pools with their pinned workers.
///
/// ```
/// use heijunka::{PoolConfig, Runtime};
/// use std::time::Duration;
///
/// let runtime = Runtime::builder()
///     .limits(1000, 1200)
///     .pool("payment", PoolConfig { min_workers: 1, ..PoolConfig::default() })
///     .start()?;
/// let payment = runtime.domain("payment").expect("every pool has a domain");
/// let receipt = payment.submit("customer 42", |_| 6 * 7)?;
/// assert_eq!(receipt.wait()?, 42);
/// let report = runtime.drain(Duration::from_secs(5));
/// assert!(report.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropping it stops it, as [`stop`](Self::stop) with five seconds.
pub struct Runtime {
    core: Arc<Core>,
}

struct Core {
    regulator: Arc<Regulator>,
    clock: Clock,
    /// As the configuration in force has it.
    spans: Spans,
    cores: Arc<Cores>,
    /// Calls the control thread before its next tick.
    bell: Arc<Bell>,
    registry: Mutex<Registry>,
    /// The configuration in force, as of the last change.
    config: EpochCell<sync::Arc<Config>>,
    control: Control,
    /// Set once, at the start, if there is a pull queue.
    kanban: OnceLock<Kanban>,
    /// The first shutdown's report; the lock makes a second one wait for it.
    ended: Mutex<Option<Report>>,
    /// The thread that is at it.
    ender: Mutex<Option<ThreadId>>,
}

/// How long a dropped runtime gives its running jobs.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

impl Runtime {
    /// The domain of this name, to be kept: the lookup takes a lock, using the handle does not.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<Domain> {
        self.core.registry.lock().domains.get(name).cloned()
    }

    /// The names of all domains.
    #[must_use]
    pub fn domains(&self) -> Vec<String> {
        self.core.registry.lock().domains.keys().cloned().collect()
    }

    /// The pool of this name.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<Pool> {
        self.core.registry.lock().pools.get(name).map(|member| member.pool.clone())
    }

    /// The regulator that admits all work: to change limits, or to ask for permits for work done elsewhere.
    #[must_use]
    pub fn regulator(&self) -> &Arc<Regulator> {
        &self.core.regulator
    }

    /// The clock that all moments are read from.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// How many workers can compute at the same time: the cores this process may use and pays for.
    #[must_use]
    pub fn core_budget(&self) -> usize {
        self.core.cores.budget()
    }

    /// Everything there is to see, also after the end. Some 10 µs per worker; disturbs no job. Waits for a tick of the control thread
    /// that is running, which takes well below a millisecond.
    #[must_use]
    pub fn status(&self) -> RuntimeStatus {
        RuntimeStatus::of(&self.core)
    }
}

impl Core {
    /// The configuration in force: seen whole, and kept for as long as somebody holds it.
    fn config(&self) -> sync::Arc<Config> {
        self.config.snapshot(&sync::pin())
    }

    /// Forgets pools that were taken out, once all their threads have ended.
    fn forget_removed(&self) {
        self.registry.lock().removed.retain(|pool| !pool.is_gone());
    }

    /// All pools, by name.
    fn pools(&self) -> BTreeMap<String, Pool> {
        let registry = self.registry.lock();
        registry.pools.iter().map(|(name, member)| (name.clone(), member.pool.clone())).collect()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop(DROP_PATIENCE);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("domains", &self.domains()).finish_non_exhaustive()
    }
}
