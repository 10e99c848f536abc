//! H4: health is looked at periodically and on demand, whatever the workers are doing.

use std::time::Duration;

use heijunka::{Author, Health, HealthConfig, PoolConfig, Sign};

use crate::common::load::{accounted, elastic, elastic_of, fast, journal, pass, told};
use crate::common::{GENEROUS, Gate, Outcome, eventually, pool_status};

/// Nobody checks but the first tick, and who asks.
fn on_demand() -> HealthConfig {
    HealthConfig { every: Duration::from_secs(3600), ..HealthConfig::default() }
}

#[test]
fn h04_health_is_checked_periodically() {
    let every = Duration::from_secs(5);
    let health = HealthConfig { every, ..HealthConfig::default() };
    let runtime =
        fast(20).health(health).pool("sick", elastic(2, 2)).pool("well", elastic(2, 2)).start().unwrap();
    let domain = runtime.domain("sick").unwrap();
    let told_of = |rule: &str| told(&runtime, Author::Health, Some("sick"), rule);
    let mut failed = 0;
    eventually("somebody notices that all its jobs fail", || {
        domain.submit(1, |job| job.fail()).unwrap().result().unwrap();
        failed += 1;
        told_of("failing").iter().any(|entry| entry.decision == "critical")
    });
    assert!(failed >= 40, "twenty at each of two checks in a row: {failed}");
    eventually("somebody notices that they no longer do", || {
        told_of("fine").iter().any(|entry| entry.decision == "healthy")
    });
    let entries = runtime.journal();
    let at: Vec<_> = entries.iter().map(|entry| entry.at).collect();
    assert!(at.windows(2).all(|pair| pair[1].since(pair[0]) >= every), "{}", journal(&runtime));
    assert!(told(&runtime, Author::Health, Some("well"), "failing").is_empty());
    accounted(&runtime);
}

#[test]
fn h04_fifty_busy_workers_are_answered_for() {
    // Those of one pool run for longer than they may; they are seen, and kept.
    let health = HealthConfig { replacements: 0, ..on_demand() };
    let stuck = PoolConfig { stall_after: Duration::from_secs(1), ..elastic(50, 50) };
    let runtime = fast(20).health(health).pool("stuck", stuck).pool("busy", elastic(50, 50)).start().unwrap();
    let gate = Gate::default();
    for pool in ["stuck", "busy"] {
        gate.occupy(&runtime.domain(pool).unwrap(), 1, 50);
    }
    pass(&runtime, Duration::from_secs(2));
    let report = runtime.check_health();
    for pool in ["stuck", "busy"] {
        let status = pool_status(&runtime, pool);
        assert!(status.worker_status.iter().all(|worker| worker.running_for.is_some()), "all are still busy");
    }
    let [busy, stuck] = &report.pools[..] else { panic!("{report:?}") };
    assert_eq!((busy.health, busy.sign, busy.stuck_workers), (Health::Healthy, Sign::Fine, 0));
    assert_eq!((stuck.health, stuck.sign), (Health::Critical, Sign::EveryWorkerStalled));
    assert_eq!((stuck.stuck_workers, stuck.lost_workers), (50, 0));
    assert_eq!((report.worst, report.ignored), (Health::Critical, false));
    gate.open();
    eventually("all have ended", || runtime.status().admission.in_flight == 0);
    accounted(&runtime);
}

#[test]
fn h04_a_checked_out_worker_is_never_taken_for_stalled() {
    let pool = PoolConfig { stall_after: Duration::from_millis(500), ..elastic_of("own", 2, 4) };
    let runtime = fast(20).pool("own", pool).start().unwrap();
    let domain = runtime.domain("own").unwrap();
    let held = [(); 2].map(|()| domain.checkout(1, GENEROUS).unwrap());
    for _ in 0..3 {
        pass(&runtime, Duration::from_secs(1));
        let report = runtime.check_health();
        assert_eq!(
            (report.worst, report.pools[0].stuck_workers, report.pools[0].lost_workers),
            (Health::Healthy, 0, 0)
        );
    }
    let status = pool_status(&runtime, "own");
    assert_eq!((status.lost_workers, status.replaced_workers), (0, 0));
    assert_eq!(held.each_ref().map(|checkout| checkout.run(|_| 7)), [Ok(7), Ok(7)], "they still serve");
    drop(held);
    accounted(&runtime);
}
