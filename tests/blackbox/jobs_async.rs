//! Handles: waited for on a thread, awaited in a task, dropped, and never deadlocking a worker.

use std::sync::mpsc::channel;
use std::time::Duration;

use heijunka::{JobError, WaitError};

use crate::common::{GENEROUS, Gate, Outcome, beside, block_on, eventually, pool_status, single, workers};

#[test]
fn a_handle_is_a_future_of_any_executor() {
    let (_runtime, domain) = single("async", workers(1));
    let gate = Gate::default();
    assert_eq!(block_on(domain.submit(1, |_| 1).unwrap().into_future()), Ok(1));
    gate.occupy(&domain, 1, 1);
    let pending = domain.submit(1, |_| "later").unwrap();
    let waiting = beside(move || block_on(pending.into_future()));
    gate.open();
    assert_eq!(waiting.join(), Ok("later"));
    let panicked = domain.submit(1, |_| -> u8 { panic!("oh") }).unwrap();
    assert_eq!(block_on(panicked.into_future()), Err(JobError::Panicked("oh".into())));
}

#[test]
fn a_future_learns_that_the_runtime_stopped() {
    let (runtime, domain) = single("gone", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let pending = domain.submit(1, |_| ()).unwrap();
    let waiting = beside(move || block_on(pending.into_future()));
    runtime.stop(Duration::from_millis(10));
    assert_eq!(waiting.join(), Err(JobError::Abandoned));
}

#[test]
fn a_dropped_handle_lets_the_job_go_on() {
    let (runtime, domain) = single("dropped", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let (tell, told) = channel();
    drop(domain.submit(1, move |_| tell.send(5)).unwrap());
    drop(domain.submit(1, |_| ()).unwrap().into_future());
    gate.open();
    assert_eq!(told.recv_timeout(GENEROUS), Ok(5));
    eventually("both have ended", || pool_status(&runtime, "dropped").completed == 3);
}

#[test]
fn a_worker_never_waits_for_a_job() {
    let (_runtime, domain) = single("nested", workers(1));
    let inner = domain.clone();
    let outer = domain.submit(1, move |_| {
        // The only worker is this one: waiting would never end.
        let handle = inner.submit(1, |_| 9).unwrap();
        let waits = [handle.wait(), handle.wait_timeout(GENEROUS), handle.poll()];
        (waits, handle)
    });
    let (waits, handle) = outer.unwrap().result().unwrap();
    assert_eq!(waits, [Err(WaitError::OnWorker), Err(WaitError::OnWorker), Err(WaitError::TimedOut)]);
    assert_eq!(handle.result(), Ok(9), "elsewhere the handle is as good as ever");
}

#[test]
fn a_worker_may_take_a_result_that_is_there() {
    let (_runtime, domain) = single("ready", workers(1));
    let (first, second) = (domain.submit(1, |_| 1).unwrap(), domain.submit(1, |_| 2).unwrap());
    eventually("both have ended", || domain.submit(1, |_| ()).unwrap().result().is_ok());
    let sum = domain.submit(1, move |_| Ok::<_, WaitError>(first.wait()? + second.wait_timeout(GENEROUS)?));
    assert_eq!(sum.unwrap().result().unwrap(), Ok(3));
}

#[test]
fn a_result_is_taken_once() {
    let (_runtime, domain) = single("once", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let handle = domain.submit(1, |_| 1).unwrap();
    assert_eq!(handle.poll(), Err(WaitError::TimedOut));
    assert_eq!(handle.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    gate.open();
    assert_eq!(handle.wait(), Ok(1));
    assert_eq!(
        [handle.wait(), handle.poll(), handle.wait_timeout(GENEROUS)],
        [Err(WaitError::Taken), Err(WaitError::Taken), Err(WaitError::Taken)]
    );
}
