//! Changing who is in a runtime while it runs.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use parking_lot::MutexGuard;

use super::Runtime;
use super::config::{Config, ConfigError, DomainConfig, GroupConfig, PoolConfig};
use super::registry::{Registry, discard};
use crate::admission::LimitsError;
use crate::pool::{Pool, ScaleError};
use crate::routing::PoolSetError;
use crate::time::Deadline;

impl Runtime {
    /// Adds a pool while running. Keys that belong to it move to it, all others stay where they are.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed. Blocks while threads are created.
    pub fn add_pool(&self, name: &str, config: &PoolConfig) -> Result<Pool, ChangeError> {
        let mut registry = self.changeable()?;
        if registry.pools.contains_key(name) {
            return Err(ChangeError::Exists(name.to_owned()));
        }
        let mut after = (*self.core.config()).clone();
        after.pools.insert(name.to_owned(), config.clone());
        after.check_for(self.core.cores.budget())?;
        let pool = registry.add_pool(&self.core, name, config)?;
        if let Err(error) = registry.publish() {
            registry.remove_pool(name);
            discard(&pool);
            return Err(error.into());
        }
        self.core.remember(after);
        Ok(pool)
    }

    /// Takes a pool out while running: its keys move to the others of its group, the jobs in its lanes are run, then its
    /// workers leave. A group goes with its last pool; domains routed in it are then routed as if they had named none. Those that have not left after `patience` leave when their job ends. Returns how many jobs had
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
            self.core.remember(without(&self.core.config(), name));
            pool
        };
        // A submitter that read the old table has handed over when this returns. If it takes too long, whatever comes late
        // is handed back.
        crate::sync::synchronize(&deadline);
        while !pool.is_empty() && !deadline.passed() {
            // The control thread knows it no more.
            pool.tend();
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
    /// [`ChangeError`] if it has no pool, or one that is unknown or named twice, or if its name is none; then nothing has changed.
    pub fn set_group(&self, name: &str, group: GroupConfig) -> Result<(), ChangeError> {
        let mut registry = self.changeable()?;
        if let Some(unknown) = group.pools.iter().find(|pool| !registry.pools.contains_key(*pool)) {
            return Err(ChangeError::Unknown(unknown.clone()));
        }
        if group.pools.is_empty() {
            return Err(ChangeError::EmptyGroup(name.to_owned()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = group.pools.iter().find(|pool| !seen.insert(*pool)) {
            return Err(PoolSetError::Duplicate { pool: twice.clone() }.into());
        }
        let mut after = (*self.core.config()).clone();
        after.groups.insert(name.to_owned(), group.clone());
        // Also if nobody is routed in it yet: whoever is later must find it sound.
        after.check_for(self.core.cores.budget())?;
        let before = registry.groups.insert(name.to_owned(), group);
        let published = registry.publish();
        if published.is_err() {
            match before {
                Some(before) => registry.groups.insert(name.to_owned(), before),
                None => registry.groups.remove(name),
            };
        }
        published?;
        self.core.remember(after);
        Ok(())
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
        let before = registry.groups_of.insert(domain.to_owned(), group.to_owned());
        if let Err(error) = registry.publish() {
            registry.groups_of.extend(before.map(|before| (domain.to_owned(), before)));
            return Err(error.into());
        }
        let mut after = (*self.core.config()).clone();
        after.domains.entry(domain.to_owned()).or_default().group = Some(group.to_owned());
        self.core.remember(after);
        Ok(())
    }

    /// The registry, unless the end has begun.
    fn changeable(&self) -> Result<MutexGuard<'_, Registry>, ChangeError> {
        let registry = self.core.registry.lock();
        if registry.ending { Err(ChangeError::Ended) } else { Ok(registry) }
    }
}

/// A configuration without a pool, and without what has lost its last pool with it.
fn without(config: &Config, pool: &str) -> Config {
    let mut config = config.clone();
    config.pools.remove(pool);
    config.groups.values_mut().for_each(|group| group.pools.retain(|name| name != pool));
    config.groups.retain(|_, group| !group.pools.is_empty());
    let groups = &config.groups;
    for domain in config.domains.values_mut() {
        domain.group = domain.group.take().filter(|group| groups.contains_key(group));
    }
    let served = |name: &String, domain: &mut DomainConfig| {
        let own = config.pools.iter().any(|(pool, config)| config.domain.as_ref().unwrap_or(pool) == name);
        domain.group.is_some() || groups.contains_key(name) || own
    };
    config.domains.retain(served);
    config
}

/// Why a running runtime was not changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no pool, domain or group of this name.
    Unknown(String),
    /// The settings are wrong, or contradict what runs.
    Config(ConfigError),
    /// The limits contradict each other.
    Limits(LimitsError),
    /// Others changed the configuration again and again meanwhile, or the change itself calls for a change.
    Contended,
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
            ChangeError::Limits(error) => write!(f, "admission: {error}"),
            ChangeError::Contended => {
                f.write_str("others changed the configuration each time meanwhile: try again, one at a time")
            }
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

impl From<LimitsError> for ChangeError {
    fn from(error: LimitsError) -> Self {
        ChangeError::Limits(error)
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
