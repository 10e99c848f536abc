//! H18, the end at once: a stop lets run what runs, hands the rest back, and names what it had to leave behind.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{ChangeError, JobError, Reason, ScaleError, WaitError};

use crate::common::{Counter, GENEROUS, Gate, Outcome, beside, eventually, pool_status, single, workers};

const ABANDONED: Result<(), WaitError> = Err(WaitError::Job(JobError::Abandoned));

#[test]
fn h18_a_stop_hands_back_what_waits() {
    let (runtime, domain) = single("stopped", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let waiting: Vec<_> = (0..10).map(|_| domain.submit(1, |_| ()).unwrap()).collect();
    let runtime = Arc::new(runtime);
    let stopping = beside({
        let runtime = runtime.clone();
        move || runtime.stop(GENEROUS)
    });
    eventually("the workers are told to leave", || pool_status(&runtime, "stopped").workers == 0);
    gate.open();
    let report = stopping.join();
    assert_eq!((report.finished, report.abandoned, report.unjoined.len()), (1, 10, 0));
    assert!(waiting.iter().all(|handle| handle.result() == ABANDONED));
    let status = runtime.status();
    assert_eq!(status.admission.in_flight, 0);
    assert_eq!((status.pools[0].completed, status.pools[0].abandoned), (1, 10));
    assert_eq!((status.pools[0].total_requests, status.pools[0].failed_requests), (11, 10));
}

#[test]
fn h18_a_stop_while_many_submit_leaves_every_job_with_one_end() {
    for _ in 0..20 {
        let (runtime, domain) = single("raced", workers(2));
        let (ended, offered) = (Counter::default(), Counter::default());
        let handles = std::thread::scope(|scope| {
            let submit = || {
                let (domain, ended, offered) = (domain.clone(), ended.clone(), &offered);
                move || {
                    let mut handles = Vec::new();
                    loop {
                        let ended = ended.clone();
                        match domain.submit(1, move |_| ended.add()) {
                            Ok(handle) => handles.push(handle),
                            Err(refused) if refused.rejected().reason() == Reason::Closed => return handles,
                            Err(_) => std::thread::yield_now(),
                        }
                        offered.add();
                    }
                }
            };
            let submitters = [(); 3].map(|()| scope.spawn(submit()));
            eventually("it is under load", || offered.get() > 100);
            assert!(runtime.stop(GENEROUS).unjoined.is_empty());
            submitters.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let results: Vec<_> = handles.iter().map(Outcome::result).collect();
        let ran = results.iter().filter(|result| result.is_ok()).count() as u64;
        let abandoned = results.iter().filter(|result| **result == ABANDONED).count() as u64;
        assert_eq!(ran + abandoned, results.len() as u64);
        assert_eq!(ran, ended.get());
        let status = runtime.status();
        assert_eq!(status.admission.in_flight, 0);
        assert_eq!((status.pools[0].completed, status.pools[0].abandoned), (ran, abandoned));
        assert_eq!(runtime.stop(GENEROUS).abandoned, abandoned);
    }
}

#[test]
fn h18_a_job_that_does_not_return_is_named_and_left() {
    let (runtime, domain) = single("stuck", workers(2));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 2);
    let waiting = domain.submit(1, |_| ()).unwrap();
    let mut report = runtime.stop(Duration::from_millis(30));
    report.unjoined.sort();
    assert_eq!(report.unjoined, ["hj-stuck-0", "hj-stuck-1"]);
    assert_eq!((report.abandoned, report.is_clean()), (1, false));
    assert_eq!(waiting.result(), ABANDONED);
    assert_eq!(runtime.status().admission.in_flight, 2, "what runs holds its permit");
    gate.open();
    eventually("the last permits are back", || runtime.status().admission.in_flight == 0);
    assert_eq!(pool_status(&runtime, "stuck").completed, 2, "the late result is still recorded");
}

#[test]
fn h18_out_of_time_running_jobs_see_themselves_cancelled() {
    let (runtime, domain) = single("polite", workers(1));
    let (began, begins) = std::sync::mpsc::channel();
    let job = move |job: &heijunka::Context<'_>| {
        began.send(()).unwrap();
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        "gave up"
    };
    let handle = domain.submit(1, job).unwrap();
    begins.recv_timeout(GENEROUS).unwrap();
    runtime.stop(Duration::from_millis(10));
    assert_eq!(handle.result(), Ok("gave up"));
}

#[test]
fn h18_a_stopping_runtime_does_not_grow() {
    let (runtime, domain) = single("final", heijunka::PoolConfig { max_workers: 4, ..workers(1) });
    let gate = Gate::default();
    let pool = runtime.pool("final").unwrap();
    gate.occupy(&domain, 1, 1);
    let waiting = domain.submit(1, |_| ()).unwrap();
    let runtime = Arc::new(runtime);
    let stopping = beside({
        let runtime = runtime.clone();
        move || runtime.stop(GENEROUS)
    });
    eventually("the workers are told to leave", || pool_status(&runtime, "final").workers == 0);
    assert!(matches!(pool.scale_to(3), Err(ScaleError::Stopped)), "no worker comes behind the stop's back");
    assert!(matches!(runtime.add_pool("more", &workers(1)), Err(ChangeError::Ended)));
    gate.open();
    let report = stopping.join();
    assert_eq!((report.abandoned, report.unjoined.len()), (1, 0));
    assert_eq!(waiting.result(), ABANDONED);
    assert!(matches!(pool.scale_to(3), Err(ScaleError::Stopped)));
    assert!(matches!(runtime.add_pool("more", &workers(1)), Err(ChangeError::Ended)));
    assert_eq!(runtime.status().pools.len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn h18_a_dropped_runtime_has_no_threads_left() {
    use crate::common::threads;
    let (runtime, domain) = single("dropped", heijunka::PoolConfig { max_workers: 6, ..workers(3) });
    runtime.pool("dropped").unwrap().scale_to(5).unwrap();
    domain.submit(1, |_| ()).unwrap().result().unwrap();
    eventually("the threads have their names", || threads("hj-dropped").len() == 5);
    drop(runtime);
    // A joined thread may be listed for a moment longer.
    eventually("they are gone", || threads("hj-dropped").is_empty());
}
