//! The runtime's figures as Prometheus reads them: made from one status, at scrape time.

use std::fmt;

use hdrhistogram::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::{Runtime, RuntimeStatus};
use crate::error::Reason;
use crate::pool::{Health, PoolStatus};

/// Upper bounds of the latency buckets in nanoseconds: powers of four from 1 µs to 16.8 s.
const BOUNDS: [u64; 13] = {
    let mut bounds = [1_000; 13];
    let mut at = 1;
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 4;
        at += 1;
    }
    bounds
};

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
    /// | `refused_total` | `reason` | submissions refused, by [`Reason::name`] |
    /// | `pool_workers`, `pool_workers_min`, `pool_workers_max` | `pool`, `domain` | workers now, and their bounds |
    /// | `pool_utilisation_ratio` | `pool`, `domain` | work time over wall time, lately, 0 to 1 |
    /// | `pool_queue_length`, `pool_in_flight` | `pool`, `domain` | jobs waiting, and waiting or running |
    /// | `pool_health` | `pool`, `domain`, `state` | 1 for the present [`Health`], 0 for the others |
    /// | `jobs_total` | `pool`, `domain`, `outcome` | completed, failed, panicked, expired, cancelled or abandoned |
    /// | `worker_replaced_total` | `pool`, `domain` | workers that died and were replaced |
    /// | `busy_seconds_total`, `capacity_seconds_total` | `pool`, `domain` | work time and wall time of the workers |
    /// | `job_queue_seconds`, `job_service_seconds`, `job_latency_seconds` | `pool`, `domain` | histograms: waiting, running, and both |
    /// | `balance_ratio` | | how evenly the pools are used, 0 to 1 |
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
        let help = "How evenly the pools are used lately: 1 is perfect, 0.8 good.";
        families
            .0
            .encode_descriptor("balance_ratio", help, None, MetricType::Gauge)?
            .encode_gauge(&self.0.balance)
    }
}

impl Scrape {
    fn admission(&self, families: &mut Families<'_>) -> fmt::Result {
        let status = &self.0.admission;
        let normal = status.normal_in_flight;
        let classes = [("priority", status.in_flight.saturating_sub(normal)), ("normal", normal)];
        let labelled = classes.map(|(class, permits)| ([("class", class)], permits));
        families.gauge("permits_in_flight", "Permits in use.", labelled)?;

        let (soft, hard, reserved) = (status.limits.soft(), status.limits.hard(), status.limits.reserved());
        let limits = [("soft", soft), ("hard", hard), ("reserved", reserved)];
        let labelled = limits.map(|(limit, permits)| ([("limit", limit)], permits));
        families.gauge("permits_limit", "The limits in force, in permits.", labelled)?;

        let subs = || status.sub_limits.iter().map(|sub| ([("sub_limit", sub.name.as_str())], sub));
        let in_flight = subs().map(|(labels, sub)| (labels, sub.in_flight));
        families.gauge("sub_limit_in_flight", "Permits in use under a sub-limit.", in_flight)?;
        let limit = subs().map(|(labels, sub)| (labels, sub.limit));
        families.gauge("sub_limit_limit", "The most a sub-limit allows.", limit)?;

        let refused = Reason::ALL.map(|reason| ([("reason", reason.name())], status.refused.of(reason)));
        families.counter("refused", "Submissions refused.", None, refused)
    }

    /// The value of every pool, under its labels.
    fn each<'a, V>(
        &'a self,
        value: impl Fn(&'a PoolStatus) -> V,
    ) -> impl Iterator<Item = ([(&'static str, &'a str); 2], V)> {
        self.0.pools.iter().map(move |pool| (names(pool), value(pool)))
    }

    fn pools(&self, families: &mut Families<'_>) -> fmt::Result {
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
        let states = [Health::Healthy, Health::Degraded, Health::Critical];
        let health = self.0.pools.iter().flat_map(|pool| {
            states.map(|state| (with(pool, "state", state.name()), u32::from(pool.health == state)))
        });
        families.gauge("pool_health", "1 for the state it is in.", health)
    }

    fn jobs(&self, families: &mut Families<'_>) -> fmt::Result {
        let jobs = self.0.pools.iter().flat_map(|pool| {
            let outcomes = [
                ("completed", pool.completed),
                // The status counts panics among the failures; here every job is in one place only.
                ("failed", pool.failed.saturating_sub(pool.panicked)),
                ("panicked", pool.panicked),
                ("expired", pool.expired),
                ("cancelled", pool.cancelled),
                ("abandoned", pool.abandoned),
            ];
            outcomes.map(|(outcome, jobs)| (with(pool, "outcome", outcome), jobs))
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

fn names(pool: &PoolStatus) -> [(&'static str, &str); 2] {
    [("pool", &pool.name), ("domain", &pool.domain)]
}

fn with<'a>(pool: &'a PoolStatus, label: &'static str, value: &'a str) -> [(&'static str, &'a str); 3] {
    let [name, domain] = names(pool);
    [name, domain, (label, value)]
}

/// Writes one family after the other.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn gauge<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values.into_iter().try_for_each(|(labels, value)| family.encode_family(&labels)?.encode_gauge(&value))
    }

    fn counter<L: EncodeLabelSet, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        values.into_iter().try_for_each(|(labels, value)| {
            family.encode_family(&labels)?.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>)
        })
    }

    /// Histograms of nanoseconds with their exact sums.
    fn histogram<'h, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, (&'h Histogram<u64>, u64))>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        values.into_iter().try_for_each(|(labels, (histogram, sum))| {
            let buckets = buckets(histogram);
            let count = buckets.iter().map(|(_, count)| count).sum();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                sum as f64 / 1e9,
                count,
                &buckets,
                None,
            )
        })
    }
}

/// How many values lie under each bound and above the one before it, the bounds in seconds. The encoder adds them up.
fn buckets(histogram: &Histogram<u64>) -> [(f64, u64); BOUNDS.len() + 1] {
    let mut buckets = [(f64::INFINITY, 0); BOUNDS.len() + 1];
    for (bucket, bound) in buckets.iter_mut().zip(BOUNDS) {
        bucket.0 = bound as f64 / 1e9;
    }
    for value in histogram.iter_recorded() {
        let at = BOUNDS.partition_point(|bound| *bound < value.value_iterated_to());
        buckets[at].1 += value.count_at_value();
    }
    buckets
}
