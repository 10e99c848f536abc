//! H3: a worker is checked out, serves its holder alone, and goes back.

use std::time::Duration;

use heijunka::{CheckoutError, JobError, Reason, Runtime};

use crate::common::{GENEROUS, Gate, Outcome, beside, eventually, pool_status, single, workers};

/// Long enough for a worker that is free, and waited out in full where none is.
const SHORT: Duration = Duration::from_millis(30);

#[test]
fn h03_a_checked_out_worker_serves_its_holder_alone() {
    let (runtime, domain) = single("own", workers(1));
    let checkout = domain.checkout(1, GENEROUS).unwrap();
    assert_eq!(checkout.worker(), "hj-own-0");
    let waiting = domain.submit(1, |_| ()).unwrap();
    let name = checkout.run(|_| std::thread::current().name().map(str::to_owned)).unwrap();
    assert_eq!(name.as_deref(), Some("hj-own-0"));
    assert_eq!(checkout.run(|job| job.pool().to_owned()).unwrap(), "own");
    // The call went through and the job did not: the worker is not shared.
    assert!(waiting.poll().is_err());
    let status = runtime.status();
    assert_eq!(status.admission.in_flight, 2, "a permit for the checkout, one for the job");
    assert!(status.pools[0].worker_status[0].running_for.is_some(), "it counts as busy");
    drop(checkout);
    assert_eq!(waiting.result(), Ok(()));
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
    assert_eq!(pool_status(&runtime, "own").completed, 2);
}

#[test]
fn h03_without_a_free_worker_it_times_out_and_leaves_nothing_behind() {
    let (runtime, domain) = single("busy", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    assert_eq!(domain.checkout(1, SHORT).unwrap_err(), CheckoutError::TimedOut);
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
    let status = pool_status(&runtime, "busy");
    assert_eq!((status.completed, status.cancelled), (1, 1));
    assert_eq!(domain.checkout(1, GENEROUS).unwrap().run(|_| 1), Ok(1), "the pool serves on");
}

#[test]
fn h03_a_checkout_is_refused_like_other_work() {
    let runtime = Runtime::builder().limits(1, 1).reserve(0.0).pool("tight", workers(2)).start().unwrap();
    let domain = runtime.domain("tight").unwrap();
    let held = domain.checkout(1, GENEROUS).unwrap();
    let Err(CheckoutError::Refused(rejected)) = domain.checkout(1, GENEROUS) else { panic!("not refused") };
    assert_eq!(rejected.reason(), Reason::HardLimit);
    drop(held);
    eventually("the permit is back", || runtime.status().admission.in_flight == 0);
    drop(domain.checkout(1, GENEROUS).unwrap());
}

#[test]
fn h03_workers_checked_out_together_are_different_ones() {
    let (_runtime, domain) = single("pair", workers(2));
    let [a, b] = [(); 2].map(|()| domain.checkout(1, GENEROUS).unwrap());
    assert_ne!(a.worker(), b.worker());
    assert_eq!(domain.checkout(1, SHORT).unwrap_err(), CheckoutError::TimedOut);
    drop(a);
    drop(domain.checkout(1, GENEROUS).unwrap());
}

#[test]
fn h03_a_worker_must_not_check_another_out() {
    let (_runtime, domain) = single("nested", workers(2));
    let inner = domain.clone();
    let handle = domain.submit(1, move |_| inner.checkout(1, GENEROUS).unwrap_err()).unwrap();
    assert_eq!(handle.result(), Ok(CheckoutError::OnWorker));
}

#[test]
fn h03_a_panic_in_a_call_is_told_and_the_worker_stays() {
    let (runtime, domain) = single("panics", workers(1));
    let checkout = domain.checkout(1, GENEROUS).unwrap();
    let result = checkout.run(|_| -> u32 { panic!("no card") });
    assert_eq!(result, Err(JobError::Panicked("no card".into())));
    assert_eq!(checkout.run(|_| 2), Ok(2));
    drop(checkout);
    eventually("the permit is back", || runtime.status().admission.in_flight == 0);
    assert_eq!(pool_status(&runtime, "panics").replaced_workers, 0);
}

#[test]
fn h03_a_drain_waits_for_a_held_worker_and_ends_clean_when_it_is_given_back() {
    let (runtime, domain) = single("given", workers(1));
    let checkout = domain.checkout(1, GENEROUS).unwrap();
    let runtime = std::sync::Arc::new(runtime);
    let draining = beside({
        let runtime = runtime.clone();
        move || runtime.drain(GENEROUS)
    });
    eventually("the door is closed", || runtime.status().admission.closed);
    assert_eq!(checkout.run(|_| 7), Ok(7), "the holder goes on meanwhile");
    drop(checkout);
    let report = draining.join();
    assert!(report.is_clean() && report.finished == 1, "{report:?}");
}

#[test]
fn h03_a_drain_out_of_patience_takes_a_held_worker_back() {
    let (runtime, domain) = single("kept", workers(1));
    let checkout = domain.checkout(1, GENEROUS).unwrap();
    runtime.drain(SHORT);
    eventually("the permit is back", || runtime.status().admission.in_flight == 0);
    assert_eq!(checkout.run(|_| ()), Err(JobError::Abandoned));
    assert_eq!(
        domain.checkout(1, SHORT).map_err(|error| error.to_string()).unwrap_err(),
        "no worker to check out: draining or stopped: no new work is accepted"
    );
}

#[test]
fn h03_a_waiting_checkout_learns_that_the_runtime_stopped() {
    let (runtime, domain) = single("ends", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let waiting = beside(move || domain.checkout(1, GENEROUS));
    eventually("it waits in the lane", || pool_status(&runtime, "ends").queue_length == 1);
    let stopping = beside(move || runtime.stop(GENEROUS));
    // The workers have been told to leave, so what waits will not be run.
    std::thread::sleep(SHORT);
    gate.open();
    stopping.join();
    match waiting.join() {
        Err(CheckoutError::Stopped) => {}
        // The gate opened before the worker was told to leave: it was served, and then taken back.
        Ok(checkout) => assert_eq!(checkout.run(|_| ()), Err(JobError::Abandoned)),
        Err(other) => panic!("{other}"),
    }
}
