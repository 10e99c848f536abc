//! What is to be read at `/metrics`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::heijunka;
use crate::http;
use crate::service::{Home, Service, eventually};

/// The samples by everything before the value.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// A service that has done and failed something, and publishes again and again; and where it listens.
pub(crate) fn loaded(home: &Home, more: &str) -> (Service, String) {
    let config = home.config(&format!(
        "[kanban]\nsample = \"100ms\"\n[pools.orders]\nmin_workers = 1\n\
         [schedules.often]\nevery = \"200ms\"\ndomain = \"mail\"\npayload = \"good\"\n{more}"
    ));
    let service = Service::spawn(heijunka(["run", &config, "--listen", "127.0.0.1:0"]), home);
    let address = http::address(&service);
    let line = |payload: &str| format!("{{\"domain\": \"mail\", \"payload\": \"{payload}\"}}\n");
    let lines = line("good").repeat(40) + &line("bad").repeat(5);
    home.pipe(&["publish", "--batch", "-"], lines.as_bytes());
    home.dead(5);
    home.counted("done", 42);
    (service, address)
}

/// A program for items: good ones are done, bad ones never.
pub(crate) const JUDGE: &str = "case $(cat) in bad) exit 65;; *) exit 0;; esac";

#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    let home = Home::new(JUDGE);
    // With everything that has figures.
    let file = home.text("fallback.redb");
    let more = format!(
        "[broker]\nkind = \"failover\"\npath = \"{file}\"\n[broker.failover]\nprimary = \"memory\"\nfallback = \"file\"\n\
         [admission.sub_limits]\nbackground = 10"
    );
    let (_service, address) = loaded(&home, &more);
    let text = eventually("the first sample", || {
        let text = http::get(&address, "/metrics");
        text.contains("\nheijunka_dead_letters ").then_some(text)
    });
    for family in [
        "failover_state",
        "sub_limit_limit",
        "schedule_items_total",
        "jobs_total",
        "job_queue_seconds_bucket",
    ] {
        assert!(text.contains(&format!("\nheijunka_{family}{{")), "{family}");
    }
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool: {error}. Install it with `ci/tools`"));
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let told = promtool.wait_with_output().unwrap();
    let said = [told.stdout, told.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert_eq!((told.status.code(), said.as_str()), (Some(0), ""));
}
