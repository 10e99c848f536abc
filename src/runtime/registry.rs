//! Who is in a runtime, by name, and the tables that follow from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::config::{DomainConfig, GroupConfig, PoolConfig};

use super::Core;
use crate::domain::{Domain, DomainShared, PoolRef};
use crate::pool::{Pool, ScaleError, Settings};
use crate::routing::{Affinity, PoolSetError, Prepared, Router, Target};
use crate::share::Share;
use crate::time::Deadline;

/// Looked up and changed on control paths only.
#[derive(Default)]
pub(super) struct Registry {
    pub(super) pools: BTreeMap<String, Member>,
    pub(super) domains: BTreeMap<String, Domain>,
    /// The group each domain is routed in.
    pub(super) groups_of: BTreeMap<String, String>,
    /// The groups that were declared; a domain without one has the pools that belong to it.
    pub(super) groups: BTreeMap<String, GroupConfig>,
    /// Pools that were taken out, with threads that have not ended yet.
    pub(super) removed: Vec<Pool>,
    /// Pools made so far.
    pub(super) serials: u64,
    /// Whether the end has begun: nobody comes or goes any more.
    pub(super) ending: bool,
    /// Whether its last part has begun: pools close, and whoever is missing in them is not replaced.
    pub(super) closing: bool,
}

pub(super) struct Member {
    pub(super) pool: Pool,
    pub(super) weight: u32,
    /// How much of the keys of its weight it is trusted with: what its health allows.
    pub(super) share: Share,
}

impl Registry {
    pub(super) fn add_domain(&mut self, core: &Core, name: String, config: &DomainConfig) {
        let group = config.group.clone().unwrap_or_else(|| name.clone());
        let shared = DomainShared {
            name: name.clone(),
            priority: config.priority,
            sub_limit: config.sub_limit.as_deref().and_then(|sub| core.regulator.sub_limit(sub)),
            router: Router::default(),
            regulator: core.regulator.clone(),
            clock: core.clock.clone(),
            spans: core.spans.clone(),
        };
        self.groups_of.insert(name.clone(), group);
        self.domains.insert(name, Domain { shared: Arc::new(shared) });
    }

    pub(super) fn add_pool(
        &mut self,
        core: &Core,
        name: &str,
        config: &PoolConfig,
    ) -> Result<Pool, ScaleError> {
        let domain = config.domain.clone().unwrap_or_else(|| name.to_owned());
        self.serials += 1;
        let settings = Settings {
            name: name.to_owned(),
            domain: domain.clone(),
            lane: config.lane as usize,
            kind: config.kind,
            idle: config.idle,
            pin: config.pin,
            serial: self.serials,
        };
        let bounds = (config.min_workers, config.max_workers);
        let (clock, cores, bell) = (core.clock.clone(), core.cores.clone(), core.bell.clone());
        let pool = Pool::new(settings, bounds, core.regulator.clone(), clock, cores, bell);
        if let Err(error) = pool.start() {
            discard(&pool);
            return Err(error);
        }
        if !self.domains.contains_key(&domain) {
            self.add_domain(core, domain, &DomainConfig::default());
        }
        let member = Member { pool: pool.clone(), weight: config.weight, share: Share::Full };
        self.pools.insert(name.to_owned(), member);
        Ok(pool)
    }

    /// Gives each pool what it counts for in routing, where that differs; if it cannot be, nothing has changed.
    pub(super) fn trust(&mut self, shares: &BTreeMap<String, Share>) -> Result<(), PoolSetError> {
        let differs =
            |(name, share): (&String, &Share)| self.pools.get(name).is_some_and(|pool| pool.share != *share);
        if !shares.iter().any(differs) {
            return Ok(());
        }
        let before = self.exchange(|member| &mut member.share, shares);
        let published = self.publish();
        if published.is_err() {
            self.exchange(|member| &mut member.share, &before);
        }
        published
    }

    /// Puts new values in place of a part of the members, and returns the old ones.
    pub(super) fn exchange<T: Copy>(
        &mut self,
        part: fn(&mut Member) -> &mut T,
        new: &BTreeMap<String, T>,
    ) -> BTreeMap<String, T> {
        let known =
            self.pools.iter_mut().filter_map(|(name, member)| Some((name, part(member), new.get(name)?)));
        known.map(|(name, old, new)| (name.clone(), std::mem::replace(old, *new))).collect()
    }

    /// Takes a pool out of the pools and the groups, wherever it is named; and with the last pool of a group the group.
    pub(super) fn remove_pool(&mut self, name: &str) -> Option<Pool> {
        let Member { pool, .. } = self.pools.remove(name)?;
        for group in self.groups.values_mut() {
            group.pools.retain(|member| member != name);
        }
        self.groups.retain(|_, group| !group.pools.is_empty());
        for (domain, group) in &mut self.groups_of {
            if !self.groups.contains_key(group) {
                group.clone_from(domain);
            }
        }
        Some(pool)
    }

    /// Gives every domain the table that follows from pools and groups as they are now.
    pub(super) fn publish(&self) -> Result<(), PoolSetError> {
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
        if let Some(group) = group {
            let members = group.pools.iter().filter_map(|name| self.pools.get_key_value(name));
            table(group.affinity, members)
        } else {
            table(
                Affinity::Soft,
                self.pools.iter().filter(|(_, member)| member.pool.shared.settings.domain == domain),
            )
        }
    }
}

/// The table over these pools, each with its share.
///
/// Soft keys go elsewhere: half of a pool's, or all. Strict ones stay, and are refused where the pool is to have none.
fn table<'a>(
    affinity: Affinity,
    members: impl Iterator<Item = (&'a String, &'a Member)> + Clone,
) -> Result<Prepared<PoolRef>, PoolSetError> {
    // With nowhere else to go, soft keys are better off where they are than refused.
    let elsewhere = members.clone().any(|(_, member)| member.share != Share::None);
    let targets = members.filter_map(|(name, member)| {
        let share = match (affinity, member.share) {
            (Affinity::Soft, Share::None) if elsewhere => return None,
            (Affinity::Soft, Share::Half) => Share::Half,
            (Affinity::Strict, Share::None) => Share::None,
            _ => Share::Full,
        };
        let target = Target::new(name, member.weight, PoolRef(member.pool.shared.clone()));
        Some(target.sharing(share))
    });
    Prepared::new(affinity, targets)
}

/// Ends a pool that never got into a table.
pub(super) fn discard(pool: &Pool) {
    pool.retire_all();
    pool.close();
    pool.join_until(&Deadline::after(Duration::from_secs(1)));
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
