//! Changing who is in a runtime while it runs.

use std::fmt;
use std::time::Duration;

use parking_lot::MutexGuard;

use super::Runtime;
use super::config::{ConfigError, GroupConfig, PoolConfig, check_pool};
use super::registry::{Registry, discard};
use crate::pool::{Pool, ScaleError};
use crate::routing::PoolSetError;
use crate::time::Deadline;

impl Runtime {
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
