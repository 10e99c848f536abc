//! Putting a runtime together.

use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::config::{
    BalanceConfig, BrokerConfig, BurstConfig, Config, ConfigError, ControlConfig, DomainConfig, GroupConfig,
    HealthConfig, KanbanConfig, PoolConfig, ScalingConfig, ScheduleConfig, TracingConfig,
};
use super::control::{self, Control};
use super::queue::{self, Plugs};
use super::{Core, Runtime};
use crate::admission::{Limits, LimitsError, Regulator};
use crate::kanban::{Broker, BrokerError, Handler, ScheduleError, SeenStore};
use crate::pool::ScaleError;
use crate::routing::PoolSetError;
use crate::spans::Spans;
use crate::sync::{self, EpochCell};
use crate::thread::Cores;
use crate::time::Clock;

impl Runtime {
    /// A runtime to be described in code.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts what the configuration describes: every pool with its least number of workers.
    ///
    /// # Errors
    /// [`StartError`], with everything that had been started stopped again. Blocks while threads are created, and in the
    /// first runtime of a process up to 200 ms to calibrate the clock.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Clock::monotonic(), Plugs::default())
    }

    fn start_with(config: Config, clock: Clock, plugs: Plugs) -> Result<Self, StartError> {
        let config = sync::Arc::new(config);
        let cores = Arc::new(Cores::of_process());
        for warning in config.check_for(cores.budget())? {
            tracing::warn!(%warning, "configuration");
        }
        let admission = &config.admission;
        let limits = Limits::with_reserve(admission.soft, admission.hard, admission.reserve)?;
        let subs = admission.sub_limits.iter().map(|(name, limit)| (name.clone(), *limit));
        let control = Control::new(config.control.journal as usize);
        let core = Core {
            config: EpochCell::new(config.clone()),
            control,
            kanban: OnceLock::new(),
            regulator: Arc::new(Regulator::with_sub_limits(limits, subs)),
            clock,
            spans: Spans::default(),
            cores,
            bell: Arc::default(),
            registry: Mutex::default(),
            ended: Mutex::default(),
            ender: Mutex::default(),
        };
        core.spans.turn(config.tracing.spans);
        // From here on an early return drops the runtime, which stops what was started.
        let runtime = Runtime { core: Arc::new(core) };
        let mut registry = runtime.core.registry.lock();
        registry.groups.clone_from(&config.groups);
        for (name, domain) in &config.domains {
            registry.add_domain(&runtime.core, name.clone(), domain);
        }
        for (name, pool) in &config.pools {
            registry.add_pool(&runtime.core, name, pool)?;
        }
        registry.publish()?;
        drop(registry);
        control::start(&runtime.core).map_err(StartError::Control)?;
        queue::start(&runtime.core, &config, plugs)?;
        Ok(runtime)
    }
}

/// Describes a [`Runtime`] in code; see [`Config`] for what everything means and its defaults.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs until `start`"]
pub struct Builder {
    config: Config,
    clock: Option<Clock>,
    plugs: Plugs,
}

impl Builder {
    /// Continues from a configuration.
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// The soft and the hard limit.
    pub fn limits(mut self, soft: u32, hard: u32) -> Self {
        (self.config.admission.soft, self.config.admission.hard) = (soft, hard);
        self
    }

    /// The share of the hard limit that only priority domains may use, 0 to 1.
    pub fn reserve(mut self, share: f64) -> Self {
        self.config.admission.reserve = share;
        self
    }

    /// A cap on a class of work, for [`DomainConfig::sub_limit`] to name.
    pub fn sub_limit(mut self, name: impl Into<String>, limit: u32) -> Self {
        self.config.admission.sub_limits.insert(name.into(), limit);
        self
    }

    /// A domain. Needed only if it differs from the default: every pool brings its own.
    pub fn domain(mut self, name: impl Into<String>, domain: DomainConfig) -> Self {
        self.config.domains.insert(name.into(), domain);
        self
    }

    /// A pool.
    pub fn pool(mut self, name: impl Into<String>, pool: PoolConfig) -> Self {
        self.config.pools.insert(name.into(), pool);
        self
    }

    /// An affinity group.
    pub fn group(mut self, name: impl Into<String>, group: GroupConfig) -> Self {
        self.config.groups.insert(name.into(), group);
        self
    }

    /// When everything is looked at.
    pub fn control(mut self, control: ControlConfig) -> Self {
        self.config.control = control;
        self
    }

    /// When pools grow and shrink.
    pub fn scaling(mut self, scaling: ScalingConfig) -> Self {
        self.config.scaling = scaling;
        self
    }

    /// When a pool is unwell, and what is done about it.
    pub fn health(mut self, health: HealthConfig) -> Self {
        self.config.health = health;
        self
    }

    /// When load is uneven.
    pub fn balance(mut self, balance: BalanceConfig) -> Self {
        self.config.balance = balance;
        self
    }

    /// What a burst is, and what is lent for it.
    pub fn burst(mut self, burst: BurstConfig) -> Self {
        self.config.burst = burst;
        self
    }

    /// What keeps the items of the pull queue.
    pub fn broker(mut self, broker: BrokerConfig) -> Self {
        self.config.broker = Some(broker);
        self
    }

    /// How items are pulled, retried, given up and recognised.
    pub fn kanban(mut self, kanban: KanbanConfig) -> Self {
        self.config.kanban = kanban;
        self
    }

    /// Items that are published again and again.
    pub fn schedule(mut self, name: impl Into<String>, schedule: ScheduleConfig) -> Self {
        self.config.schedules.insert(name.into(), schedule);
        self
    }

    /// What is told to a subscriber of `tracing`.
    pub fn tracing(mut self, tracing: TracingConfig) -> Self {
        self.config.tracing = tracing;
        self
    }

    /// What works on the items of a domain, which are then pulled: see [`Handler`].
    pub fn handler(mut self, domain: impl Into<String>, handler: impl Handler) -> Self {
        self.plugs.handlers.insert(domain.into(), Arc::new(handler));
        self
    }

    /// A broker of one's own making, or one that is shared with others, instead of the one that is configured.
    pub fn on_broker(mut self, broker: Arc<dyn Broker>) -> Self {
        self.plugs.broker = Some(broker);
        self
    }

    /// A store of what was seen, instead of the one in memory: one that several processes share, so that none runs what another
    /// has done.
    pub fn seen_store(mut self, seen: Arc<dyn SeenStore>) -> Self {
        self.plugs.seen = Some(seen);
        self
    }

    /// Another clock than the real one, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// As [`Runtime::start`].
    ///
    /// # Errors
    /// As [`Runtime::start`].
    pub fn start(self) -> Result<Runtime, StartError> {
        Runtime::start_with(self.config, self.clock.unwrap_or_default(), self.plugs)
    }
}

/// Why a runtime did not start. Whatever had been started is stopped again.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is wrong.
    Config(ConfigError),
    /// The limits contradict each other.
    Limits(LimitsError),
    /// A group's pools cannot be told apart, or are too many.
    Group(PoolSetError),
    /// A pool's workers could not be started.
    Workers(ScaleError),
    /// The system gave no thread for control.
    Control(std::io::Error),
    /// The broker cannot be used.
    Broker(BrokerError),
    /// A domain is to be consumed, and cannot be.
    Handler {
        /// The domain.
        domain: String,
        /// Why, and what would help.
        why: String,
    },
    /// A schedule is wrong.
    Schedule {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: ScheduleError,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(error) => error.fmt(f),
            StartError::Limits(error) => write!(f, "admission: {error}"),
            StartError::Group(error) => write!(f, "routing: {error}"),
            StartError::Workers(error) => write!(f, "pools: {error}"),
            StartError::Control(error) => write!(f, "the system gave no thread for control: {error}"),
            StartError::Broker(error) => write!(f, "broker: {error}"),
            StartError::Handler { domain, why } => write!(f, "domains.{domain}: {why}"),
            StartError::Schedule { name, error } => write!(f, "schedules.{name}: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Config(error) => Some(error),
            StartError::Limits(error) => Some(error),
            StartError::Group(error) => Some(error),
            StartError::Workers(error) => Some(error),
            StartError::Control(error) => Some(error),
            StartError::Broker(error) => Some(error),
            StartError::Handler { .. } => None,
            StartError::Schedule { error, .. } => Some(error),
        }
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        StartError::Config(error)
    }
}

impl From<LimitsError> for StartError {
    fn from(error: LimitsError) -> Self {
        StartError::Limits(error)
    }
}

impl From<PoolSetError> for StartError {
    fn from(error: PoolSetError) -> Self {
        StartError::Group(error)
    }
}

impl From<ScaleError> for StartError {
    fn from(error: ScaleError) -> Self {
        StartError::Workers(error)
    }
}
