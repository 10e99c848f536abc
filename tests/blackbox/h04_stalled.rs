//! H4 and H18: a job that does not end costs a worker, which is replaced, and gives its result whenever it ends.

use std::time::Duration;

use heijunka::{Author, Health, HealthConfig, PoolConfig, Runtime, Sign};

use crate::common::load::{accounted, elastic, fast, journal, pass, told};
use crate::common::{Gate, Outcome, eventually, pool_status};

/// A pool in which a job may run for a second.
fn impatient(replacements: u32, workers: u32) -> Runtime {
    let health = HealthConfig { every: Duration::from_secs(1), replacements, ..HealthConfig::default() };
    let pool = PoolConfig { stall_after: Duration::from_secs(1), ..elastic(workers, workers) };
    fast(20).health(health).pool("stalls", pool).start().unwrap()
}

#[test]
fn h04_a_stalled_worker_is_replaced_and_its_late_result_arrives() {
    let runtime = impatient(2, 2);
    let domain = runtime.domain("stalls").unwrap();
    let gate = Gate::default();
    let hold = gate.job();
    let late = domain
        .submit(1, move |job| {
            hold(job);
            "late"
        })
        .unwrap();
    eventually("its worker is given up", || pool_status(&runtime, "stalls").lost_workers == 1);
    eventually("another takes its place", || pool_status(&runtime, "stalls").workers == 2);
    let status = pool_status(&runtime, "stalls");
    let lost: Vec<_> =
        status.worker_status.iter().filter(|worker| worker.duty == heijunka::Duty::Lost).collect();
    assert!(lost.len() == 1 && lost[0].running_for.is_some(), "{status:?}");
    assert_eq!((status.worker_status.len(), status.replaced_workers), (3, 0), "it did not die");
    let name = lost[0].name.clone();

    // Two workers serve, as before: two jobs at the same time, and then many.
    let both = Gate::default();
    both.occupy(&domain, 1, 2);
    both.open();
    for n in 0..50 {
        assert_eq!(domain.submit(n, move |_| n).unwrap().result(), Ok(n));
    }
    assert!(late.poll().is_err(), "its job is still running");
    assert_eq!(runtime.status().admission.in_flight, 1, "and holds its permit");
    // Long after, it is still one lost worker, given up once.
    pass(&runtime, Duration::from_secs(5));
    let report = runtime.check_health();
    assert_eq!((report.pools[0].stuck_workers, report.pools[0].lost_workers), (1, 1));
    assert_eq!((report.worst, report.pools[0].sign), (Health::Degraded, Sign::Stalled));
    let given_up =
        told(&runtime, Author::Control, Some("stalls"), "its job has been running for more than 1s");
    assert_eq!(given_up.len(), 1, "{}", journal(&runtime));
    assert_eq!(given_up[0].decision, format!("{name} is given up, another worker takes its place"));

    gate.open();
    assert_eq!(late.result(), Ok("late"));
    eventually("the lost worker has left", || pool_status(&runtime, "stalls").worker_status.len() == 2);
    eventually("nobody counts it any more", || pool_status(&runtime, "stalls").lost_workers == 0);
    let status = pool_status(&runtime, "stalls");
    assert_eq!((status.workers, status.completed, status.failed_requests), (2, 53, 0));
    eventually("the pool is healthy again", || runtime.check_health().worst == Health::Healthy);
    accounted(&runtime);
}

#[test]
fn h04_no_more_stalled_workers_are_replaced_than_may_be() {
    let runtime = impatient(1, 3);
    let domain = runtime.domain("stalls").unwrap();
    let gate = Gate::default();
    gate.occupy(&domain, 1, 3);
    let denied = || {
        let by_health = told(&runtime, Author::Health, Some("stalls"), "stalled");
        by_health.into_iter().filter(|entry| entry.decision.contains("denied")).collect::<Vec<_>>()
    };
    eventually("one is given up", || pool_status(&runtime, "stalls").lost_workers == 1);
    eventually("the others are not, and that is said", || !denied().is_empty());
    pass(&runtime, Duration::from_secs(5));
    let status = pool_status(&runtime, "stalls");
    assert_eq!((status.lost_workers, status.workers, status.worker_status.len()), (1, 3, 4));
    assert!(
        denied()[0].decision.ends_with("as many stuck workers as may be are replaced already"),
        "{}",
        journal(&runtime)
    );
    let report = runtime.check_health();
    assert_eq!((report.pools[0].stuck_workers, report.pools[0].lost_workers), (3, 1));
    assert_eq!(domain.submit(1, |_| 5).unwrap().result(), Ok(5), "the replacement serves");
    gate.open();
    eventually("all is as before", || {
        let status = pool_status(&runtime, "stalls");
        (status.lost_workers, status.workers, status.worker_status.len(), status.completed) == (0, 3, 3, 4)
    });
    accounted(&runtime);
}
