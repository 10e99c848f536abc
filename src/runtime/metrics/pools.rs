//! The pools, and what became of their jobs.

use std::fmt;

use prometheus_client::registry::Unit;

use super::Scrape;
use super::families::Families;
use crate::pool::{Health, PoolStatus};

/// Hot keys that are told, for each pool.
const HOT_KEYS: usize = 4;

impl Scrape {
    /// The value of every pool, under its labels.
    fn each<'a, V>(
        &'a self,
        value: impl Fn(&'a PoolStatus) -> V,
    ) -> impl Iterator<Item = ([(&'static str, &'a str); 2], V)> {
        self.status.pools.iter().map(move |pool| (names(pool), value(pool)))
    }

    pub(super) fn pools(&self, families: &mut Families<'_>) -> fmt::Result {
        families.gauge("pool_workers", "Workers that take jobs.", self.each(|pool| pool.workers))?;
        families.gauge(
            "pool_workers_min",
            "Workers it never falls below.",
            self.each(|pool| pool.min_workers),
        )?;
        families.gauge(
            "pool_workers_max",
            "Workers it never exceeds.",
            self.each(|pool| pool.max_workers),
        )?;
        let help = "Work time over wall time of its workers, lately.";
        families.gauge("pool_utilisation_ratio", help, self.each(|pool| pool.utilisation))?;
        families.gauge(
            "pool_queue_length",
            "Jobs waiting in its lanes.",
            self.each(|pool| pool.queue_length),
        )?;
        families.gauge("pool_in_flight", "Jobs running or waiting.", self.each(|pool| pool.in_flight))?;
        let help = "Of its workers, those that a burst brought.";
        families.gauge("pool_surge_workers", help, self.each(|pool| pool.surge_workers))?;
        let help = "Workers given up because their job does not end; they are not among its workers.";
        families.gauge("pool_lost_workers", help, self.each(|pool| pool.lost_workers))?;
        let help = "For how long the job runs that runs the longest, given up or not; 0 while none runs.";
        families.gauge_in(&Unit::Seconds, "pool_longest_job", help, self.each(longest_job))?;
        let help = "1 while its number of workers is set by hand.";
        families.gauge("pool_by_hand", help, self.each(|pool| u32::from(pool.by_hand)))?;
        let states = [Health::Healthy, Health::Degraded, Health::Critical];
        let health = self.status.pools.iter().flat_map(|pool| {
            states.map(|state| (with(pool, "state", state.name()), u32::from(pool.health == state)))
        });
        families.gauge("pool_health", "1 for the state it is in.", health)?;
        let help = "Share of a hot key in what the pool gets, the key by its hash.";
        families.gauge("pool_hot_key_share_ratio", help, self.hot_keys())
    }

    /// The hottest keys of each pool: few enough, whatever the keys are, for a system that keeps every label it ever saw.
    fn hot_keys(&self) -> impl Iterator<Item = ([(&'static str, String); 2], f64)> {
        self.status.pools.iter().flat_map(|pool| {
            let own = self.status.hot_keys.iter().filter(|hot| hot.pool == pool.name);
            own.take(HOT_KEYS).map(|hot| {
                let key = format!("{:#018x}", hot.key.as_u64());
                ([("pool", hot.pool.clone()), ("key", key)], hot.share)
            })
        })
    }

    pub(super) fn jobs(&self, families: &mut Families<'_>) -> fmt::Result {
        let jobs =
            self.status.pools.iter().flat_map(|pool| {
                pool.outcomes().map(|(outcome, jobs)| (with(pool, "outcome", outcome), jobs))
            });
        families.counter("jobs", "Accepted jobs that have ended.", None, jobs)?;
        let help = "Workers that died and were replaced.";
        families.counter("worker_replaced", help, None, self.each(|pool| pool.replaced_workers))?;
        let seconds = Some(&Unit::Seconds);
        let busy = self.each(|pool| pool.busy.as_secs_f64());
        families.counter("busy", "Work time of all workers.", seconds, busy)?;
        let capacity = self.each(|pool| pool.capacity.as_secs_f64());
        families.counter("capacity", "Wall time of all workers.", seconds, capacity)?;
        let queue = self.each(|pool| (&pool.latency.queue, pool.latency.sums[0]));
        families.histogram("job_queue", "From arrival to start.", queue)?;
        let service = self.each(|pool| (&pool.latency.service, pool.latency.sums[1]));
        families.histogram("job_service", "From start to end.", service)?;
        let total = self.each(|pool| (&pool.latency.total, pool.latency.sums[2]));
        families.histogram("job_latency", "From arrival to end.", total)
    }
}

fn longest_job(pool: &PoolStatus) -> f64 {
    pool.worker_status.iter().filter_map(|worker| worker.running_for).max().unwrap_or_default().as_secs_f64()
}

fn names(pool: &PoolStatus) -> [(&'static str, &str); 2] {
    [("pool", &pool.name), ("domain", &pool.domain)]
}

fn with<'a>(pool: &'a PoolStatus, label: &'static str, value: &'a str) -> [(&'static str, &'a str); 3] {
    let [name, domain] = names(pool);
    [name, domain, (label, value)]
}
