//! Replays that go well.

mod common;

use common::{TempFile, pipe, run};
use serde_json::Value;

/// offered = admitted + refused and admitted = completed + failed + expired + lost, with nothing lost.
#[track_caller]
fn assert_balanced(counts: &Value) {
    let count = |name: &str| counts[name].as_u64().unwrap_or_else(|| panic!("no {name} in {counts}"));
    let refused = counts["refused"].as_object().unwrap();
    let by_reason: u64 =
        refused.iter().filter(|(name, _)| *name != "total").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(refused["total"], by_reason);
    assert_eq!(count("offered"), count("admitted") + by_reason);
    assert_eq!(count("admitted"), count("completed") + count("failed") + count("expired") + count("lost"));
    assert_eq!(count("lost"), 0);
}

#[test]
fn the_built_in_day_loses_nothing() {
    let ran = run(["replay", "--duration=300ms", "--rate=2000", "--speed=max", "--json", "--seed=3"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report = ran.json();
    assert_balanced(&report);
    assert_eq!((&report["checked"], &report["interrupted"]), (&Value::Bool(true), &Value::Bool(false)));
    let domains = report["domains"].as_object().unwrap();
    assert_eq!(domains.keys().collect::<Vec<_>>(), ["inventory", "payment", "reports"]);
    domains.values().for_each(assert_balanced);
    let offered: u64 = domains.values().map(|domain| domain["offered"].as_u64().unwrap()).sum();
    assert_eq!(report["offered"], offered);
    let again =
        run(["replay", "--duration=300ms", "--rate=2000", "--speed=max", "--json", "--seed=3"]).json();
    assert_eq!(again["offered"], report["offered"]);
}

#[test]
fn the_json_report_has_the_documented_shape() {
    let trace = "time,domain,work\n0,a,50\n0.001,b,50\n0.002,a,50\n";
    let ran = pipe(["replay", "-", "--json"], trace.as_bytes());
    let report = ran.json();
    for name in
        ["offered", "admitted", "refused", "completed", "failed", "expired", "lost", "domains", "pools"]
    {
        assert!(report.get(name).is_some(), "{name}");
    }
    assert_eq!((&report["offered"], &report["completed"]), (&3.into(), &3.into()));
    for kind in ["admission_ns", "queue_ns", "service_ns", "total_ns"] {
        let latency = &report["domains"]["a"][kind];
        let at: Vec<u64> = ["p50", "p90", "p99", "p99_9", "max"]
            .iter()
            .map(|name| latency[name].as_u64().unwrap())
            .collect();
        assert!(at.is_sorted() && at[4] > 0, "{kind}: {at:?}");
    }
    assert!(report["behind_ns"]["max"].is_u64());
    for (name, jobs) in [("a", 2), ("b", 1)] {
        let pool = &report["pools"][name];
        assert_eq!((&pool["completed"], &pool["domain"]), (&jobs.into(), &name.into()));
        assert!(pool["workers"].as_u64() >= Some(1) && pool["max_workers"].is_u64());
        for ratio in ["utilisation", "share"] {
            assert!((0.0..=1.0).contains(&pool[ratio].as_f64().unwrap()), "{pool}");
        }
    }
    assert!((0.0..=1.0).contains(&report["balance"].as_f64().unwrap()));
}

#[test]
fn a_foreign_file_replays_unchanged() {
    let file = TempFile::new("foreign.csv", b"TIMESTAMP,Context,Generated\n\
        2023-11-16 18:17:03.9799600,48,10\n2023-11-16 18:17:04.0319600,31,8\n2023-11-16 18:17:04.0781490,11,27\n");
    let ran = run([
        "replay",
        file.path(),
        "--time-column=TIMESTAMP",
        "--domain=inference",
        "--work-column=Context",
        "--work-column=Generated",
        "--work-unit=1us",
        "--speed=60x",
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_balanced(&ran.json()["domains"]["inference"]);
    assert_eq!(ran.json()["completed"], 3);
}

#[test]
fn csv_and_ndjson_are_told_apart() {
    let json = b"{\"time\":0,\"domain\":\"a\"}\n{\"time\":\"0.001\",\"domain\":\"b\"}\n";
    let ran = pipe(["replay", "-", "--speed=max", "--json", "--work-kind=wait"], json);
    assert_eq!((ran.code, ran.json()["completed"].as_u64()), (Some(0), Some(2)), "{}", ran.err);
    let file = TempFile::new("objects.jsonl", json);
    assert_eq!(run(["replay", file.path(), "--speed=max", "--json"]).json()["completed"], 2);
    let wrong = run(["replay", file.path(), "--format=csv"]);
    assert!(wrong.refusal().starts_with("the trace has no column \"time\"; it has {"), "{}", wrong.err);
}

#[test]
fn jobs_late_for_their_deadline_expire() {
    let trace = format!("time,domain\n{}", "0,a\n".repeat(100));
    let args = ["replay", "-", "--speed=1x", "--work=20ms", "--work-kind=wait", "--deadline=10ms", "--json"];
    let report = pipe(args, trace.as_bytes()).json();
    assert_balanced(&report);
    assert!(report["expired"].as_u64() > Some(0), "{report}");
}

#[test]
fn what_a_drain_leaves_behind_is_lost_and_the_exit_code_says_so() {
    let trace = format!("time\n{}", "0\n".repeat(20));
    let args = ["replay", "-", "--work=2s", "--work-kind=wait", "--drain=1ms", "--json"];
    let ran = pipe(args, trace.as_bytes());
    let report = ran.json();
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert_eq!(
        (&report["admitted"], &report["lost"], &report["checked"]),
        (&20.into(), &20.into(), &true.into())
    );
}

#[test]
fn what_is_over_the_limit_is_refused_and_not_waited_for() {
    let config = TempFile::new("tight.toml", b"[admission]\nsoft = 2\nhard = 2\nreserve = 0.0\n[pools.a]\n");
    let trace = format!("time\n{}", "0\n".repeat(50));
    let args = [
        "replay",
        "-",
        "--config",
        config.path(),
        "--speed=max",
        "--work=20ms",
        "--work-kind=wait",
        "--json",
    ];
    let report = pipe(args, trace.as_bytes()).json();
    assert_balanced(&report);
    assert!(report["refused"]["hard_limit"].as_u64() > Some(0), "{report}");
    let wider = [&args[..], &["--set", "admission.soft=100", "--set", "admission.hard=100"]].concat();
    assert_eq!(pipe(wider, trace.as_bytes()).json()["refused"]["total"], 0);
}

#[test]
fn the_report_for_people_fits_a_hundred_columns_and_has_no_colours() {
    let ran = run(["replay", "--duration=200ms", "--speed=max"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 100 && !line.contains('\u{1b}'), "{line}");
    }
    for word in ["replayed", "admitted", "refused", "lost       0:", "p99.9", "balance", "levelling"] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
}

#[test]
#[cfg(unix)]
fn an_interrupt_drains_and_reports() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::process::{Command, Stdio};
    let mut child = common::heijunka(["replay", "-", "--domain=a", "--json", "--strict"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"time\n0\n0.001\n0.002\n1000000\n").unwrap();
    // The handler stands before the submitter does; seeing progress means that arrivals are being played.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_balanced(&report);
    assert_eq!((&report["interrupted"], &report["completed"]), (&Value::Bool(true), &3.into()));
}
