//! The law: which configuration is valid. Faults are told by path, the first one found.

mod broker;
mod kanban;
mod levelling;
mod schedules;
mod warning;

use std::collections::BTreeSet;

use super::fault::Fault;
use super::path::{Path, is_name_character, quoted, spelt};
use super::setting::Setting;
use super::suggest::did_you_mean;
use super::{AdmissionConfig, Config, ConfigError, PoolConfig};
use crate::thread::Idle;

pub use warning::Warning;

const MOST_POOLS: usize = 255;

impl Config {
    /// Validates the configuration against the cores this process may use: its affinity mask and its quota.
    ///
    /// # Errors
    /// The first fault, by its path. See [`check_for`](Self::check_for).
    pub fn check(&self) -> Result<Vec<Warning>, ConfigError> {
        self.check_for(own_cores())
    }

    /// Validates the configuration for a process that may use `cores` cores.
    ///
    /// ```
    /// use heijunka::{Config, PoolConfig};
    ///
    /// let mut config = Config::default();
    /// config.pools.insert("payment".into(), PoolConfig { min_workers: 9, max_workers: 8, ..PoolConfig::default() });
    /// assert_eq!(
    ///     config.check_for(16).unwrap_err().to_string(),
    ///     "pools.payment.min_workers is 9, above pools.payment.max_workers (8); set it to at most 8"
    /// );
    /// ```
    ///
    /// # Errors
    /// The first fault, by its path: a number out of its range, a limit above another that it must not exceed, a
    /// name that is not 1 to 64 letters, digits, `-` or `_`, or one that names nothing, a domain without any pool,
    /// no pool at all, a burst that lends pools for computing more workers than the core budget, a program without a
    /// name, a schedule that does not say when, or never comes true.
    pub fn check_for(&self, cores: usize) -> Result<Vec<Warning>, ConfigError> {
        faultless(self, cores).map_err(|fault| ConfigError::of_setting(None, &fault))?;
        Ok(warning::warnings(self, cores))
    }
}

/// The cores this process may use: its affinity mask and its quota.
pub(super) fn own_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(super) fn faultless(config: &Config, cores: usize) -> Result<(), Fault> {
    admission(&config.admission)?;
    pools(config)?;
    groups(config)?;
    domains(config)?;
    levelling::levelling(config, cores)?;
    kanban::kanban(config)?;
    schedules::schedules(config)
}

fn admission(limits: &AdmissionConfig) -> Result<(), Fault> {
    let table = Path::new(["admission"]);
    let default = AdmissionConfig::default();
    let soft = Setting::new(&table, "soft", limits.soft).or_default(default.soft);
    let hard = Setting::new(&table, "hard", limits.hard).or_default(default.hard);
    hard.in_bounds()?;
    soft.in_bounds()?;
    soft.at_most(&hard)?;
    Setting::new(&table, "reserve", limits.reserve).is_reserve()?;
    let sub_limits = table.key("sub_limits");
    for (name, &limit) in &limits.sub_limits {
        named(&sub_limits, name)?;
        let limit = Setting::new(&sub_limits, name, limit);
        limit.in_bounds()?;
        limit.at_most(&hard)?;
    }
    Ok(())
}

fn pools(config: &Config) -> Result<(), Fault> {
    let table = Path::new(["pools"]);
    match config.pools.len() {
        0 => return Err(Fault::new(table, "is empty", "at least one [pools.NAME] is needed")),
        1..=MOST_POOLS => {}
        many => {
            return Err(Fault::new(table, format!("has {many} pools"), format!("keep at most {MOST_POOLS}")));
        }
    }
    for (name, pool) in &config.pools {
        named(&table, name)?;
        self::pool(&table.clone().key(name), pool)?;
    }
    Ok(())
}

fn pool(table: &Path, pool: &PoolConfig) -> Result<(), Fault> {
    let default = PoolConfig::default();
    let min = Setting::new(table, "min_workers", pool.min_workers).or_default(default.min_workers);
    let max = Setting::new(table, "max_workers", pool.max_workers).or_default(default.max_workers);
    max.in_bounds()?;
    min.in_bounds()?;
    min.at_most(&max)?;
    Setting::new(table, "weight", pool.weight).in_bounds()?;
    Setting::new(table, "lane", pool.lane).in_bounds()?;
    if let Idle::Backoff { spin } = pool.idle {
        Setting::new(table, "spin", spin).in_bounds()?;
    }
    Setting::new(table, "queue_delay", pool.queue_delay).in_bounds()?;
    Setting::new(table, "stall_after", pool.stall_after).in_bounds()?;
    match &pool.domain {
        Some(domain) if !is_name(domain) => {
            Err(Fault::new(table.clone().key("domain"), format!("is {}", quoted(domain)), NAMES))
        }
        _ => Ok(()),
    }
}

fn groups(config: &Config) -> Result<(), Fault> {
    let table = Path::new(["groups"]);
    for (name, group) in &config.groups {
        named(&table, name)?;
        let pools = table.clone().key(name).key("pools");
        if group.pools.is_empty() {
            return Err(Fault::new(pools, "is empty", "name at least one pool"));
        }
        let mut seen = BTreeSet::new();
        for (index, pool) in group.pools.iter().enumerate() {
            if !config.pools.contains_key(pool) {
                let known = config.pools.keys();
                return Err(unknown(
                    pools.index(index),
                    pool,
                    "pool",
                    known,
                    format!("add [pools.{}]", spelt(pool)),
                ));
            }
            if !seen.insert(pool) {
                let fault = format!("names {} again", quoted(pool));
                return Err(Fault::new(pools.index(index), fault, "name each pool once"));
            }
        }
    }
    Ok(())
}

fn domains(config: &Config) -> Result<(), Fault> {
    let table = Path::new(["domains"]);
    let served: BTreeSet<&str> = config.pools.iter().map(|(name, pool)| pool.domain_or(name)).collect();
    for (name, domain) in &config.domains {
        named(&table, name)?;
        let path = table.clone().key(name);
        if let Some(limit) = &domain.sub_limit
            && !config.admission.sub_limits.contains_key(limit)
        {
            let (known, otherwise) = (config.admission.sub_limits.keys(), "add it to [admission.sub_limits]");
            return Err(unknown(path.key("sub_limit"), limit, "sub-limit", known, otherwise.to_owned()));
        }
        if let Some(group) = &domain.group {
            if !config.groups.contains_key(group) {
                let known = config.groups.keys();
                return Err(unknown(
                    path.key("group"),
                    group,
                    "group",
                    known,
                    format!("add [groups.{}]", spelt(group)),
                ));
            }
        } else if !config.groups.contains_key(name) && !served.contains(name.as_str()) {
            let otherwise = || format!("add [pools.{name}], or set its group to one that has pools");
            let cure = did_you_mean(name, served).unwrap_or_else(otherwise);
            return Err(Fault::new(path, "has no pool", cure));
        }
    }
    Ok(())
}

const NAMES: &str = "a name is 1 to 64 letters, digits, '-' or '_'";

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(is_name_character)
}

fn named(table: &Path, name: &str) -> Result<(), Fault> {
    if is_name(name) {
        Ok(())
    } else {
        Err(Fault::new(table.clone().key(name), "is not a name", NAMES).about_key())
    }
}

/// A setting that names something that does not exist.
fn unknown<'k>(
    path: Path,
    name: &str,
    what: &str,
    known: impl IntoIterator<Item = &'k String>,
    otherwise: String,
) -> Fault {
    let cure = did_you_mean(name, known.into_iter().map(String::as_str)).unwrap_or(otherwise);
    Fault::new(path, format!("names {}, and there is no such {what}", quoted(name)), cure)
}
