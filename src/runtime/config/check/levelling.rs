//! The law for what self-levelling goes by.

use crate::runtime::config::fault::Fault;
use crate::runtime::config::path::Path;
use crate::runtime::config::setting::Setting;
use crate::runtime::config::{
    BalanceConfig, BurstConfig, Config, ControlConfig, HealthConfig, ScalingConfig,
};

/// In a process that may use this many cores.
pub(super) fn levelling(config: &Config, cores: usize) -> Result<(), Fault> {
    control(&config.control)?;
    scaling(&config.scaling)?;
    health(&config.health)?;
    balance(&config.balance)?;
    burst(&config.burst)?;
    lent_within_the_budget(config, cores)
}

fn control(control: &ControlConfig) -> Result<(), Fault> {
    let table = Path::new(["control"]);
    Setting::new(&table, "tick", control.tick).in_bounds()?;
    Setting::new(&table, "journal", control.journal).in_bounds()
}

fn scaling(scaling: &ScalingConfig) -> Result<(), Fault> {
    let table = Path::new(["scaling"]);
    let default = ScalingConfig::default();
    let up = Setting::new(&table, "up", scaling.up).or_default(default.up);
    let target = Setting::new(&table, "target", scaling.target).or_default(default.target);
    let down = Setting::new(&table, "down", scaling.down).or_default(default.down);
    up.is_proportion()?;
    target.is_proportion()?;
    down.is_proportion()?;
    target.below(&up)?;
    down.below(&target)?;
    Setting::new(&table, "calm", scaling.calm).in_bounds()?;
    scaling.cores.map_or(Ok(()), |cores| Setting::new(&table, "cores", cores).in_bounds())
}

fn health(health: &HealthConfig) -> Result<(), Fault> {
    let table = Path::new(["health"]);
    let default = HealthConfig::default();
    Setting::new(&table, "every", health.every).in_bounds()?;
    let degraded = Setting::new(&table, "degraded", health.degraded).or_default(default.degraded);
    let critical = Setting::new(&table, "critical", health.critical).or_default(default.critical);
    critical.is_proportion()?;
    degraded.is_proportion()?;
    degraded.at_most(&critical)?;
    Setting::new(&table, "replacements", health.replacements).in_bounds()
}

fn balance(balance: &BalanceConfig) -> Result<(), Fault> {
    let table = Path::new(["balance"]);
    Setting::new(&table, "below", balance.below).is_proportion()?;
    Setting::new(&table, "cooldown", balance.cooldown).in_bounds()
}

fn burst(burst: &BurstConfig) -> Result<(), Fault> {
    let table = Path::new(["burst"]);
    Setting::new(&table, "threshold", burst.threshold).in_bounds()?;
    Setting::new(&table, "floor", burst.floor).in_bounds()?;
    burst.workers.map_or(Ok(()), |workers| Setting::new(&table, "workers", workers).in_bounds())?;
    Setting::new(&table, "lease", burst.lease).in_bounds()?;
    Setting::new(&table, "renewals", burst.renewals).in_bounds()?;
    Setting::new(&table, "return_every", burst.return_every).in_bounds()?;
    Setting::new(&table, "cooldown", burst.cooldown).in_bounds()?;
    Setting::new(&table, "cost", burst.cost).in_bounds()
}

/// More workers that compute than there are cores for them would only take turns.
fn lent_within_the_budget(config: &Config, cores: usize) -> Result<(), Fault> {
    let budget = config.core_budget(cores);
    let Some(workers) = config.burst.workers else { return Ok(()) };
    if !config.computes() || usize::try_from(workers).is_ok_and(|workers| workers <= budget) {
        return Ok(());
    }
    let fault = format!("is {workers}, above the core budget ({budget})");
    let cure = format!("set it to at most {budget}, or declare the pools \"blocking\"");
    let fault = Fault::new(Path::new(["burst", "workers"]), fault, cure);
    // A budget that nobody wrote cannot be what broke it.
    Err(if config.scaling.cores.is_some() { fault.against(Path::new(["scaling", "cores"])) } else { fault })
}
