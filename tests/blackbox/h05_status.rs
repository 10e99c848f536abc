//! H5: the status of a pool after work whose sum is known.

use std::time::Duration;

use heijunka::{Health, Idle, PoolConfig, Pressure, Reason, Runtime, WaitError};

use crate::common::{GENEROUS, Gate, Outcome, eventually, pool_status, single, workers};

const WORK: Duration = Duration::from_millis(2);

#[test]
fn h05_every_figure_follows_from_the_work_done() {
    let (runtime, domain) = single("figures", PoolConfig { max_workers: 7, ..workers(2) });
    for n in 0..30_u64 {
        domain.submit(n, |_| std::thread::sleep(WORK)).unwrap().result().unwrap();
    }
    assert!(domain.submit(1, |_| panic!("one")).unwrap().result().is_err());
    domain.submit(1, |job| job.fail()).unwrap().result().unwrap();
    assert!(domain.job(1).deadline(Duration::ZERO).submit(|_| ()).unwrap().result().is_err());
    let gate = Gate::default();
    gate.occupy(&domain, 1, 2);
    let cancelled = domain.submit(1, |_| ()).unwrap();
    cancelled.cancel();
    gate.open();
    assert_eq!(cancelled.result(), Err(WaitError::Job(heijunka::JobError::Cancelled)));
    eventually("all have ended", || runtime.status().admission.in_flight == 0);

    let status = pool_status(&runtime, "figures");
    assert_eq!((status.name.as_str(), status.domain.as_str()), ("figures", "figures"));
    assert_eq!((status.workers, status.min_workers, status.max_workers), (2, 2, 7));
    assert_eq!((status.queue_length, status.completed, status.cancelled), (0, 32, 1));
    assert_eq!((status.failed, status.panicked, status.expired, status.abandoned), (2, 1, 1, 0));
    assert_eq!((status.total_requests, status.failed_requests), (36, 3));
    assert_eq!(status.replaced_workers, 0);
    assert!((0.0..=1.0).contains(&status.utilisation) && status.utilisation > 0.0);
    // Lower bounds that hold however slow the machine is: 30 of the 34 jobs that ran slept.
    assert!(status.busy >= WORK * 30 * 9 / 10 && status.busy <= status.capacity, "{status:?}");
    assert!(status.average_latency >= WORK * 30 / 34 * 9 / 10);
    for histogram in [&status.latency.queue, &status.latency.service, &status.latency.total] {
        assert_eq!(histogram.len(), 34);
    }
    assert!(Duration::from_nanos(status.latency.service.max()) >= WORK * 9 / 10);
    assert!(status.latency.total.max() >= status.latency.service.min());
}

#[test]
fn h05_a_busy_worker_shows_while_its_job_runs() {
    for idle in [Idle::Park, Idle::default(), Idle::Spin] {
        for count in [1, 2] {
            let (runtime, domain) = single("busy", PoolConfig { idle, ..workers(count) });
            let gate = Gate::default();
            // So that the worker is awake, and maybe spinning, when the next job comes.
            domain.submit(1, |_| ()).unwrap().result().unwrap();
            gate.occupy(&domain, 1, 1);
            domain.execute(1, |_| ()).unwrap();
            eventually("the others are idle", || {
                pool_status(&runtime, "busy").in_flight == if count == 1 { 2 } else { 1 }
            });
            std::thread::sleep(WORK);
            let status = pool_status(&runtime, "busy");
            assert!(status.utilisation > 0.0 && status.utilisation <= 1.0, "{}", status.utilisation);
            assert!(status.busy > Duration::ZERO);
            let running = status.worker_status.iter().filter_map(|worker| worker.running_for);
            assert_eq!(running.filter(|lasted| *lasted > Duration::ZERO).count(), 1);
            assert!(!status.worker_status.iter().any(|worker| worker.duty == heijunka::Duty::Leaving));
        }
    }
}

#[test]
fn h05_health_follows_lanes_and_failures() {
    let (runtime, domain) = single("health", PoolConfig { lane: 10, ..workers(1) });
    let health = || pool_status(&runtime, "health").health;
    assert_eq!(health(), Health::Healthy);
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    for _ in 0..9 {
        domain.execute(1, |_| ()).unwrap();
    }
    assert_eq!(health(), Health::Degraded, "its lane is nearly full");
    gate.open();
    eventually("it has recovered", || health() == Health::Healthy);
    for _ in 0..30 {
        domain.submit(1, |job| job.fail()).unwrap().result().unwrap();
    }
    assert_eq!(health(), Health::Critical, "most of its jobs fail");
    runtime.drain(GENEROUS);
    assert_eq!(health(), Health::Critical, "it has no worker");
}

#[test]
fn h05_the_status_of_the_whole_adds_up() {
    let runtime = Runtime::builder()
        .limits(4, 6)
        .reserve(0.5)
        .pool("a", workers(1))
        .pool("b", workers(1))
        .start()
        .unwrap();
    let gate = Gate::default();
    let a = runtime.domain("a").unwrap();
    gate.occupy(&a, 1, 1);
    let status = runtime.status();
    assert_eq!(status.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((status.admission.in_flight, status.admission.normal_in_flight), (1, 1));
    assert_eq!(status.admission.pressure, Pressure::Clear);
    assert!(!status.admission.closed);
    for _ in 0..2 {
        a.execute(1, |_| ()).unwrap();
    }
    assert_eq!(runtime.status().admission.pressure, Pressure::Soft);
    assert_eq!(a.execute(1, |_| ()).unwrap_err().rejected().reason(), Reason::Reserve);
    let refused = runtime.status().admission.refused;
    assert_eq!((refused.of(Reason::Reserve), refused.total()), (1, 1));
    assert!((0.0..=1.0).contains(&runtime.status().balance));
    gate.open();
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean());
    assert!(runtime.status().admission.closed, "the status outlives the runtime's end");
}
