//! H18: a worker that dies is replaced and its job reported failed; everything else goes on.

use heijunka::{JobError, WaitError};

use crate::common::{GENEROUS, Gate, Outcome, eventually, pool_status, single, workers};

/// A panic payload whose end is a panic itself: nothing can catch that one for good.
struct Poison;

impl Drop for Poison {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the poison works");
    }
}

fn die(_: &heijunka::Context<'_>) {
    std::panic::panic_any(Poison);
}

#[test]
fn h18_a_dead_worker_is_replaced_and_its_job_told() {
    let (runtime, domain) = single("mortal", workers(1));
    for deaths in 1..=3 {
        let handle = domain.submit(1, die).unwrap();
        let result = handle.result();
        assert_eq!(result, Err(WaitError::Job(JobError::Panicked("a panic without a message".into()))));
        eventually("it is replaced", || pool_status(&runtime, "mortal").replaced_workers == deaths);
        assert_eq!(domain.submit(1, |_| 3).unwrap().result(), Ok(3), "the pool serves on");
        let status = pool_status(&runtime, "mortal");
        assert_eq!((status.workers, status.failed, status.completed), (1, deaths, deaths));
    }
    assert_eq!(runtime.status().admission.in_flight, 0);
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "the dead threads are joined as well: {report:?}");
}

#[test]
fn h18_a_death_takes_nothing_along_that_waits() {
    let (runtime, domain) = single("orphans", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    domain.execute(1, die).unwrap();
    let waiting: Vec<_> = (0..20).map(|n| domain.submit(1, move |_| n).unwrap()).collect();
    gate.open();
    assert!(waiting.iter().zip(0..).all(|(handle, n)| handle.result() == Ok(n)));
    eventually("it is replaced", || pool_status(&runtime, "orphans").replaced_workers == 1);
    let status = pool_status(&runtime, "orphans");
    assert_eq!((status.completed, status.failed, status.panicked), (21, 1, 1));
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}

#[test]
fn h18_a_death_does_not_harm_the_other_workers() {
    let (runtime, domain) = single("group", workers(3));
    for _ in 0..30 {
        domain.execute(1, die).unwrap();
        domain.submit(1, |_| ()).unwrap().result().unwrap();
    }
    eventually("all are replaced", || pool_status(&runtime, "group").replaced_workers == 30);
    let status = pool_status(&runtime, "group");
    assert_eq!((status.workers, status.failed, status.completed), (3, 30, 30));
    assert!(runtime.drain(GENEROUS).is_clean());
}

#[test]
fn h18_a_result_nobody_wants_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "the bomb went off");
        }
    }
    let (runtime, domain) = single("unwanted", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    drop(domain.submit(1, |_| Bomb).unwrap());
    gate.open();
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1));
    eventually("it is replaced", || pool_status(&runtime, "unwanted").replaced_workers == 1);
    assert_eq!(pool_status(&runtime, "unwanted").completed, 3);
}

#[test]
fn h18_a_checked_out_worker_that_dies_is_told_and_replaced() {
    let (runtime, domain) = single("taken", workers(1));
    let checkout = domain.checkout(1, GENEROUS).unwrap();
    assert_eq!(checkout.run(die), Err(JobError::Abandoned));
    assert_eq!(checkout.run(|_| ()), Err(JobError::Abandoned), "that worker is gone");
    drop(checkout);
    eventually("it is replaced", || pool_status(&runtime, "taken").replaced_workers == 1);
    assert_eq!(domain.checkout(1, GENEROUS).unwrap().run(|_| 4), Ok(4));
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}

#[test]
fn h18_work_dropped_unrun_may_panic_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "the bomb went off");
        }
    }
    let (runtime, domain) = single("unrun", workers(1));
    let bomb = Bomb;
    let handle = domain.job(1).deadline(std::time::Duration::ZERO).submit(move |_| drop(bomb)).unwrap();
    assert_eq!(handle.result(), Err(WaitError::Job(JobError::Expired)));
    eventually("it is replaced", || pool_status(&runtime, "unrun").replaced_workers == 1);
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1));
    let status = pool_status(&runtime, "unrun");
    assert_eq!((status.expired, status.completed, status.failed), (1, 1, 0));
    assert_eq!(runtime.status().admission.in_flight, 0);
}

#[test]
fn h18_work_that_panics_when_a_stop_hands_it_back_does_not_stop_the_stop() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "the bomb went off");
        }
    }
    let (runtime, domain) = single("handed", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let bombs: Vec<_> = (0..3)
        .map(|_| {
            let bomb = Bomb;
            domain.submit(1, move |_| drop(bomb)).unwrap()
        })
        .collect();
    let report = runtime.stop(std::time::Duration::from_millis(20));
    assert_eq!((report.abandoned, report.unjoined.len()), (3, 1));
    for handle in bombs {
        assert_eq!(handle.result(), Err(WaitError::Job(JobError::Abandoned)));
    }
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}
