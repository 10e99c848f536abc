//! The law: what of a configuration may change while the runtime runs. Faults are told by path, the first one found.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::path::Path;
use super::{Config, ConfigError};

/// Whether the running configuration `before` may become `after`, which is valid in itself. `by_hand`: pools whose number of
/// workers is set by hand.
pub(in crate::runtime) fn check_change(
    before: &Config,
    after: &Config,
    by_hand: &BTreeMap<String, u32>,
) -> Result<(), ConfigError> {
    let found = pools(before, after, by_hand).and_then(|()| domains(before, after));
    let found = found.and_then(|()| sub_limits(before, after)).and_then(|()| queue(before, after));
    found.map_err(|fault| ConfigError::of_setting(None, &fault))
}

fn pools(before: &Config, after: &Config, by_hand: &BTreeMap<String, u32>) -> Result<(), Fault> {
    let table = Path::new(["pools"]);
    let (new, gone) = ("add it with Runtime::add_pool", "take it out with Runtime::remove_pool");
    same_names(&table, &before.pools, &after.pools, new, gone)?;
    for (name, pool) in &after.pools {
        let Some(was) = before.pools.get(name) else { continue };
        let fixed = [
            ("domain", pool.domain != was.domain),
            ("lane", pool.lane != was.lane),
            ("kind", pool.kind != was.kind),
            ("idle", pool.idle != was.idle),
            ("pin", pool.pin != was.pin),
        ];
        let cure = "leave it as it is, or add a pool that has it and remove this one";
        fixed_in(&table.clone().key(name), &fixed, cure)?;
        let held = by_hand.get(name).copied();
        let cure = |bound: &str| format!("set it to {bound}, or let the load decide with Pool::auto first");
        if let Some(held) = held.filter(|held| *held > pool.max_workers) {
            let fault = format!("is {}, below the {held} workers that were set by hand", pool.max_workers);
            return Err(Fault::new(
                table.key(name).key("max_workers"),
                fault,
                cure(&format!("at least {held}")),
            ));
        }
        if let Some(held) = held.filter(|held| *held < pool.min_workers) {
            let fault = format!("is {}, above the {held} workers that were set by hand", pool.min_workers);
            return Err(Fault::new(
                table.key(name).key("min_workers"),
                fault,
                cure(&format!("at most {held}")),
            ));
        }
    }
    Ok(())
}

fn domains(before: &Config, after: &Config) -> Result<(), Fault> {
    let table = Path::new(["domains"]);
    let (was, is) = (before.all_domains(), after.all_domains());
    let (new, gone) = ("leave it out: domains come with pools", "leave it in: domains go with their pools");
    same_names(&table, &was, &is, new, gone)?;
    for (name, domain) in is {
        let Some(was) = was.get(name) else { continue };
        let path = table.clone().key(name);
        let fixed =
            [("priority", domain.priority != was.priority), ("sub_limit", domain.sub_limit != was.sub_limit)];
        fixed_in(&path, &fixed, "leave it as it is")?;
        let fixed = [
            ("consume", domain.consume != was.consume),
            ("exec", domain.exec != was.exec),
            ("retry", domain.retry != was.retry),
        ];
        fixed_in(&path, &fixed, RESTART)?;
    }
    Ok(())
}

fn sub_limits(before: &Config, after: &Config) -> Result<(), Fault> {
    let table = Path::new(["admission", "sub_limits"]);
    let fixed = "leave it as it is: a sub-limit comes and goes with the runtime";
    same_names(&table, &before.admission.sub_limits, &after.admission.sub_limits, fixed, fixed)
}

const RESTART: &str = "leave it as it is, or restart with it";

/// What the pull queue goes by is fixed as a whole.
fn queue(before: &Config, after: &Config) -> Result<(), Fault> {
    let fixed = [
        ("broker", before.broker != after.broker),
        ("kanban", before.kanban != after.kanban),
        ("schedules", before.schedules != after.schedules),
        ("service", before.service != after.service),
    ];
    fixed_in(&Path::default(), &fixed, RESTART)
}

/// Nobody comes or goes by a change of the configuration.
fn same_names<N: AsRef<str> + Ord, V>(
    table: &Path,
    before: &BTreeMap<N, V>,
    after: &BTreeMap<N, V>,
    new: &str,
    gone: &str,
) -> Result<(), Fault> {
    if let Some(name) = after.keys().find(|name| !before.contains_key(*name)) {
        return Err(Fault::new(table.clone().key(name.as_ref()), "is not there while the runtime runs", new)
            .about_key());
    }
    match before.keys().find(|name| !after.contains_key(*name)) {
        Some(name) => Err(Fault::new(table.clone().key(name.as_ref()), "is missing, and in use", gone)),
        None => Ok(()),
    }
}

fn fixed_in(table: &Path, changed: &[(&str, bool)], cure: &str) -> Result<(), Fault> {
    match changed.iter().find(|(_, changed)| *changed) {
        Some((key, _)) => {
            Err(Fault::new(table.clone().key(key), "cannot change while the runtime runs", cure))
        }
        None => Ok(()),
    }
}
