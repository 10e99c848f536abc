//! H18 and H24: jobs that kill, jobs that take long, and a pool that is slow harm nobody but themselves.

use std::time::Duration;

use heijunka::{Author, Health, HealthConfig, JobError, PoolConfig, WaitError};

use crate::common::load::{NAP, Relays, accounted, elastic, elastic_of, fast, journal, pass, told};
use crate::common::{Gate, Outcome, eventually, pool_status};

/// A panic payload whose end is a panic itself: nothing can catch that one for good.
struct Poison;

impl Drop for Poison {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the poison works");
    }
}

#[test]
fn h18_workers_that_die_one_after_the_other_are_replaced_while_the_rest_goes_on() {
    const DEATHS: u64 = 10;
    let runtime = fast(20).pool("mortal", elastic(4, 4)).pool("other", elastic(2, 2)).start().unwrap();
    let domain = runtime.domain("mortal").unwrap();
    let relays = ["mortal", "other"].map(|domain| Relays::new(&runtime, domain, NAP));
    for relays in &relays {
        relays.set(1);
    }
    for deaths in 1..=DEATHS {
        let dies = domain.submit(1, |_| std::panic::panic_any(Poison)).unwrap();
        let told = Err::<(), _>(WaitError::Job(JobError::Panicked("a panic without a message".into())));
        assert_eq!(dies.result(), told);
        eventually("it is replaced", || pool_status(&runtime, "mortal").replaced_workers == deaths);
        assert_eq!(pool_status(&runtime, "mortal").workers, 4);
    }
    let ran = relays.each_ref().map(Relays::end);
    let status = ["mortal", "other"].map(|pool| pool_status(&runtime, pool));
    assert_eq!(status.each_ref().map(|pool| pool.completed), ran, "what else there was to do was done");
    assert_eq!((status[0].failed, status[0].panicked, status[1].replaced_workers), (DEATHS, DEATHS, 0));
    let told = told(&runtime, Author::Control, Some("mortal"), "a panic that no job's guard could catch");
    let counted: u64 = told
        .iter()
        .map(|entry| entry.decision.split_once(" workers died").unwrap().0.parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, DEATHS, "{}", journal(&runtime));
    assert_eq!(runtime.status().control.deaths, 0);
    accounted(&runtime);
}

#[test]
fn h18_a_long_request_beside_short_ones_is_no_fault() {
    let health = HealthConfig { every: Duration::from_secs(1), ..HealthConfig::default() };
    let pool = PoolConfig { stall_after: Duration::from_secs(600), ..elastic(2, 2) };
    let runtime = fast(20).health(health).pool("mixed", pool).start().unwrap();
    let domain = runtime.domain("mixed").unwrap();
    let long = domain
        .submit(1, |_| {
            std::thread::sleep(Duration::from_secs(1));
            "at last"
        })
        .unwrap();
    let mut short = 0;
    while long.poll().is_err() {
        assert_eq!(domain.submit(1, move |_| short).unwrap().result(), Ok(short));
        short += 1;
        if short == 10 {
            // Twice as many checks as it would take to act.
            pass(&runtime, Duration::from_secs(4));
            let report = runtime.check_health();
            assert_eq!((report.worst, report.pools[0].stuck_workers), (Health::Healthy, 0));
            let status = pool_status(&runtime, "mixed");
            let running = status.worker_status.iter().filter(|worker| worker.running_for.is_some());
            assert!(running.count() <= 2 && status.workers == 2 && status.lost_workers == 0, "{status:?}");
        }
        assert!(short < 1_000_000, "the long one does not end");
    }
    let status = pool_status(&runtime, "mixed");
    assert_eq!((status.completed, status.failed_requests, status.replaced_workers), (short + 1, 0, 0));
    assert!(short > 10, "short ones went on beside it");
    assert!(runtime.journal().iter().all(|entry| entry.author != Author::Health), "{}", journal(&runtime));
    accounted(&runtime);
}

#[test]
fn h18_a_slow_pool_among_three_keeps_its_trouble_to_itself() {
    const KEYS: u64 = 100;
    let pool = || elastic_of("web", 2, 2);
    let runtime = fast(20).pool("a", pool()).pool("b", pool()).pool("c", pool()).start().unwrap();
    let domain = runtime.domain("web").unwrap();
    let home = |key: u64| domain.submit(key, |job| job.pool().to_owned()).unwrap().result().unwrap();
    let slow_key = (0..1000).find(|key| home(*key) == "a").unwrap();
    // Its workers are held up, and a few jobs wait there; the others are told to go elsewhere.
    let gate = Gate::default();
    gate.occupy(&domain, slow_key, 2);
    let mut waiting = Vec::new();
    for _ in 0..KEYS {
        let queued = pool_status(&runtime, "a").queue_length;
        let handle = domain.submit(slow_key, |job| job.pool().to_owned()).unwrap();
        if pool_status(&runtime, "a").queue_length > queued {
            waiting.push(handle);
        } else {
            assert_ne!(handle.result().unwrap(), "a", "its workers are at the gate");
        }
    }
    assert!(waiting.len() < 5, "{} wait for the slow pool", waiting.len());
    for pool in ["b", "c"] {
        let report = runtime.check_health();
        let health = report.pools.iter().find(|health| health.name == pool).unwrap();
        assert_eq!((health.health, health.observed), (Health::Healthy, Health::Healthy), "{report:?}");
    }
    assert_eq!(pool_status(&runtime, "a").lost_workers, 0);
    gate.open();
    for handle in waiting {
        assert_eq!(handle.result().as_deref(), Ok("a"));
    }
    eventually("it is itself again", || runtime.status().admission.in_flight == 0);
    assert_eq!(home(slow_key), "a");
    accounted(&runtime);
}
