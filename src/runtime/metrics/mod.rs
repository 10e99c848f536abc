//! The runtime's figures as Prometheus reads them: made from one status, at scrape time.

mod admission;
mod families;
mod levelling;
mod pools;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::{Runtime, RuntimeStatus};
use families::Families;

impl Runtime {
    /// Everything [`status`](Self::status) tells that a monitoring system can use, as text.
    ///
    /// It is `OpenMetrics`, ending in `# EOF`: serve it as `application/openmetrics-text; version=1.0.0; charset=utf-8`,
    /// which every Prometheus reads. Counts never fall while the runtime lives, except that a removed pool takes its own away.
    ///
    /// | family (each begins with `heijunka_`) | labels | what |
    /// |---|---|---|
    /// | `permits_in_flight` | `class`: priority, normal | permits in use; low-priority work counts as normal |
    /// | `permits_limit` | `limit`: soft, hard, reserved | the limits in force |
    /// | `sub_limit_in_flight`, `sub_limit_limit` | `sub_limit` | the same for each sub-limit |
    /// | `refused_total` | `reason` | submissions refused, by [`Reason::name`](crate::Reason::name) |
    /// | `pool_workers`, `pool_workers_min`, `pool_workers_max` | `pool`, `domain` | workers now, and their bounds |
    /// | `pool_utilisation_ratio` | `pool`, `domain` | work time over wall time, lately, 0 to 1 |
    /// | `pool_queue_length`, `pool_in_flight` | `pool`, `domain` | jobs waiting, and waiting or running |
    /// | `pool_health` | `pool`, `domain`, `state` | 1 for the present [`Health`](crate::Health), 0 for the others |
    /// | `jobs_total` | `pool`, `domain`, `outcome` | completed, failed, panicked, expired, cancelled or abandoned |
    /// | `worker_replaced_total` | `pool`, `domain` | workers that died and were replaced |
    /// | `busy_seconds_total`, `capacity_seconds_total` | `pool`, `domain` | work time and wall time of the workers |
    /// | `job_queue_seconds`, `job_service_seconds`, `job_latency_seconds` | `pool`, `domain` | histograms: waiting, running, and both |
    /// | `pool_surge_workers`, `pool_lost_workers` | `pool`, `domain` | of its workers, those a burst brought; those given up, beside them |
    /// | `pool_by_hand` | `pool`, `domain` | 1 while its number of workers is set by hand |
    /// | `pool_hot_key_share_ratio` | `pool`, `key` | the share of a hot key in what the pool gets, 0 to 1; the key by its hash, the hottest four |
    /// | `balance_ratio` | | how evenly the pools are used, 0 to 1 |
    /// | `ready` | | 1 while the runtime should be given work: see [`Readiness`](crate::Readiness) |
    /// | `control_ticks_total`, `control_deaths_total` | | ticks of the control thread, and its deaths |
    /// | `control_last_tick_seconds` | | what the last tick took |
    /// | `health_ignored` | | 1 while too many pools are critical for health to be acted on |
    /// | `burst_enabled` | | 1 while bursts are answered |
    /// | `burst_phase` | `phase` | 1 for the present [`BurstPhase`](crate::BurstPhase), 0 for the others |
    /// | `burst_baseline_arrivals_per_second`, `burst_current_arrivals_per_second` | | the usual load, 0 while unknown, and the present one |
    /// | `burst_ratio`, `burst_threshold_ratio` | | the present load over the usual one, and what makes a burst |
    /// | `burst_surges_total`, `burst_renewals_total` | | leases given, and prolonged |
    /// | `burst_worker_seconds_total` | `state`: granted, busy, denied | time of surge workers; `busy` is a part of `granted` |
    /// | `burst_cost_worker_seconds_total` | | what was granted, in seconds of an ordinary worker |
    /// | `burst_jobs_total` | | jobs that surge workers finished |
    ///
    /// `domain` is the domain the pool belongs to; a job of another domain that an affinity group brought there counts
    /// under it. As costly as [`status`](Self::status), plus writing some 5 KiB of text per pool.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("heijunka");
        registry.register_collector(Box::new(Scrape(self.status())));
        let mut text = String::with_capacity(8 << 10);
        let written = encode(&mut text, &registry);
        debug_assert!(written.is_ok(), "a String takes everything");
        text
    }
}

/// One status, on its way into text.
#[derive(Debug)]
struct Scrape(RuntimeStatus);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        self.admission(&mut families)?;
        self.pools(&mut families)?;
        self.jobs(&mut families)?;
        self.control(&mut families)?;
        self.burst(&mut families)
    }
}
