//! The law: which configuration is valid. Faults are told by path, the first one found.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::Fault;
use super::path::{Path, is_name_character, quoted, spelt};
use super::suggest::did_you_mean;
use super::{AdmissionConfig, Config, ConfigError, PoolConfig};
use crate::thread::Idle;

/// In flight is counted in 21 bits.
const MOST_IN_FLIGHT: u32 = (1 << 21) - 1;
const MOST_POOLS: usize = 255;
const SPIN: RangeInclusive<Duration> = Duration::from_micros(1)..=Duration::from_secs(1);

/// What is allowed, yet probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The pools start with more workers than there are cores, so that some share one.
    MoreWorkersThanCores {
        /// The sum of `min_workers` over all pools.
        workers: u32,
        /// The cores the process may use.
        cores: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::MoreWorkersThanCores { workers, cores } = self;
        write!(
            f,
            "pools start with {workers} workers (the sum of min_workers) and share {cores} cores; \
             lower min_workers or allow more cores"
        )
    }
}

impl Config {
    /// Validates the configuration against the cores this process may use: its affinity mask and its quota.
    ///
    /// # Errors
    /// The first fault, by its path. See [`check_for`](Self::check_for).
    pub fn check(&self) -> Result<Vec<Warning>, ConfigError> {
        self.check_for(std::thread::available_parallelism().map_or(1, usize::from))
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
    /// no pool at all.
    pub fn check_for(&self, cores: usize) -> Result<Vec<Warning>, ConfigError> {
        faultless(self).map_err(|fault| ConfigError::of_setting(None, &fault))?;
        let workers = self.pools.values().map(|pool| pool.min_workers).sum();
        let crowded = usize::try_from(workers).is_ok_and(|workers| workers > cores);
        Ok(crowded.then_some(Warning::MoreWorkersThanCores { workers, cores }).into_iter().collect())
    }
}

/// As the whole configuration is checked, for one pool that is added to those that run.
pub(in crate::runtime) fn check_pool(name: &str, config: &PoolConfig) -> Result<(), ConfigError> {
    let table = Path::new(["pools"]);
    let checked = named(&table, name).and_then(|()| pool(&table.key(name), config));
    checked.map_err(|fault| ConfigError::of_setting(None, &fault))
}

/// The bounds of a whole number, for every setting that is one.
pub(super) fn bounds(path: &Path) -> Option<RangeInclusive<u32>> {
    match path.keys()[..] {
        ["admission", "soft" | "hard"] | ["admission", "sub_limits", _] => Some(1..=MOST_IN_FLIGHT),
        ["pools", _, "min_workers" | "max_workers"] => Some(1..=50),
        ["pools", _, "weight"] => Some(1..=100),
        ["pools", _, "lane"] => Some(1..=65_536),
        _ => None,
    }
}

pub(super) fn faultless(config: &Config) -> Result<(), Fault> {
    admission(&config.admission)?;
    pools(config)?;
    groups(config)?;
    domains(config)
}

fn admission(limits: &AdmissionConfig) -> Result<(), Fault> {
    let table = Path::new(["admission"]);
    let default = AdmissionConfig::default();
    let soft = Number::new(&table, "soft", limits.soft).or_default(default.soft);
    let hard = Number::new(&table, "hard", limits.hard).or_default(default.hard);
    hard.in_bounds()?;
    soft.in_bounds()?;
    soft.at_most(&hard)?;
    if !(0.0..1.0).contains(&limits.reserve) {
        let percent = (limits.reserve * 10_000.0).round() / 100.0;
        return Err(Fault::new(
            table.key("reserve"),
            format!("is {} ({percent} %), not a share from 0 to below 1", limits.reserve),
            "set it to one, such as 0.2 or \"20%\"",
        ));
    }
    let sub_limits = table.key("sub_limits");
    for (name, &limit) in &limits.sub_limits {
        named(&sub_limits, name)?;
        let limit = Number::new(&sub_limits, name, limit);
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
    let min = Number::new(table, "min_workers", pool.min_workers).or_default(default.min_workers);
    let max = Number::new(table, "max_workers", pool.max_workers).or_default(default.max_workers);
    max.in_bounds()?;
    min.in_bounds()?;
    min.at_most(&max)?;
    Number::new(table, "weight", pool.weight).in_bounds()?;
    Number::new(table, "lane", pool.lane).in_bounds()?;
    if let Idle::Backoff { spin } = pool.idle
        && !SPIN.contains(&spin)
    {
        let fault = format!("is {}", humantime::format_duration(spin));
        return Err(Fault::new(table.clone().key("spin"), fault, "set it to 1us at least and 1s at most"));
    }
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

/// A whole number with its path, and whether it is what the setting has unless it is set.
struct Number {
    path: Path,
    value: u32,
    is_default: bool,
}

impl Number {
    fn new(table: &Path, key: &str, value: u32) -> Self {
        Self { path: table.clone().key(key), value, is_default: false }
    }

    fn or_default(self, default: u32) -> Self {
        Self { is_default: self.value == default, ..self }
    }

    fn in_bounds(&self) -> Result<(), Fault> {
        let Some((from, to)) = bounds(&self.path).map(RangeInclusive::into_inner) else { return Ok(()) };
        let side = match self.value {
            low if low < from => format!("below {from}"),
            high if high > to => format!("above {to}"),
            _ => return Ok(()),
        };
        let cure = format!("set it to a whole number from {from} to {to}");
        Err(Fault::new(self.path.clone(), format!("is {}, {side}", self.value), cure))
    }

    fn at_most(&self, other: &Number) -> Result<(), Fault> {
        if self.value <= other.value {
            return Ok(());
        }
        let default = if self.is_default { " (the default)" } else { "" };
        let fault = format!("is {}{default}, above {} ({})", self.value, other.path, other.value);
        let cure = format!("set it to at most {}", other.value);
        Err(Fault::new(self.path.clone(), fault, cure).against(other.path.clone()))
    }
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
