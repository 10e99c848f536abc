//! How the runtime levels itself: its control thread, and the handling of bursts.

use std::fmt;

use prometheus_client::registry::Unit;

use super::Scrape;
use super::families::Families;
use crate::burst::Phase;

const PHASES: [Phase; 6] =
    [Phase::Learning, Phase::Watching, Phase::Surging, Phase::Returning, Phase::Cooling, Phase::Off];

impl Scrape {
    pub(super) fn control(&self, families: &mut Families<'_>) -> fmt::Result {
        let (status, control) = (&self.status, &self.status.control);
        let help = "How evenly the pools are used lately: 1 is perfect, 0.8 good.";
        families.level("balance_ratio", help, None, status.balance)?;
        let version = [([("version", env!("CARGO_PKG_VERSION"))], 1_u32)];
        families.gauge("build_info", "1, for the version that runs.", version)?;
        let help = "How long it runs; after a restart it begins anew, whatever becomes of the counters.";
        families.level("uptime", help, Some(&Unit::Seconds), status.uptime.as_secs_f64())?;
        let ready = u32::from(status.readiness.is_ready());
        families.level("ready", "1 while the runtime should be given work.", None, ready)?;
        families.count("control_ticks", "Ticks of the control thread.", None, control.ticks)?;
        let help = "How often the control thread died and was started again.";
        families.count("control_deaths", help, None, control.deaths)?;
        let took = control.last_tick.as_secs_f64();
        families.level("control_last_tick", "What the last tick took.", Some(&Unit::Seconds), took)?;
        let help = "1 while too many pools are critical for health to be acted on.";
        families.level("health_ignored", help, None, u32::from(control.health_ignored))
    }

    pub(super) fn burst(&self, families: &mut Families<'_>) -> fmt::Result {
        let burst = &self.status.burst;
        families.level("burst_enabled", "1 while bursts are answered.", None, u32::from(burst.enabled))?;
        let phases = PHASES.map(|phase| ([("phase", phase.name())], u32::from(burst.phase == phase)));
        families.gauge("burst_phase", "1 for the phase it is in.", phases)?;
        let help = "The usual load; 0 while it is not known.";
        families.level("burst_baseline_arrivals_per_second", help, None, burst.baseline_load)?;
        let help = "The load of the last seconds.";
        families.level("burst_current_arrivals_per_second", help, None, burst.current_load)?;
        let help = "The present load over the usual one; 0 while that is not known.";
        families.level("burst_ratio", help, None, burst.load_ratio)?;
        families.level("burst_threshold_ratio", "The ratio that makes a burst.", None, burst.threshold)?;
        let ledger = &burst.ledger;
        families.count("burst_surges", "Surges started.", None, ledger.surges)?;
        families.count("burst_renewals", "Leases renewed.", None, ledger.renewals)?;
        let states = [("granted", ledger.granted), ("busy", ledger.busy), ("denied", ledger.denied)];
        let labelled = states.map(|(state, time)| ([("state", state)], time.as_secs_f64()));
        let help = "Time of surge workers; busy is a part of granted.";
        families.counter("burst_worker", help, Some(&Unit::Seconds), labelled)?;
        let help = "What surges cost, in seconds of an ordinary worker.";
        families.count("burst_cost_worker", help, Some(&Unit::Seconds), ledger.cost)?;
        families.count("burst_jobs", "Jobs that surge workers finished.", None, ledger.jobs)
    }
}
