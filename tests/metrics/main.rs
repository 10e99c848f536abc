//! `Runtime::metrics`, read line by line as a scraper would.

mod exposition;
mod queue;

use std::collections::BTreeSet;
use std::time::Duration;

use heijunka::{
    BurstConfig, Clock, Context, ControlConfig, Domain, DomainConfig, HealthConfig, Key, Kind, ManualTime,
    PoolConfig, Priority, Runtime,
};

use exposition::Exposition;

fn busy_runtime() -> Runtime {
    let pool = || PoolConfig { min_workers: 1, max_workers: 3, pin: false, ..PoolConfig::default() };
    let runtime = Runtime::builder()
        .limits(80, 100)
        .sub_limit("background", 5)
        .domain(
            "orders",
            DomainConfig { sub_limit: Some("background".to_owned()), ..DomainConfig::default() },
        )
        .pool("orders", pool())
        .pool("mail", pool())
        .start()
        .unwrap();
    let orders = runtime.domain("orders").unwrap();
    orders.submit(1, |_| std::thread::sleep(Duration::from_millis(2))).unwrap().wait().unwrap();
    orders
        .submit(1, |context| {
            context.fail();
            "no good"
        })
        .unwrap()
        .wait()
        .unwrap();
    assert!(orders.submit(1, |_| panic!("as ordered")).unwrap().wait().is_err());
    let expired = orders.job(1).deadline(Duration::ZERO).submit(|_| ()).unwrap();
    assert!(expired.wait().is_err());
    let refused = orders.job(1).priority(Priority::Low).execute_many(vec![|_: &Context<'_>| (); 6]);
    assert!(refused.is_err(), "the sub-limit is 5");
    runtime
}

#[test]
fn every_family_is_there_with_its_type() {
    let exposition = Exposition::parse(&busy_runtime().metrics());
    let types: BTreeSet<(&str, &str)> =
        exposition.types.iter().map(|(name, kind)| (&name["heijunka_".len()..], kind.as_str())).collect();
    let expected = [
        ("balance_ratio", "gauge"),
        ("build_info", "gauge"),
        ("burst_baseline_arrivals_per_second", "gauge"),
        ("burst_cost_worker_seconds", "counter"),
        ("burst_current_arrivals_per_second", "gauge"),
        ("burst_enabled", "gauge"),
        ("burst_jobs", "counter"),
        ("burst_phase", "gauge"),
        ("burst_ratio", "gauge"),
        ("burst_renewals", "counter"),
        ("burst_surges", "counter"),
        ("burst_threshold_ratio", "gauge"),
        ("burst_worker_seconds", "counter"),
        ("busy_seconds", "counter"),
        ("capacity_seconds", "counter"),
        ("control_deaths", "counter"),
        ("control_last_tick_seconds", "gauge"),
        ("control_ticks", "counter"),
        ("health_ignored", "gauge"),
        ("job_latency_seconds", "histogram"),
        ("job_queue_seconds", "histogram"),
        ("job_service_seconds", "histogram"),
        ("jobs", "counter"),
        ("permits_in_flight", "gauge"),
        ("permits_limit", "gauge"),
        ("pool_by_hand", "gauge"),
        ("pool_health", "gauge"),
        ("pool_hot_key_share_ratio", "gauge"),
        ("pool_in_flight", "gauge"),
        ("pool_longest_job_seconds", "gauge"),
        ("pool_lost_workers", "gauge"),
        ("pool_queue_length", "gauge"),
        ("pool_surge_workers", "gauge"),
        ("pool_utilisation_ratio", "gauge"),
        ("pool_workers", "gauge"),
        ("pool_workers_max", "gauge"),
        ("pool_workers_min", "gauge"),
        ("ready", "gauge"),
        ("refused", "counter"),
        ("sub_limit_in_flight", "gauge"),
        ("sub_limit_limit", "gauge"),
        ("uptime_seconds", "gauge"),
        ("worker_replaced", "counter"),
    ];
    assert_eq!(types, BTreeSet::from(expected));
}

#[test]
fn the_figures_are_those_of_the_status() {
    let runtime = busy_runtime();
    assert!(runtime.drain(Duration::from_secs(10)).is_clean());
    let (status, exposition) = (runtime.status(), Exposition::parse(&runtime.metrics()));
    exposition.is("heijunka_permits_in_flight{class=\"normal\"}", 0);
    exposition.is("heijunka_permits_limit{limit=\"hard\"}", 100);
    exposition.is("heijunka_permits_limit{limit=\"reserved\"}", 20);
    exposition.is("heijunka_sub_limit_limit{sub_limit=\"background\"}", 5);
    exposition.is("heijunka_refused_total{reason=\"too_large\"}", 1);
    let refused: f64 = exposition
        .samples
        .iter()
        .filter(|(series, _)| series.starts_with("heijunka_refused_total"))
        .map(|(_, count)| count)
        .sum();
    assert!((refused - status.admission.refused.total() as f64).abs() < 1e-9);
    for pool in &status.pools {
        let labels = format!("pool=\"{}\",domain=\"{}\"", pool.name, pool.domain);
        let job = |outcome| format!("heijunka_jobs_total{{{labels},outcome=\"{outcome}\"}}");
        exposition.is(&job("completed"), pool.completed);
        exposition.is(&job("failed"), pool.failed - pool.panicked);
        exposition.is(&job("panicked"), pool.panicked);
        exposition.is(&job("expired"), pool.expired);
        exposition.is(&job("cancelled"), pool.cancelled);
        exposition.is(&job("abandoned"), pool.abandoned);
        exposition.is(&format!("heijunka_pool_workers_max{{{labels}}}"), 3);
        let state = format!("heijunka_pool_health{{{labels},state=\"{}\"}}", pool.health);
        exposition.is(&state, 1);
        let busy = exposition.value(&format!("heijunka_busy_seconds_total{{{labels}}}"));
        assert!((busy - pool.busy.as_secs_f64()).abs() < 1e-9);
        assert!(busy <= exposition.value(&format!("heijunka_capacity_seconds_total{{{labels}}}")));
    }
    exposition.is("heijunka_jobs_total{pool=\"orders\",domain=\"orders\",outcome=\"panicked\"}", 1);
    exposition.is("heijunka_jobs_total{pool=\"orders\",domain=\"orders\",outcome=\"expired\"}", 1);
}

#[test]
fn buckets_add_up_to_the_count() {
    let exposition = Exposition::parse(&busy_runtime().metrics());
    for family in ["job_queue", "job_service", "job_latency"].map(|name| format!("heijunka_{name}_seconds")) {
        for (labels, ran) in
            [("pool=\"orders\",domain=\"orders\"", 3.0), ("pool=\"mail\",domain=\"mail\"", 0.0)]
        {
            let buckets = exposition.buckets(&family, labels);
            assert_eq!(buckets.len(), 14, "{family} {labels}");
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "cumulative: {buckets:?}");
            let (bound, count) = buckets[13];
            assert!(bound.is_infinite());
            assert!((count - ran).abs() < 1e-9, "{family} {labels}: {buckets:?}");
            assert!((count - exposition.value(&format!("{family}_count{{{labels}}}"))).abs() < 1e-9);
        }
    }
    // The one that slept 2 ms is above the bound of 1.024 ms, the other two below that of 16 s.
    let service = exposition.buckets("heijunka_job_service_seconds", "pool=\"orders\",domain=\"orders\"");
    let below = |seconds| service.iter().find(|bucket| bucket.0 > seconds).unwrap().1;
    assert!(below(0.001) <= 2.0 && below(16.0) >= 3.0, "{service:?}");
    let sum = exposition.value("heijunka_job_service_seconds_sum{pool=\"orders\",domain=\"orders\"}");
    assert!(sum >= 0.002, "{sum}");
}

#[test]
fn a_name_from_outside_cannot_break_a_line() {
    let runtime = busy_runtime();
    let config = PoolConfig { min_workers: 1, pin: false, ..PoolConfig::default() };
    let added = runtime.add_pool("a\"b\\c\nd", &config).is_ok();
    let exposition = Exposition::parse(&runtime.metrics());
    let series = r#"heijunka_pool_workers{pool="a\"b\\c\nd",domain="a\"b\\c\nd"}"#;
    assert_eq!(exposition.samples.contains_key(series), added);
}

/// A second per tick, by a clock that is moved by hand.
struct Seconds {
    runtime: Runtime,
    time: ManualTime,
}

impl Seconds {
    fn of(pools: &[(&str, u32)]) -> Self {
        let (clock, time) = Clock::manual();
        let second = Duration::from_secs(1);
        let mut builder = Runtime::builder()
            .clock(clock)
            .limits(10_000, 10_000)
            .control(ControlConfig { tick: second, ..ControlConfig::default() })
            .health(HealthConfig { every: second, ..HealthConfig::default() })
            .burst(BurstConfig {
                workers: Some(3),
                lease: 2 * second,
                renewals: 0,
                ..BurstConfig::default()
            });
        for (name, workers) in pools {
            let pool = PoolConfig {
                min_workers: *workers,
                max_workers: workers + 1,
                kind: Kind::Blocking,
                lane: 4096,
                ..PoolConfig::default()
            };
            builder = builder.pool(*name, pool);
        }
        let seconds = Self { runtime: builder.start().unwrap(), time };
        // The first tick comes by itself; from there on one per second.
        seconds.tick_after(0);
        seconds
    }

    fn tick_after(&self, ticks: u64) -> Exposition {
        while self.runtime.status().control.ticks <= ticks {
            std::thread::sleep(Duration::from_micros(200));
        }
        Exposition::parse(&self.runtime.metrics())
    }

    /// A second passes, and everything is looked at.
    fn pass(&self) -> Exposition {
        let ticks = self.runtime.status().control.ticks;
        self.time.advance(Duration::from_secs(1));
        self.tick_after(ticks)
    }

    fn domain(&self, name: &str) -> Domain {
        self.runtime.domain(name).unwrap()
    }
}

/// Counters of two scrapes in a row.
fn nothing_fell(before: &Exposition, after: &Exposition) {
    let counts = |name: &str| ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
    for (series, value) in
        before.samples.iter().filter(|(series, _)| counts(series.split('{').next().unwrap()))
    {
        assert!(after.value(series) >= *value, "{series} fell from {value} to {}", after.value(series));
    }
}

#[test]
fn a_burst_is_told_from_beginning_to_end() {
    let seconds = Seconds::of(&[("orders", 1)]);
    let phase = |exposition: &Exposition, phase: &str| {
        for other in ["learning", "watching", "surging", "returning", "cooling", "off"] {
            exposition.is(&format!("heijunka_burst_phase{{phase=\"{other}\"}}"), u64::from(other == phase));
        }
    };
    let mut before = seconds.pass();
    phase(&before, "learning");
    before.is("heijunka_burst_enabled", 1);
    before.is("heijunka_burst_threshold_ratio", 10);
    for _ in 0..60 {
        let after = seconds.pass();
        nothing_fell(&before, &after);
        before = after;
    }
    phase(&before, "watching");
    before.is("heijunka_burst_surges_total", 0);

    let orders = seconds.domain("orders");
    (0..600_u32).for_each(|key| drop(orders.execute(key, |_| ())));
    let mut after = seconds.pass();
    phase(&after, "surging");
    after.is("heijunka_burst_surges_total", 1);
    assert!(after.value("heijunka_burst_current_arrivals_per_second") >= 100.0);
    assert!(after.value("heijunka_burst_ratio") >= 10.0);
    nothing_fell(&before, &after);
    // Three are wished for, and there is room for one: a lease of two seconds, and then it goes.
    let labels = "{pool=\"orders\",domain=\"orders\"}";
    before = seconds.pass();
    nothing_fell(&after, &before);
    before.is(&format!("heijunka_pool_surge_workers{labels}"), 1);
    before.is("heijunka_burst_worker_seconds_total{state=\"granted\"}", 1);
    before.is("heijunka_burst_worker_seconds_total{state=\"denied\"}", 2);
    before.is("heijunka_burst_cost_worker_seconds_total", 2);
    for _ in 0..30 {
        after = seconds.pass();
        nothing_fell(&before, &after);
        before = after;
    }
    before.is(&format!("heijunka_pool_surge_workers{labels}"), 0);
    let granted = before.value("heijunka_burst_worker_seconds_total{state=\"granted\"}");
    let cost = before.value("heijunka_burst_cost_worker_seconds_total");
    assert!(granted >= 2.0 && (cost - 2.0 * granted).abs() < 1e-6, "{granted} s cost {cost}");
}

#[test]
fn a_number_set_by_hand_and_the_state_of_the_runtime_are_told() {
    let seconds = Seconds::of(&[("orders", 1)]);
    let by_hand = "heijunka_pool_by_hand{pool=\"orders\",domain=\"orders\"}";
    let before = seconds.pass();
    before.is(by_hand, 0);
    before.is("heijunka_ready", 1);
    before.is("heijunka_health_ignored", 0);
    before.is("heijunka_control_deaths_total", 0);
    assert!(before.value("heijunka_control_ticks_total") >= 2.0);
    assert!(before.value("heijunka_control_last_tick_seconds") > 0.0);
    seconds.runtime.pool("orders").unwrap().scale_to(2).unwrap();
    seconds.pass().is(by_hand, 1);
    seconds.runtime.pool("orders").unwrap().auto();
    seconds.pass().is(by_hand, 0);
    assert!(seconds.runtime.drain(Duration::from_secs(10)).is_clean());
    Exposition::parse(&seconds.runtime.metrics()).is("heijunka_ready", 0);
}

#[test]
fn a_worker_given_up_is_told_while_it_is_out() {
    let seconds = Seconds::of(&[("orders", 2)]);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let stuck = seconds.domain("orders").submit(1, move |_| held.recv().is_err()).unwrap();
    while seconds.runtime.status().pools[0].worker_status.iter().all(|worker| worker.running_for.is_none()) {
        std::thread::sleep(Duration::from_micros(200));
    }
    seconds.time.advance(Duration::from_secs(301));
    seconds.pass();
    let lost = "heijunka_pool_lost_workers{pool=\"orders\",domain=\"orders\"}";
    seconds.pass().is(lost, 1);
    drop(release);
    assert!(stuck.wait().unwrap());
}

#[test]
fn hot_keys_are_told_by_their_hash_and_never_more_than_four() {
    let seconds = Seconds::of(&[("orders", 4)]);
    let orders = seconds.domain("orders");
    seconds.pass();
    // A key is kept if it comes at a multiple of 64 ns, which the time is now: sixty are, twelve of each customer.
    for step in 0..60 * 64_u32 {
        drop(orders.execute(step / 64 % 5, |_| ()));
        seconds.time.advance(Duration::from_nanos(1));
    }
    let exposition = seconds.pass();
    assert_eq!(seconds.runtime.status().hot_keys.len(), 5, "a fifth of all each");
    let series = |customer: u32| {
        let key = Key::from(customer).as_u64();
        format!("heijunka_pool_hot_key_share_ratio{{pool=\"orders\",key=\"{key:#018x}\"}}")
    };
    let told = (0..5).filter_map(|customer| exposition.samples.get(&series(customer)));
    let told: Vec<f64> = told.copied().collect();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|share| (share - 0.2).abs() < 1e-9), "{told:?}");
    let all = exposition.samples.keys().filter(|series| series.contains("hot_key_share"));
    assert_eq!(all.count(), 4);
}
