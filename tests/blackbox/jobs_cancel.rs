//! Cancellation: before the start the job is not run, afterwards it can ask.

use std::sync::mpsc::channel;
use std::time::Duration;

use heijunka::{JobError, WaitError};

use crate::common::{Counter, GENEROUS, Gate, Outcome, eventually, pool_status, single, workers};

#[test]
fn cancelled_before_the_start_it_is_not_run() {
    let (runtime, domain) = single("unstarted", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let ran = Counter::default();
    let job = ran.clone();
    let handle = domain.submit(1, move |_| job.add()).unwrap();
    handle.cancel();
    handle.cancel();
    gate.open();
    assert_eq!(handle.result(), Err(WaitError::Job(JobError::Cancelled)));
    assert_eq!(ran.get(), 0);
    eventually("the permits are back", || runtime.status().admission.in_flight == 0);
    let status = pool_status(&runtime, "unstarted");
    assert_eq!((status.cancelled, status.completed, status.total_requests), (1, 1, 2));
    assert_eq!(status.failed_requests, 0, "a wish is no failure");
    // The worker has nothing to do, and shows it.
    assert_eq!((status.in_flight, status.worker_status[0].running_for), (0, None));
    assert_eq!(pool_status(&runtime, "unstarted").busy, status.busy);
}

#[test]
fn cancelled_while_running_it_sees_so_and_decides_itself() {
    let (runtime, domain) = single("running", workers(1));
    let (began, begins) = channel();
    let job = move |job: &heijunka::Context<'_>| {
        let before = job.is_cancelled();
        began.send(()).unwrap();
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        (before, "half done")
    };
    let handle = domain.submit(1, job).unwrap();
    begins.recv_timeout(GENEROUS).unwrap();
    handle.cancel();
    assert_eq!(handle.result(), Ok((false, "half done")));
    assert_eq!(pool_status(&runtime, "running").completed, 1);
}

#[test]
fn cancelled_after_the_end_nothing_changes() {
    let (_runtime, domain) = single("ended", workers(1));
    let handle = domain.submit(1, |_| 3).unwrap();
    eventually("it has ended", || domain.submit(1, |_| ()).unwrap().result().is_ok());
    handle.cancel();
    assert_eq!(handle.result(), Ok(3));
}
