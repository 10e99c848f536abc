//! Deadlines and delays, under a clock that the test moves.

use std::sync::mpsc::channel;
use std::time::Duration;

use heijunka::{Clock, Domain, JobError, ManualTime, Runtime, WaitError};

use crate::common::{Counter, GENEROUS, Gate, Outcome, pool_status, workers};

const SECOND: Duration = Duration::from_secs(1);

fn manual() -> (Runtime, Domain, ManualTime) {
    let (clock, time) = Clock::manual();
    let runtime = Runtime::builder().pool("timed", workers(1)).clock(clock).start().unwrap();
    let domain = runtime.domain("timed").unwrap();
    (runtime, domain, time)
}

#[test]
fn an_expired_job_is_not_run() {
    let (runtime, domain, time) = manual();
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let ran = Counter::default();
    let job = |ran: Counter| move |_: &heijunka::Context<'_>| ran.add();
    let expires = domain.job(1).deadline(SECOND).submit(job(ran.clone())).unwrap();
    let lasts = domain.job(1).deadline(SECOND * 3).submit(job(ran.clone())).unwrap();
    time.advance(SECOND);
    gate.open();
    assert_eq!(expires.result(), Err(WaitError::Job(JobError::Expired)));
    assert_eq!(lasts.result(), Ok(()));
    assert_eq!(ran.get(), 1);
    let status = pool_status(&runtime, "timed");
    assert_eq!((status.expired, status.completed, status.failed_requests), (1, 2, 1));
    assert_eq!(runtime.status().admission.in_flight, 0);
}

#[test]
fn the_deadline_counts_from_the_arrival() {
    let (runtime, domain, time) = manual();
    let arrived = runtime.clock().now();
    time.advance(SECOND * 5);
    let spec = domain.job(1).arrived(arrived);
    let late = spec.deadline(SECOND * 5).submit(|_| ()).unwrap();
    assert_eq!(late.result(), Err(WaitError::Job(JobError::Expired)));
    let left = spec.deadline(SECOND * 7).submit(|job| (job.remaining(), job.queue_delay(), job.arrived()));
    assert_eq!(left.unwrap().result(), Ok((Some(SECOND * 2), SECOND * 5, arrived)));
    let none = domain.submit(1, |job| (job.remaining(), job.is_cancelled())).unwrap();
    assert_eq!(none.result(), Ok((None, false)));
}

#[test]
fn a_running_job_sees_its_deadline_pass() {
    let (runtime, domain, time) = manual();
    let (began, begins) = channel();
    let job = move |job: &heijunka::Context<'_>| {
        began.send(job.is_cancelled()).unwrap();
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        job.remaining()
    };
    let handle = domain.job(1).deadline(SECOND).submit(job).unwrap();
    assert_eq!(begins.recv_timeout(GENEROUS), Ok(false));
    time.advance(SECOND);
    assert_eq!(handle.result(), Ok(Some(Duration::ZERO)), "it ran, so its result counts");
    assert_eq!(pool_status(&runtime, "timed").completed, 1);
}

#[test]
fn queue_delay_and_latency_are_what_the_clock_says() {
    let (runtime, domain, time) = manual();
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let waited = domain.submit(1, |job| job.queue_delay()).unwrap();
    time.advance(SECOND * 4);
    gate.open();
    assert_eq!(waited.result(), Ok(SECOND * 4));
    let status = pool_status(&runtime, "timed");
    // One job ran for four seconds, the other waited for as long.
    assert_eq!((status.busy, status.average_latency), (SECOND * 4, SECOND * 4));
    assert_eq!(status.capacity, SECOND * 4);
    assert!((status.utilisation - 1.0).abs() < 1e-9, "{}", status.utilisation);
    assert!(Duration::from_nanos(status.latency.queue.max()) >= SECOND * 4);
    assert!(Duration::from_nanos(status.latency.service.max()) >= SECOND * 4);
}
