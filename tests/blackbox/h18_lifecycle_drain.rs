//! H18, the end: a drain runs what was accepted, refuses what comes, and its report adds up.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{PoolConfig, Reason, Runtime};

use crate::common::{Counter, GENEROUS, Gate, Outcome, beside, eventually, pool_status, single, workers};

#[test]
fn h18_a_drain_under_load_ends_every_accepted_job() {
    let runtime = Runtime::builder()
        .pool("a", PoolConfig { domain: Some("web".into()), ..workers(2) })
        .pool("b", PoolConfig { domain: Some("web".into()), ..workers(2) })
        .start()
        .unwrap();
    let (ran, accepted) = (Counter::default(), Counter::default());
    std::thread::scope(|scope| {
        for submitter in 0..4_u64 {
            let (domain, ran, accepted) = (runtime.domain("web").unwrap(), &ran, &accepted);
            scope.spawn(move || {
                for n in 0_u64.. {
                    let done = ran.clone();
                    match domain.execute(submitter << 32 | n, move |_| done.add()) {
                        Ok(()) => accepted.add(),
                        Err(refused) if refused.rejected().reason() == Reason::Closed => break,
                        Err(_) => std::thread::yield_now(),
                    }
                }
            });
        }
        eventually("it is under load", || accepted.get() > 2_000);
        let report = runtime.drain(GENEROUS);
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(runtime.drain(GENEROUS), report, "a second drain tells the same");
        assert_eq!(runtime.stop(Duration::ZERO), report, "and so does a stop");
    });
    assert_eq!(ran.get(), accepted.get());
    let status = runtime.status();
    assert_eq!(status.admission.in_flight, 0);
    assert_eq!(status.pools.iter().map(|pool| pool.completed).sum::<u64>(), accepted.get());
    assert!(status.admission.refused.of(Reason::Closed) >= 4, "every submitter was told");
    let late = runtime.domain("web").unwrap().execute(1, |_| ());
    assert_eq!(late.unwrap_err().rejected().reason(), Reason::Closed);
}

#[test]
fn h18_the_report_counts_what_ended_and_what_was_refused_meanwhile() {
    let (runtime, domain) = single("counted", workers(1));
    let gate = Gate::default();
    domain.submit(1, |_| ()).unwrap().result().unwrap();
    gate.occupy(&domain, 1, 1);
    let waiting: Vec<_> = (0..10).map(|n| domain.submit(1, move |_| n).unwrap()).collect();
    let runtime = Arc::new(runtime);
    let draining = beside({
        let runtime = runtime.clone();
        move || runtime.drain(GENEROUS)
    });
    eventually("the door is closed", || runtime.status().admission.closed);
    for _ in 0..3 {
        assert_eq!(domain.execute(1, |_| ()).unwrap_err().rejected().reason(), Reason::Closed);
    }
    gate.open();
    let report = draining.join();
    assert_eq!((report.finished, report.refused, report.abandoned), (11, 3, 0), "{report:?}");
    assert!(report.is_clean());
    assert!(waiting.iter().zip(0..).all(|(handle, n)| handle.result() == Ok(n)));
    assert_eq!(pool_status(&runtime, "counted").completed, 12);
}

#[test]
fn h18_a_drain_that_runs_out_of_time_hands_back_what_has_not_started() {
    let (runtime, domain) = single("late", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let waiting: Vec<_> = (0..5).map(|_| domain.submit(1, |_| ()).unwrap()).collect();
    let report = runtime.drain(Duration::from_millis(30));
    assert_eq!((report.abandoned, report.unjoined.as_slice()), (5, ["hj-late-0".to_owned()].as_slice()));
    assert!(!report.is_clean());
    for handle in waiting {
        assert_eq!(handle.result(), Err(heijunka::JobError::Abandoned.into()));
    }
    gate.open();
    eventually("the last permit is back", || runtime.status().admission.in_flight == 0);
}

#[test]
fn h18_a_drain_of_an_idle_runtime_has_nothing_to_do() {
    let (runtime, _) = single("idle", workers(3));
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean());
    assert_eq!((report.finished, report.refused, report.abandoned), (0, 0, 0));
    assert_eq!(pool_status(&runtime, "idle").workers, 0);
}

#[test]
fn h18_a_drain_takes_a_pool_that_is_removed_meanwhile_into_account() {
    let runtime =
        Arc::new(Runtime::builder().pool("stays", workers(1)).pool("goes", workers(1)).start().unwrap());
    let gate = Gate::default();
    for _ in 0..20 {
        runtime.domain("goes").unwrap().submit(1, |_| ()).unwrap().result().unwrap();
    }
    gate.occupy(&runtime.domain("stays").unwrap(), 1, 1);
    let draining = beside({
        let runtime = runtime.clone();
        move || runtime.drain(GENEROUS)
    });
    eventually("the door is closed", || runtime.status().admission.closed);
    // Whether that is still possible or not, the books have to balance.
    drop(runtime.remove_pool("goes", GENEROUS));
    gate.open();
    let report = draining.join();
    assert!(report.is_clean());
    assert_eq!(report.finished, 1, "only the job that was held up ended during the drain");
}
