//! Status, journal and metrics, and the end of the thread.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, BrokerRole, Runtime, Work};

use super::{Pair, Wrong, until};
use crate::common::{GENEROUS, workers};
use crate::rig::{quick, told};

#[test]
fn every_move_is_in_the_status_the_metrics_and_the_journal() {
    let pair = Pair::new();
    let runtime = Runtime::builder()
        .on_broker(Arc::new(pair.failover.clone()))
        .pool("mail", workers(1))
        .kanban(quick())
        .handler("mail", |_: &Work<'_>| ())
        .start()
        .unwrap();
    let said = |text: &str| runtime.metrics().lines().any(|line| line == text);
    assert!(said("heijunka_failover_active{role=\"primary\",broker=\"one\"} 1"), "{}", runtime.metrics());
    assert!(said("heijunka_failover_state{state=\"primary\"} 1"));
    pair.primary.set(Wrong::Down);
    until("it tripped", || pair.active() == BrokerRole::Fallback);
    assert!(said("heijunka_failover_active{role=\"fallback\",broker=\"two\"} 1"));
    assert!(said("heijunka_failover_moves_total{to=\"fallback\"} 1"));
    assert!(said("heijunka_failover_broker_failing{role=\"primary\",broker=\"one\"} 1"));
    pair.publish("f").unwrap();
    assert!(said("heijunka_failover_published_total{role=\"fallback\",broker=\"two\",outcome=\"stored\"} 1"));
    pair.primary.set(Wrong::Nothing);
    until("publishing is back", || {
        let _ = pair.publish("p");
        pair.active() == BrokerRole::Primary
    });
    let status = runtime.status().kanban.unwrap().failover.unwrap();
    assert_eq!((status.trips, status.fail_backs), (1, 1));
    assert_eq!(status.reason, "the primary confirmed the canary");
    until("the primary works again", || pair.status().brokers[0].fault.is_none());
    let entries = told(&runtime, "failover");
    let decisions: Vec<_> = entries.iter().map(|entry| entry.decision.as_str()).collect();
    for expected in [
        "publishing to the fallback (two) for 30s at least",
        "the next item is published to the primary (one) as a canary",
        "publishing to the primary (one) again",
        "the primary (one) is left alone until it answers a probe",
    ] {
        assert!(decisions.contains(&expected), "{decisions:#?}");
    }
    let tripped = entries.iter().find(|entry| entry.decision.contains("for 30s at least")).unwrap();
    assert!(tripped.inputs.contains("one is down"), "{tripped:?}");
    drop(runtime.stop(GENEROUS));
}

/// Threads of this process whose name begins so.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("hj-failover")).count()
}

/// One process per test, as nextest has it; under `cargo test` others have theirs.
#[cfg(target_os = "linux")]
#[test]
fn its_thread_ends_when_it_is_closed_or_dropped() {
    let alone = std::env::var_os("NEXTEST").is_some();
    let pair = Pair::new();
    until("it began", || threads() >= 1);
    pair.failover.close(Duration::from_secs(10));
    assert!(!alone || threads() == 0);
    let (primary, fallback) = (super::Faulty::new("one"), super::Faulty::new("two"));
    let settings = heijunka::FailoverSettings::default();
    let dropped = heijunka::Failover::new(primary, fallback, settings, heijunka::Clock::monotonic()).unwrap();
    drop(dropped);
    until("it ended", || !alone || threads() == 0);
}
