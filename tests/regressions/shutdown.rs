//! Stopping and draining: nothing lost, nobody waited for in vain, everything named.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use heijunka::{
    ChangeError, Clock, Context, Domain, JobError, JobHandle, Limits, PoolConfig, Reason, Regulator, Runtime,
    ScaleError, WaitError,
};

use crate::common::{Counter, GENEROUS, Gate, Outcome, beside, eventually, pool_status, single, workers};

const SHORT: Duration = Duration::from_millis(10);
const ABANDONED: WaitError = WaitError::Job(JobError::Abandoned);

/// Submits until the runtime is closed; returns the handles of all that was accepted.
fn submit_until_closed(domain: &Domain, batch: u32, sent: &Counter, ran: &Counter) -> Vec<JobHandle<()>> {
    let mut handles = Vec::new();
    loop {
        let jobs = (0..batch).map(|_| {
            let (sent, ran) = (sent.clone(), ran.clone());
            sent.add();
            move |_: &Context<'_>| ran.add()
        });
        match domain.job(1).submit_many(jobs) {
            Ok(accepted) => handles.extend(accepted),
            Err(refused) => {
                let reason = refused.rejected().reason();
                handles.extend(refused.into_parts().0);
                match reason {
                    Reason::Closed => return handles,
                    Reason::LaneFull | Reason::HardLimit => std::thread::yield_now(),
                    other => panic!("refused with {other}"),
                }
            }
        }
    }
}

/// Stops a runtime at different moments of a stream of submissions, and settles the account.
fn stop_in_a_stream(pool: &str, leave_one_behind: bool) {
    for round in 0..20 {
        let config = PoolConfig { lane: 4096, ..workers(2) };
        let runtime = Runtime::builder().limits(20_000, 20_000).reserve(0.0).pool(pool, config);
        let runtime = runtime.start().unwrap();
        let domain = runtime.domain(pool).unwrap();
        let gate = Gate::default();
        if leave_one_behind {
            gate.occupy(&domain, 1, 1);
        }
        let (sent, ran) = (Counter::default(), Counter::default());
        let submitters = [1, 300].map(|batch| {
            let (domain, sent, ran) = (domain.clone(), sent.clone(), ran.clone());
            beside(move || submit_until_closed(&domain, batch, &sent, &ran))
        });
        eventually("the stream flows", || sent.get() > round * 37);
        let report = runtime.stop(if leave_one_behind { SHORT } else { GENEROUS });
        assert_eq!(report.unjoined.is_empty(), !leave_one_behind, "{report:?}");
        let handles: Vec<_> = submitters.into_iter().flat_map(crate::common::Background::join).collect();
        // Every handle answers, although the worker left behind is still at its job.
        let mut back = 0;
        for handle in &handles {
            match handle.result() {
                Ok(()) => {}
                Err(ABANDONED) => back += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(ran.get() + back, handles.len() as u64, "accepted = ran + handed back");
        gate.open();
        eventually("all permits are back", || runtime.status().admission.in_flight == 0);
        let status = pool_status(&runtime, pool);
        assert_eq!((status.completed, status.abandoned), (ran.get() + u64::from(leave_one_behind), back));
        assert_eq!(status.queue_length, 0);
    }
}

// Jobs that arrived between the last look of the workers and the closing of the lanes stayed there for ever.
#[test]
fn stop_loses_nothing_of_what_submitters_bring_meanwhile() {
    stop_in_a_stream("stream", false);
}

// With a worker left behind the lanes were not even closed, until that worker came back.
#[test]
fn stop_loses_nothing_when_it_leaves_a_worker_behind() {
    stop_in_a_stream("behind", true);
}

// A batch admitted before the stop, and brought after it, lay in the lane of the stuck worker unanswered.
#[test]
fn a_batch_that_comes_after_the_stop_is_handed_back_at_once() {
    let (runtime, domain) = single("batched", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let (entered, has_entered) = channel();
    let (go, may_go) = channel::<()>();
    let batch = beside(move || {
        let jobs = [1, 2].into_iter().map(move |n| {
            let _ = entered.send(());
            // Until the other end is dropped.
            let _ = may_go.recv();
            move |_: &Context<'_>| n
        });
        domain.job(1).submit_many(jobs).map_err(|refused| refused.rejected())
    });
    has_entered.recv_timeout(GENEROUS).unwrap();
    assert!(!runtime.stop(SHORT).is_clean());
    drop(go);
    let handles = batch.join().unwrap();
    assert_eq!(handles.len(), 2);
    for handle in handles {
        assert_eq!(handle.result(), Err(ABANDONED));
    }
    let status = pool_status(&runtime, "batched");
    assert_eq!((status.queue_length, status.abandoned), (0, 2));
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}

// The panic went through stop: no thread joined, no report, the other handles without an answer.
#[test]
fn work_that_panics_when_it_is_dropped_does_not_disturb_stop() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "the bomb went off");
        }
    }
    let (runtime, domain) = single("bombs", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let bomb = Bomb;
    domain.execute(1, move |_| drop(bomb)).unwrap();
    let handles: Vec<_> = (0..3).map(|n| domain.submit(1, move |_| n).unwrap()).collect();
    let report = runtime.stop(SHORT);
    assert_eq!((report.abandoned, report.unjoined), (4, vec!["hj-bombs-0".to_owned()]));
    for handle in handles {
        assert_eq!(handle.result(), Err(ABANDONED));
    }
    assert_eq!(pool_status(&runtime, "bombs").abandoned, 4);
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}

// Waiting jobs were told only after the running ones had ended; and a pool scaled meanwhile outlived its runtime.
#[test]
fn stop_hands_back_what_waits_before_what_runs_has_ended() {
    let (runtime, domain) = single("prompt", PoolConfig { max_workers: 4, ..workers(1) });
    let runtime = Arc::new(runtime);
    let pool = runtime.pool("prompt").unwrap();
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let waiting = domain.submit(1, |_| ()).unwrap();
    let stopping = {
        let runtime = runtime.clone();
        beside(move || runtime.stop(GENEROUS))
    };
    assert_eq!(waiting.result(), Err(ABANDONED));
    assert!(matches!(pool.scale_to(2), Err(ScaleError::Stopped)), "while stop still waits");
    gate.open();
    let report = stopping.join();
    assert_eq!((report.finished, report.abandoned, report.unjoined.len()), (1, 1, 0));
    // And after it.
    assert!(matches!(pool.scale_to(3), Err(ScaleError::Stopped)));
    assert!(matches!(pool.scale_up(), Err(ScaleError::Stopped)));
    assert_eq!(pool.status().workers, 0);
    #[cfg(target_os = "linux")]
    eventually("no thread is left", || crate::common::threads("hj-prompt").is_empty());
}

// The pool got workers that nobody was ever to stop.
#[test]
fn no_pool_is_added_after_the_end() {
    let (runtime, _domain) = single("first", workers(1));
    assert!(runtime.stop(GENEROUS).is_clean());
    assert!(matches!(runtime.add_pool("late", &workers(2)), Err(ChangeError::Ended)));
    assert!(runtime.pool("late").is_none() && runtime.domain("late").is_none());
    #[cfg(target_os = "linux")]
    assert!(crate::common::threads("hj-late").is_empty());
}

// The figures of the pool were missing at the end, and the report underflowed.
#[test]
fn no_pool_is_removed_during_or_after_the_end() {
    let runtime = Runtime::builder().pool("stays", workers(1)).pool("goes", workers(1)).start().unwrap();
    let runtime = Arc::new(runtime);
    let (stays, goes) = (runtime.domain("stays").unwrap(), runtime.domain("goes").unwrap());
    for _ in 0..5 {
        goes.submit(1, |_| ()).unwrap().result().unwrap();
    }
    let gate = Gate::default();
    gate.occupy(&stays, 1, 1);
    let draining = {
        let runtime = runtime.clone();
        beside(move || runtime.drain(GENEROUS))
    };
    let probe = || runtime.set_domain_group("stays", "no such group");
    eventually("the end has begun", || matches!(probe(), Err(ChangeError::Ended)));
    assert!(matches!(runtime.remove_pool("goes", SHORT), Err(ChangeError::Ended)));
    gate.open();
    let report = draining.join();
    assert_eq!((report.finished, report.abandoned, report.is_clean()), (1, 0, true));
    assert!(matches!(runtime.remove_pool("goes", SHORT), Err(ChangeError::Ended)));
}

// Stop knew nothing of it: a clean report, while the thread ran on.
#[test]
fn stop_knows_a_removed_pool_whose_job_still_runs() {
    for left_behind in [true, false] {
        let runtime = Runtime::builder().pool("home", workers(1)).pool("gone", workers(1)).start().unwrap();
        let domain = runtime.domain("gone").unwrap();
        let gate = Gate::default();
        gate.occupy(&domain, 1, 1);
        assert_eq!(runtime.remove_pool("gone", SHORT).unwrap(), 0);
        assert!(runtime.pool("gone").is_none());
        if left_behind {
            let report = runtime.stop(SHORT);
            assert!(report.unjoined.contains(&"hj-gone-0".to_owned()), "{report:?}");
            gate.open();
        } else {
            gate.open();
            let report = runtime.stop(GENEROUS);
            assert!(report.is_clean(), "{report:?}");
        }
        #[cfg(target_os = "linux")]
        eventually("the thread has ended", || crate::common::threads("hj-gone").is_empty());
        eventually("all permits are back", || runtime.status().admission.in_flight == 0);
    }
}

// Removed with its job running, the job was never told that the runtime ends.
#[test]
fn a_job_of_a_removed_pool_sees_itself_cancelled_when_the_runtime_ends() {
    let runtime = Runtime::builder().pool("rest", workers(1)).pool("outcast", workers(1)).start().unwrap();
    let (begun, has_begun) = channel();
    let job = move |context: &Context<'_>| {
        begun.send(()).unwrap();
        while !context.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let handle = runtime.domain("outcast").unwrap().submit(1, job).unwrap();
    has_begun.recv_timeout(GENEROUS).unwrap();
    runtime.remove_pool("outcast", SHORT).unwrap();
    runtime.stop(SHORT);
    assert_eq!(handle.result(), Ok(()));
}

// The deadline was counted on the runtime's clock, which stood still.
#[test]
fn stop_returns_on_a_clock_that_stands_still_although_a_job_is_stuck() {
    let (clock, _time) = Clock::manual();
    let runtime = Runtime::builder().clock(clock).pool("frozen", workers(1)).start().unwrap();
    let gate = Gate::default();
    gate.occupy(&runtime.domain("frozen").unwrap(), 1, 1);
    let runtime = Arc::new(runtime);
    let stopping = {
        let runtime = runtime.clone();
        beside(move || runtime.stop(SHORT))
    };
    assert_eq!(stopping.join().unjoined, ["hj-frozen-0"]);
}

// Closing a regulator that nothing is in flight of woke nobody: the drain waited until its deadline.
#[test]
fn a_drain_with_nothing_in_flight_waits_for_nothing() {
    let regulator = Arc::new(Regulator::new(Limits::new(4, 4, 0).unwrap()));
    let draining = {
        let regulator = regulator.clone();
        beside(move || regulator.wait_drained(Duration::from_secs(3600)))
    };
    // Most likely it waits by now; if not, the test is the weaker, not wrong.
    std::thread::sleep(SHORT);
    regulator.close();
    assert!(draining.join());
    assert!(regulator.wait_drained(Duration::ZERO));
}

// The permits of jobs left in the lanes pointed to a regulator that was gone.
#[test]
fn handles_kept_beyond_the_runtime_are_harmless() {
    let runtime = Runtime::builder().pool("kept", workers(1)).start().unwrap();
    let regulator = Arc::downgrade(runtime.regulator());
    let (pool, domain) = (runtime.pool("kept").unwrap(), runtime.domain("kept").unwrap());
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let waiting = domain.submit(1, |_| ()).unwrap();
    runtime.stop(SHORT);
    drop(runtime);
    assert_eq!(waiting.result(), Err(ABANDONED));
    assert_eq!(domain.submit(1, |_| ()).unwrap_err().rejected().reason(), Reason::Closed);
    assert!(matches!(pool.scale_to(1), Err(ScaleError::Stopped)));
    drop(domain);
    gate.open();
    eventually("the job left behind ends", || pool.status().completed == 1);
    assert_eq!((pool.status().abandoned, pool.status().in_flight), (1, 0));
    drop(pool);
    eventually("all is freed", || regulator.strong_count() == 0);
}
