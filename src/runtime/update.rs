//! Changing the configuration of a runtime that runs: all of a change or nothing.

use std::collections::BTreeMap;

use super::config::{Config, check_change};
use super::control::{Author, Draft};
use super::registry::{Member, Registry};
use super::{ChangeError, Core, Runtime};
use crate::admission::Limits;
use crate::sync::Arc;

/// After so many changes by others between reading and writing, something is wrong with the caller.
const TRIES: u32 = 100;

impl Runtime {
    /// The configuration in force, with what was changed since the start.
    #[must_use]
    pub fn config(&self) -> Config {
        self.core.present_config()
    }

    /// Changes the configuration while running: limits, thresholds, the bounds and weights of pools, groups and their affinity,
    /// and every switch. The change is validated as at the start, and against what runs; then all of it holds, or nothing.
    ///
    /// Work admitted afterwards obeys the new limits, and the control thread goes by the new figures from its next tick on: it
    /// never sees some of them new and others old. A pool that is outside of its new bounds comes inside at that tick.
    ///
    /// `change` is called again if somebody else changed the configuration meanwhile. It may take its time: no lock is
    /// held. Waits for a tick that is running.
    ///
    /// ```
    /// # use heijunka::{PoolConfig, Runtime};
    /// # let pool = PoolConfig { min_workers: 1, max_workers: 4, ..PoolConfig::default() };
    /// # let runtime = Runtime::builder().pool("payment", pool).start()?;
    /// runtime.update(|config| {
    ///     config.admission.hard = 1500;
    ///     config.scaling.up = 0.75;
    ///     config.burst.enabled = false;
    /// })?;
    /// let refused = runtime.update(|config| {
    ///     config.admission.soft = 100;
    ///     config.scaling.down = 0.9;
    /// });
    /// assert_eq!(
    ///     refused.unwrap_err().to_string(),
    ///     "scaling.down is 0.9, not below scaling.target (0.7); set it to less than 0.7"
    /// );
    /// assert_eq!(runtime.config().admission.soft, 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ChangeError`], with nothing changed: what [`Config::check`] finds; a setting that cannot change while running (a pool's
    /// `domain`, `lane`, `kind`, `idle` and `pin`, all of a domain but its `group`, the names of pools and sub-limits, and what the pull
    /// queue goes by);
    /// bounds that exclude a number of workers set by hand; the end has begun.
    pub fn update(&self, mut change: impl FnMut(&mut Config)) -> Result<(), ChangeError> {
        for _ in 0..TRIES {
            let base = self.core.config();
            let before = self.core.present_config();
            let mut after = before.clone();
            change(&mut after);
            if self.core.change_config(&base, &before, after)? {
                return Ok(());
            }
        }
        Err(ChangeError::Contended)
    }
}

impl Core {
    /// The configuration in force, with limits that were set directly.
    fn present_config(&self) -> Config {
        let mut config = (*self.config()).clone();
        let admission = &mut config.admission;
        let status = self.regulator.status();
        let limits = status.limits;
        if Limits::with_reserve(admission.soft, admission.hard, admission.reserve) != Ok(limits) {
            (admission.soft, admission.hard) = (limits.soft(), limits.hard());
            admission.reserve = f64::from(limits.reserved()) / f64::from(limits.hard());
        }
        for sub in status.sub_limits {
            admission.sub_limits.insert(sub.name, sub.limit);
        }
        config
    }

    /// Puts `after` in force, unless somebody changed `base` meanwhile: then false.
    fn change_config(&self, base: &Arc<Config>, before: &Config, after: Config) -> Result<bool, ChangeError> {
        after.check_for(self.cores.budget())?;
        let admission = &after.admission;
        let limits = Limits::with_reserve(admission.soft, admission.hard, admission.reserve)?;
        // No tick runs from here on: the next one sees all of it.
        let still = self.control.still();
        let mut registry = self.registry.lock();
        if !Arc::ptr_eq(base, &self.config()) {
            return Ok(false);
        }
        if registry.ending {
            return Err(ChangeError::Ended);
        }
        let by_hand =
            registry.pools.iter().filter_map(|(name, member)| Some((name.clone(), member.pool.by_hand()?)));
        check_change(before, &after, &by_hand.collect())?;
        registry.reroute(&after)?;
        // Nothing can fail any more.
        self.regulator.set_limits(limits);
        for (name, limit) in &after.admission.sub_limits {
            if let Some(sub) = self.regulator.sub_limit(name) {
                self.regulator.set_sub_limit(sub, *limit);
            }
        }
        for (name, member) in &registry.pools {
            if let Some(pool) = after.pools.get(name) {
                member.pool.set_bounds(pool.min_workers, pool.max_workers);
            }
        }
        self.spans.turn(after.tracing.spans);
        self.control.journal.keep(after.control.journal as usize);
        let told = Draft {
            author: Author::Control,
            ..Draft::remark(
                None,
                "update",
                format!("the configuration changed: {}", difference(before, &after)),
            )
        };
        self.remember(after);
        drop(registry);
        drop(still);
        self.write(self.clock.now(), vec![told]);
        Ok(true)
    }

    /// The configuration in force from now on. Called under the registry's lock.
    pub(super) fn remember(&self, config: Config) {
        let pin = crate::sync::pin();
        self.config.replace(Arc::new(config), &pin);
        pin.flush();
    }
}

impl Registry {
    /// Weights, groups and who is routed where, as the configuration has them; if that cannot be, nothing has changed.
    fn reroute(&mut self, config: &Config) -> Result<(), ChangeError> {
        let domains = config.all_domains();
        let group_of = |name: &String| domains.get(name.as_str()).and_then(|domain| domain.group.clone());
        let named =
            self.domains.keys().map(|name| (name.clone(), group_of(name).unwrap_or_else(|| name.clone())));
        let named: BTreeMap<String, String> = named.collect();
        let same_weight = |(name, member): (&String, &Member)| {
            config.pools.get(name).is_none_or(|pool| pool.weight == member.weight)
        };
        if named == self.groups_of && config.groups == self.groups && self.pools.iter().all(same_weight) {
            return Ok(());
        }
        let groups = std::mem::replace(&mut self.groups, config.groups.clone());
        let routed = std::mem::replace(&mut self.groups_of, named);
        let weights = config.pools.iter().map(|(name, pool)| (name.clone(), pool.weight)).collect();
        let weights = self.exchange(|member| &mut member.weight, &weights);
        if let Err(error) = self.publish() {
            (self.groups, self.groups_of) = (groups, routed);
            self.exchange(|member| &mut member.weight, &weights);
            return Err(error.into());
        }
        Ok(())
    }
}

/// The tables that differ, by name.
fn difference(before: &Config, after: &Config) -> String {
    let tables = [
        ("admission", before.admission != after.admission),
        ("domains", before.domains != after.domains),
        ("pools", before.pools != after.pools),
        ("groups", before.groups != after.groups),
        ("control", before.control != after.control),
        ("scaling", before.scaling != after.scaling),
        ("health", before.health != after.health),
        ("balance", before.balance != after.balance),
        ("burst", before.burst != after.burst),
        ("tracing", before.tracing != after.tracing),
    ];
    let changed: Vec<&str> = tables.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    if changed.is_empty() { "not at all".to_owned() } else { changed.join(", ") }
}
