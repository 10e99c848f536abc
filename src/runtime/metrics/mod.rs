//! The runtime's figures as Prometheus reads them: made from one status, at scrape time.

mod admission;
mod failover;
mod families;
mod levelling;
mod pools;
mod queue;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::{Runtime, RuntimeStatus};
use crate::kanban::ScheduleStatus;
use families::Families;

impl Runtime {
    /// Everything [`status`](Self::status) tells that a monitoring system can use, as text.
    ///
    /// It is `OpenMetrics`, ending in `# EOF`: serve it as `application/openmetrics-text; version=1.0.0; charset=utf-8`,
    /// which every Prometheus reads. Counts never fall while the runtime lives, except that a removed pool, or a
    /// cancelled schedule, takes its own away.
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
    /// | `pool_longest_job_seconds` | `pool`, `domain` | for how long the job runs that runs the longest; beyond `stall_after` its worker counts as stuck |
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
    /// With a pull queue also:
    ///
    /// | family | labels | what |
    /// |---|---|---|
    /// | `items_published_total` | `outcome`: stored, duplicate, invalid, `not_stored`, unknown | items that were to be published, by what became of that |
    /// | `items_pulled_total` | | items delivered to this process, each delivery once |
    /// | `items_processed_total` | `outcome`: done, failed | handlers that ended; interrupted ones count as neither |
    /// | `items_settled_total` | `outcome`: acked, retried, released, `dead_lettered` | ends that the broker confirmed; retried and released are what others call nacked |
    /// | `items_dropped_total` | | too late, and dropped as configured; acked as well |
    /// | `items_repeated_total` | `state`: done, running | delivered once more and not run, since done before, or running here |
    /// | `items_stalled_total` | | ran so long that their lease was given up |
    /// | `settlements_gone_total`, `settlements_retried_total` | | settlements that came too late, and that failed and were tried again |
    ///
    /// if it consumes anything:
    ///
    /// | family | labels | what |
    /// |---|---|---|
    /// | `queue_items` | `domain`, `priority`, `state`: ready, delayed, unsettled | items in the broker at the last sample |
    /// | `queue_oldest_age_seconds` | `domain`, `priority` | since when the oldest ready item waits, 0 if none is ready; absent if the broker cannot tell |
    /// | `queue_held`, `queue_running`, `queue_stalled` | `domain` | items pulled and waiting, with a worker, and beyond `stall_after` |
    /// | `queue_workers`, `queue_target_workers` | `domain` | workers of its pools, and those that its depth asks for |
    /// | `queue_breaker` | `domain`, `state`: closed, open, `half_open`, ramp | 1 for the present [`BreakerState`](crate::BreakerState), 0 for the others |
    /// | `queue_handler_mean_seconds` | `domain` | how long its handler takes, over the last few items; absent before the first |
    /// | `queue_slots_used`, `queue_slots` | | items held, running or being settled, and the most of them |
    /// | `queue_draining`, `broker_failing` | | 1 while it ends, and 1 while the broker does not work |
    /// | `queue_strays` | `domain`, `priority` | items that nobody seems to consume, of at most 100 lanes that are not consumed here; absent while there are none, and if the broker cannot tell |
    /// | `dead_letters`, `dead_letters_oldest_age_seconds` | | dead letters in the broker, and since when the oldest is there |
    ///
    /// and for schedules, of which there are at most 1000:
    ///
    /// | family | labels | what |
    /// |---|---|---|
    /// | `schedule_items_total`, `schedule_duplicates_total` | `schedule` | items published, and those that another instance had published |
    /// | `schedule_skipped_total` | `schedule`, `reason`: missed, unfinished, slowed, unpublished, canary | ticks not published, by [`SkippedTicks`](crate::SkippedTicks) |
    /// | `schedule_slowed_factor` | `schedule` | of so many ticks one is published |
    /// | `schedule_paused`, `schedule_failing` | `schedule` | 1 while it is paused, and while something is wrong with it |
    ///
    /// `domain` is the domain the pool belongs to; a job of another domain that an affinity group brought there counts
    /// under it. As costly as [`status`](Self::status), plus writing some 5 KiB of text per pool.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("heijunka");
        let status = self.status();
        let schedules = self.kanban().map(|kanban| kanban.scheduler().list()).unwrap_or_default();
        registry.register_collector(Box::new(Scrape { status, schedules }));
        let mut text = String::with_capacity(8 << 10);
        let written = encode(&mut text, &registry);
        debug_assert!(written.is_ok(), "a String takes everything");
        text
    }
}

/// One status, on its way into text.
#[derive(Debug)]
struct Scrape {
    status: RuntimeStatus,
    schedules: Vec<ScheduleStatus>,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        self.admission(&mut families)?;
        self.pools(&mut families)?;
        self.jobs(&mut families)?;
        self.control(&mut families)?;
        self.burst(&mut families)?;
        self.kanban(&mut families)
    }
}
