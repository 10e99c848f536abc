//! Putting a runtime together, and changing who is in it while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::config::{Config, ConfigError, DomainConfig, GroupConfig, PoolConfig, check_pool};
use super::domain::{DomainShared, PoolRef};
use super::{Core, Domain, Member, Registry, Runtime};
use crate::admission::{Limits, LimitsError, Regulator};
use crate::pool::{Pool, ScaleError, Settings};
use crate::routing::{Affinity, PoolSetError, Prepared, Router, Target};
use crate::thread::Cores;
use crate::time::{Clock, Deadline};

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
        Self::start_with(config, Clock::monotonic())
    }

    fn start_with(config: Config, clock: Clock) -> Result<Self, StartError> {
        let cores = Arc::new(Cores::of_process());
        for warning in config.check_for(cores.budget())? {
            tracing::warn!(%warning, "configuration");
        }
        let admission = &config.admission;
        let limits = Limits::with_reserve(admission.soft, admission.hard, admission.reserve)?;
        let subs = admission.sub_limits.iter().map(|(name, limit)| (name.clone(), *limit));
        let core = Core {
            regulator: Arc::new(Regulator::with_sub_limits(limits, subs)),
            clock,
            cores,
            registry: Mutex::default(),
            ended: Mutex::default(),
        };
        // From here on an early return drops the runtime, which stops what was started.
        let runtime = Runtime { core };
        let mut registry = runtime.core.registry.lock();
        registry.groups = config.groups;
        for (name, domain) in config.domains {
            registry.add_domain(&runtime.core, name, &domain);
        }
        for (name, pool) in config.pools {
            registry.add_pool(&runtime.core, &name, &pool)?;
        }
        registry.publish()?;
        drop(registry);
        Ok(runtime)
    }

    /// Adds a pool while running. Keys that belong to it move to it, all others stay where they are.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed. Blocks while threads are created.
    pub fn add_pool(&self, name: &str, config: &PoolConfig) -> Result<Pool, ChangeError> {
        check_pool(name, config)?;
        let mut registry = self.changeable()?;
        if registry.pools.contains_key(name) {
            return Err(ChangeError::Exists(name.to_owned()));
        }
        let pool = registry.add_pool(&self.core, name, config)?;
        if let Err(error) = registry.publish() {
            registry.remove_pool(name);
            discard(&pool);
            return Err(error.into());
        }
        Ok(pool)
    }

    /// Takes a pool out while running: its keys move to the others of its group, the jobs in its lanes are run, then its
    /// workers leave. Those that have not left after `patience` leave when their job ends. Returns how many jobs had
    /// to be handed back. A pool that is out is no longer part of the [`status`](Self::status).
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed. Blocks.
    pub fn remove_pool(&self, name: &str, patience: Duration) -> Result<u64, ChangeError> {
        let deadline = Deadline::after(patience);
        let pool = {
            let mut registry = self.changeable()?;
            let pool = registry.remove_pool(name).ok_or_else(|| ChangeError::Unknown(name.to_owned()))?;
            registry.publish()?;
            registry.removed.push(pool.clone());
            pool
        };
        // A submitter that read the old table has handed over when this returns. If it takes too long, whatever comes late
        // is handed back.
        crate::sync::synchronize(&deadline);
        while !pool.is_empty() && !deadline.passed() {
            std::thread::sleep(Duration::from_micros(200));
        }
        pool.retire_all();
        pool.close();
        if pool.join_until(&deadline).is_empty() {
            self.core.registry.lock().removed.retain(|removed| !removed.is(&pool));
        }
        Ok(pool.ended().1)
    }

    /// Declares an affinity group, or changes it: which pools it has, and how strictly its keys are bound to them.
    ///
    /// # Errors
    /// [`ChangeError`] if it has no pool, or one that is unknown or named twice; then nothing has changed.
    pub fn set_group(&self, name: &str, group: GroupConfig) -> Result<(), ChangeError> {
        let mut registry = self.changeable()?;
        if let Some(unknown) = group.pools.iter().find(|pool| !registry.pools.contains_key(*pool)) {
            return Err(ChangeError::Unknown(unknown.clone()));
        }
        if group.pools.is_empty() {
            return Err(ChangeError::EmptyGroup(name.to_owned()));
        }
        let before = registry.groups.insert(name.to_owned(), group);
        let published = registry.publish();
        if published.is_err() {
            match before {
                Some(before) => registry.groups.insert(name.to_owned(), before),
                None => registry.groups.remove(name),
            };
        }
        Ok(published?)
    }

    /// Routes a domain in another affinity group from now on.
    ///
    /// # Errors
    /// [`ChangeError`] if the domain or the group is unknown.
    pub fn set_domain_group(&self, domain: &str, group: &str) -> Result<(), ChangeError> {
        let mut registry = self.changeable()?;
        let known =
            [(registry.domains.contains_key(domain), domain), (registry.groups.contains_key(group), group)];
        if let Some((_, unknown)) = known.into_iter().find(|(known, _)| !known) {
            return Err(ChangeError::Unknown(unknown.to_owned()));
        }
        registry.groups_of.insert(domain.to_owned(), group.to_owned());
        Ok(registry.publish()?)
    }

    /// The registry, unless the end has begun.
    fn changeable(&self) -> Result<MutexGuard<'_, Registry>, ChangeError> {
        let registry = self.core.registry.lock();
        if registry.ending { Err(ChangeError::Ended) } else { Ok(registry) }
    }
}

/// Ends a pool that never got into a table.
fn discard(pool: &Pool) {
    pool.retire_all();
    pool.close();
    pool.join_until(&Deadline::after(Duration::from_secs(1)));
}

impl Registry {
    fn add_domain(&mut self, core: &Core, name: String, config: &DomainConfig) {
        let group = config.group.clone().unwrap_or_else(|| name.clone());
        let shared = DomainShared {
            name: name.clone(),
            priority: config.priority,
            sub_limit: config.sub_limit.as_deref().and_then(|sub| core.regulator.sub_limit(sub)),
            router: Router::default(),
            regulator: core.regulator.clone(),
            clock: core.clock.clone(),
        };
        self.groups_of.insert(name.clone(), group);
        self.domains.insert(name, Domain { shared: Arc::new(shared) });
    }

    fn add_pool(&mut self, core: &Core, name: &str, config: &PoolConfig) -> Result<Pool, ScaleError> {
        let domain = config.domain.clone().unwrap_or_else(|| name.to_owned());
        let settings = Settings {
            name: name.to_owned(),
            domain: domain.clone(),
            min_workers: config.min_workers,
            max_workers: config.max_workers,
            lane: config.lane as usize,
            kind: config.kind,
            idle: config.idle,
            pin: config.pin,
        };
        let pool = Pool::new(settings, core.regulator.clone(), core.clock.clone(), core.cores.clone());
        if let Err(error) = pool.scale_to(config.min_workers) {
            discard(&pool);
            return Err(error);
        }
        if !self.domains.contains_key(&domain) {
            self.add_domain(core, domain, &DomainConfig::default());
        }
        self.pools.insert(name.to_owned(), Member { pool: pool.clone(), weight: config.weight });
        Ok(pool)
    }

    /// Takes a pool out of the pools and the groups, wherever it is named.
    fn remove_pool(&mut self, name: &str) -> Option<Pool> {
        let Member { pool, .. } = self.pools.remove(name)?;
        for group in self.groups.values_mut() {
            group.pools.retain(|member| member != name);
        }
        Some(pool)
    }

    /// Gives every domain the table that follows from pools and groups as they are now.
    fn publish(&self) -> Result<(), PoolSetError> {
        // All are built before any is published, so that a fault changes nothing.
        let prepare = |(name, domain): (&String, _)| self.prepare(name).map(|table| (domain, table));
        let tables = self.domains.iter().map(prepare).collect::<Result<Vec<(&Domain, _)>, _>>()?;
        for (domain, table) in tables {
            domain.shared.router.publish(table);
        }
        Ok(())
    }

    /// The table over the pools of a domain's group.
    fn prepare(&self, domain: &str) -> Result<Prepared<PoolRef>, PoolSetError> {
        let group = self.groups_of.get(domain).and_then(|group| self.groups.get(group));
        let target = |(name, member): (&String, &Member)| {
            Target::new(name, member.weight, PoolRef(member.pool.shared.clone()))
        };
        if let Some(group) = group {
            let members = group.pools.iter().filter_map(|name| self.pools.get_key_value(name));
            Prepared::new(group.affinity, members.map(target))
        } else {
            let own = self.pools.iter().filter(|(_, member)| member.pool.shared.settings.domain == domain);
            Prepared::new(Affinity::Soft, own.map(target))
        }
    }
}

/// Describes a [`Runtime`] in code; see [`Config`] for what everything means and its defaults.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs until `start`"]
pub struct Builder {
    config: Config,
    clock: Option<Clock>,
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
        Runtime::start_with(self.config, self.clock.unwrap_or_default())
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
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(error) => error.fmt(f),
            StartError::Limits(error) => write!(f, "admission: {error}"),
            StartError::Group(error) => write!(f, "routing: {error}"),
            StartError::Workers(error) => write!(f, "pools: {error}"),
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

/// Why a running runtime was not changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no pool, domain or group of this name.
    Unknown(String),
    /// The pool's settings are wrong.
    Config(ConfigError),
    /// A group without pools could refuse only.
    EmptyGroup(String),
    /// The runtime is draining or stopped.
    Ended,
    /// There is a pool of this name already.
    Exists(String),
    /// The pools of a group cannot be told apart, or are too many.
    Group(PoolSetError),
    /// The new pool's workers could not be started.
    Workers(ScaleError),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeError::Unknown(name) => write!(f, "there is no {name}"),
            ChangeError::Config(error) => error.fmt(f),
            ChangeError::EmptyGroup(name) => write!(f, "the group {name} has no pool: name at least one"),
            ChangeError::Ended => f.write_str("the runtime is draining or stopped"),
            ChangeError::Exists(name) => write!(f, "there is a {name} already: choose another name"),
            ChangeError::Group(error) => error.fmt(f),
            ChangeError::Workers(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChangeError {}

impl From<ConfigError> for ChangeError {
    fn from(error: ConfigError) -> Self {
        ChangeError::Config(error)
    }
}

impl From<PoolSetError> for ChangeError {
    fn from(error: PoolSetError) -> Self {
        ChangeError::Group(error)
    }
}

impl From<ScaleError> for ChangeError {
    fn from(error: ScaleError) -> Self {
        ChangeError::Workers(error)
    }
}
