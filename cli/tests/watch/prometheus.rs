//! A real Prometheus, which scrapes a running service and evaluates the rules of `deploy/`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::http;
use crate::metrics::{JUDGE, loaded, samples};
use crate::service::{Home, eventually};

/// Ends with the test.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Scrapes this address often, by the rules of `deploy/` at a quicker pace.
    #[track_caller]
    fn start(home: &Home, target: &str) -> Self {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus/rules.yml");
        let rules = fs::read_to_string(rules).unwrap();
        let quick =
            rules.replace("interval: 30s", "interval: 500ms").replace("interval: 15s", "interval: 500ms");
        home.write("rules.yml", quick.as_bytes());
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 500ms}}\nrule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: heijunka, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        let config = home.write("prometheus.yml", config.as_bytes());
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", home.text("tsdb")))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}. Install it with `ci/tools`"));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut told = String::new();
        let address = lines.find_map(|line| {
            told.push_str(&line);
            let listens = line.contains("msg=\"Listening on\"");
            listens.then(|| line.rsplit_once("address=").unwrap().1.trim().to_owned())
        });
        // Nobody else reads what it says, and it must not wait for that.
        thread::Builder::new().spawn(move || lines.for_each(drop)).unwrap();
        let address = address.unwrap_or_else(|| panic!("it does not listen: {told}"));
        Self { child, address }
    }

    fn api(&self, target: &str) -> Value {
        let (status, body) = http::ask(&self.address, "GET", &format!("/api/v1/{target}"), None, "");
        // It is not ready at once.
        if status == 503 { Value::Null } else { serde_json::from_str(&body).unwrap() }
    }

    /// What it stored last, by series as they are exposed.
    fn stored(&self, name: &str) -> BTreeMap<String, f64> {
        let answer = self.api(&format!("query?query={name}"));
        let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let named = |series: &Value| {
            let labels = series["metric"].as_object().unwrap();
            let own =
                labels.iter().filter(|(name, _)| !["__name__", "job", "instance"].contains(&name.as_str()));
            let labels: Vec<String> = own.map(|(name, value)| format!("{name}={value}")).collect();
            let value = series["value"][1].as_str().unwrap().parse().unwrap();
            (labels.join(","), value)
        };
        result.iter().map(named).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The series of this name among the samples, by their labels in order.
fn exposed(samples: &BTreeMap<String, f64>, name: &str) -> BTreeMap<String, f64> {
    let own = samples.iter().filter_map(|(series, value)| {
        let rest = series.strip_prefix(name)?;
        let labels = rest.strip_prefix('{').map_or(rest, |rest| rest.trim_end_matches('}'));
        // None of these has a comma in a value.
        (rest.is_empty() || rest.starts_with('{')).then(|| {
            let mut labels: Vec<&str> = labels.split(',').collect();
            labels.sort_unstable();
            (labels.join(","), *value)
        })
    });
    own.collect()
}

const COUNTERS: [&str; 9] = [
    "heijunka_items_published_total",
    "heijunka_items_pulled_total",
    "heijunka_items_processed_total",
    "heijunka_items_settled_total",
    "heijunka_items_dropped_total",
    "heijunka_items_repeated_total",
    "heijunka_jobs_total",
    "heijunka_job_service_seconds_count",
    "heijunka_refused_total",
];

#[test]
fn what_prometheus_stored_is_what_the_service_counted() {
    let home = Home::new(JUDGE);
    let (service, address) = loaded(&home, "");
    let prometheus = Prometheus::start(&home, &address);
    // From here on nothing is counted any more.
    home.done(&["schedule", "pause", "often"]);
    let settled = || home.count("acked") + home.count("dead_lettered");
    eventually("all is settled", || (settled() == home.count("published")).then_some(()));
    let shown = samples(&http::get(&address, "/metrics"));
    for name in COUNTERS {
        let shown = exposed(&shown, name);
        assert!(!shown.is_empty(), "{name}");
        eventually(&format!("{name} as {shown:?}"), || (prometheus.stored(name) == shown).then_some(()));
    }
    let status = home.json(&["status", "--json"]);
    let counts = &status["kanban"]["counts"];
    let stored = |name: &str, labels: &str| prometheus.stored(name)[labels];
    for (count, name, labels) in [
        ("done", "heijunka_items_processed_total", "outcome=\"done\""),
        ("dead_lettered", "heijunka_items_settled_total", "outcome=\"dead_lettered\""),
        ("published", "heijunka_items_published_total", "outcome=\"stored\""),
        ("pulled", "heijunka_items_pulled_total", ""),
    ] {
        let counted = counts[count].as_f64().unwrap();
        assert!((stored(name, labels) - counted).abs() < 0.5, "{count}: {status:#}");
    }
    let done = stored("heijunka_items_processed_total", "outcome=\"done\"");
    home.done(&["drain"]);
    let (code, told) = service.end();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(&format!(": {done} items done, 5 dead letters, 0 items left")), "{done}: {told}");
}

#[test]
fn the_rules_are_evaluated_on_a_running_service() {
    let home = Home::new(JUDGE);
    let (_service, address) = loaded(&home, "");
    let prometheus = Prometheus::start(&home, &address);
    let rules = eventually("all rules are evaluated", || {
        let answer = prometheus.api("rules");
        let groups = answer["data"]["groups"].as_array()?.iter();
        let rules: Vec<Value> = groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        (!rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown")).then_some(rules)
    });
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule:#}");
    }
    for signal in [
        "instance:heijunka_permits_used:ratio",
        "instance:heijunka_workers_busy:ratio",
        "job:heijunka_queue_ready:sum",
        "job:heijunka_workers:sum",
        "job:heijunka_submitted:rate5m",
        "domain:heijunka_jobs_failed:ratio_rate5m",
        "domain:heijunka_jobs_late:ratio_rate5m",
    ] {
        eventually(signal, || (!prometheus.stored(signal).is_empty()).then_some(()));
    }
}
