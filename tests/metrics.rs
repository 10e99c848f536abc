//! `Runtime::metrics`, read line by line as a scraper would.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heijunka::{Context, DomainConfig, PoolConfig, Priority, Runtime};

/// The samples by everything before the value, and the type of each family.
struct Exposition {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Exposition {
    /// Panics on anything that the format does not allow.
    fn parse(text: &str) -> Self {
        let mut lines: Vec<&str> = text.lines().collect();
        assert!(text.ends_with('\n'));
        assert_eq!(lines.pop(), Some("# EOF"), "the end of the exposition");
        let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
        let mut family = String::new();
        for line in lines {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (kind, name, rest) =
                    (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                assert!(name.starts_with("heijunka_"), "{line}");
                match kind {
                    "HELP" => assert!(rest.ends_with('.'), "{line}"),
                    "TYPE" => {
                        name.clone_into(&mut family);
                        let before = types.insert(name.to_owned(), rest.to_owned());
                        assert_eq!(before, None, "{name} is declared twice");
                    }
                    "UNIT" => assert!(name.ends_with(rest), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect(line);
            let name = series.split('{').next().unwrap();
            let suffixes: &[&str] = match types[&family].as_str() {
                "gauge" => &[""],
                "counter" => &["_total"],
                "histogram" => &["_sum", "_count", "_bucket"],
                other => panic!("{family} is a {other}"),
            };
            assert!(suffixes.iter().any(|suffix| *name == format!("{family}{suffix}")), "{line} in {family}");
            let before = samples.insert(series.to_owned(), value.parse().expect(line));
            assert_eq!(before, None, "{series} is there twice");
        }
        Self { samples, types }
    }

    fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.samples.keys()))
    }

    fn is(&self, series: &str, expected: u64) {
        let value = self.value(series);
        assert!((value - expected as f64).abs() < 1e-9, "{series} is {value}, not {expected}");
    }

    /// The cumulative counts of a histogram's buckets in the order of their bounds, the one of `+Inf` last.
    fn buckets(&self, family: &str, labels: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, count) in &self.samples {
            let Some(rest) = series.strip_prefix(&format!("{family}_bucket{{le=\"")) else { continue };
            let (bound, rest) = rest.split_once('"').unwrap();
            if rest == format!(",{labels}}}") {
                buckets.push((bound.parse().unwrap(), *count));
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}

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
        ("busy_seconds", "counter"),
        ("capacity_seconds", "counter"),
        ("job_latency_seconds", "histogram"),
        ("job_queue_seconds", "histogram"),
        ("job_service_seconds", "histogram"),
        ("jobs", "counter"),
        ("permits_in_flight", "gauge"),
        ("permits_limit", "gauge"),
        ("pool_health", "gauge"),
        ("pool_in_flight", "gauge"),
        ("pool_queue_length", "gauge"),
        ("pool_utilisation_ratio", "gauge"),
        ("pool_workers", "gauge"),
        ("pool_workers_max", "gauge"),
        ("pool_workers_min", "gauge"),
        ("refused", "counter"),
        ("sub_limit_in_flight", "gauge"),
        ("sub_limit_limit", "gauge"),
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
