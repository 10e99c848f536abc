//! What watches heijunka, asked of the tools that will read it: rules, alerts, dashboards, manifests and the runbook name only what is there.
#![cfg(unix)]

mod dashboard;
mod kubernetes;
mod prometheus;
mod runbook;
mod systemd;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Clock, Embedded, EmbeddedSettings, Failover, FailoverSettings, PoolConfig, Runtime, Schedule, When, Work,
};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a tool in `deploy/`.
fn run(tool: &str, args: &[&str]) -> Output {
    let command = Command::new(tool).args(args).current_dir(root("deploy")).output();
    command.unwrap_or_else(|error| panic!("{tool}: {error}. Install it with `ci/tools`"))
}

/// Runs a tool that has to be content.
#[track_caller]
fn content(tool: &str, args: &[&str]) -> String {
    let output = run(tool, args);
    let told =
        [output.stdout, output.stderr].map(|told| String::from_utf8_lossy(&told).into_owned()).concat();
    assert!(output.status.success(), "{tool} {args:?}: {told}");
    told
}

/// The names of all series there can be: those of a runtime that has everything.
fn series() -> BTreeSet<String> {
    let memory = || Arc::new(Embedded::in_memory(EmbeddedSettings::default(), Clock::monotonic()));
    let broker = Failover::new(memory(), memory(), FailoverSettings::default(), Clock::monotonic()).unwrap();
    let runtime = Runtime::builder()
        .on_broker(Arc::new(broker))
        .pool("mail", PoolConfig { min_workers: 1, pin: false, ..PoolConfig::default() })
        .handler("mail", |_: &Work<'_>| {})
        .start()
        .unwrap();
    let nightly = Schedule::new("nightly", "mail", When::Every(Duration::from_secs(86_400))).unwrap();
    runtime.kanban().unwrap().scheduler().add(nightly).unwrap();
    // Some are there from the first sample on.
    let metrics = loop {
        let metrics = runtime.metrics();
        if ["dead_letters", "queue_strays"].iter().all(|name| metrics.contains(&format!("heijunka_{name} ")))
        {
            break metrics;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut names = BTreeSet::new();
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (family, kind) = line.split_once(' ').unwrap();
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        names.extend(ends.iter().map(|end| format!("{family}{end}")));
    }
    names
}

/// What a text names that begins with `heijunka_`, and what it calls recorded, such as `job:heijunka_submitted:rate5m`.
fn named(text: &str) -> BTreeSet<&str> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let words = text.split(|letter| !is_name(letter));
    words.filter(|word| word.contains(":heijunka_") || word.starts_with("heijunka_")).collect()
}

/// Names that are there to be asked for: the metrics, and what the rules record.
fn askable() -> BTreeSet<String> {
    let mut names = series();
    names.extend(prometheus::records());
    names
}

#[test]
fn whatever_is_named_is_there() {
    let known = askable();
    let folders = ["prometheus", "grafana", "kubernetes"].map(|folder| root("deploy").join(folder));
    let mut looked_at = 0;
    for file in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for name in named(&text) {
            assert!(known.contains(name), "{}: there is no {name}", path.display());
        }
        looked_at += 1;
    }
    assert!(looked_at >= 6, "{looked_at}");
}
