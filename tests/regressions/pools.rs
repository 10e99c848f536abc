//! Workers: idle, busy, checked out, dead.

use std::sync::Arc;

use heijunka::{Context, Idle, JobError, PoolConfig, Reason, WaitError};

use crate::common::{GENEROUS, Gate, Outcome, beside, eventually, pool_status, single, workers};

/// How many of the process's threads whose names start so are not asleep.
#[cfg(target_os = "linux")]
fn awake(prefix: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    // `id (name) state ...`
    let is_awake = |stat: &String| {
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        (name.starts_with(prefix) && !rest.starts_with('S')).then_some(())
    };
    stats.filter(|stat| is_awake(stat).is_some()).count()
}

// Once a job had woken them, all workers of the pool went on spinning.
#[cfg(target_os = "linux")]
#[test]
fn at_most_one_idle_worker_spins() {
    let (runtime, domain) = single("spinners", PoolConfig { idle: Idle::Spin, ..workers(4) });
    // Two rounds at the gate get every worker up.
    for _ in 0..2 {
        let gate = Gate::default();
        (0..4).for_each(|_| domain.execute(1, gate.job()).unwrap());
        gate.wait_for(4);
    }
    for n in 0..50 {
        assert_eq!(domain.submit(1, move |_| n).unwrap().result(), Ok(n));
    }
    // Nothing comes any more, so that they come to rest; a spinner shows in every sample.
    let mut calm = 0;
    eventually("all but one sleep", || {
        calm = if awake("hj-spinners") <= 1 { calm + 1 } else { 0 };
        calm == 20
    });
    assert_eq!(pool_status(&runtime, "spinners").in_flight, 0);
}

// The status took an only worker that spins between jobs for idle all the time.
#[test]
fn the_job_of_an_only_worker_that_spins_is_in_flight() {
    let (runtime, domain) = single("only", PoolConfig { idle: Idle::Spin, ..workers(1) });
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    assert_eq!(pool_status(&runtime, "only").in_flight, 1);
    domain.execute(1, |_| ()).unwrap();
    assert_eq!(pool_status(&runtime, "only").in_flight, 2);
    gate.open();
    eventually("both have ended", || pool_status(&runtime, "only").in_flight == 0);
}

// The worker was shown as running a job from then on, and its pool as ever busier.
#[test]
fn a_cancelled_job_leaves_its_worker_idle() {
    let (runtime, domain) = single("cancelled", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let handle = domain.submit(1, |_| 1).unwrap();
    handle.cancel();
    gate.open();
    assert_eq!(handle.result(), Err(WaitError::Job(JobError::Cancelled)));
    let status = pool_status(&runtime, "cancelled");
    assert_eq!((status.cancelled, status.completed, status.in_flight), (1, 1, 0));
    assert_eq!(status.worker_status[0].running_for, None);
    let busy = status.busy;
    assert_eq!(pool_status(&runtime, "cancelled").busy, busy, "no more work, no more busy time");
}

// It waited for itself, and for ever.
#[test]
fn a_call_on_a_checked_out_worker_cannot_run_another_there() {
    let (runtime, domain) = single("nested", workers(1));
    let checkout = Arc::new(domain.checkout(1, GENEROUS).unwrap());
    let calling = {
        let checkout = checkout.clone();
        beside(move || {
            let inner = checkout.clone();
            checkout.run(move |_| inner.run(|_| 1))
        })
    };
    assert_eq!(calling.join(), Ok(Err(JobError::OnWorker)));
    assert_eq!(checkout.run(|_| 2), Ok(2), "it is as good as before");
    drop(checkout);
    assert!(runtime.stop(GENEROUS).is_clean());
}

// Room for all the handles was asked for before admission: a capacity overflow.
#[test]
fn a_batch_beyond_all_bounds_is_refused_as_too_large() {
    let (runtime, domain) = single("huge", workers(1));
    let refused = domain.job(1).submit_many((0..usize::MAX).map(|n| move |_: &Context<'_>| n)).unwrap_err();
    assert_eq!(refused.rejected().reason(), Reason::TooLarge);
    let (accepted, mut rest) = refused.into_parts();
    assert!(accepted.is_empty());
    assert_eq!(rest.size_hint(), (usize::MAX, Some(usize::MAX)), "all of it comes back");
    assert!(rest.next().is_some());
    let refused = domain.job(1).execute_many((0..usize::MAX).map(|_| |_: &Context<'_>| ())).unwrap_err();
    assert_eq!(refused.rejected().reason(), Reason::TooLarge);
    assert_eq!(runtime.status().admission.in_flight, 0);
}

// Dead threads were joined at the very end only, and kept their stacks until then.
#[test]
fn workers_that_died_do_not_pile_up() {
    struct Poison;
    impl Drop for Poison {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "the poison works");
        }
    }
    const DEATHS: u64 = 200;
    let (runtime, domain) = single("mortals", workers(1));
    for deaths in 1..=DEATHS {
        domain.execute(1, |_| std::panic::panic_any(Poison)).unwrap();
        eventually("it is replaced", || pool_status(&runtime, "mortals").replaced_workers == deaths);
    }
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1), "the pool serves on");
    let status = pool_status(&runtime, "mortals");
    assert_eq!((status.workers, status.worker_status.len()), (1, 1));
    assert_eq!((status.failed, status.completed, status.in_flight), (DEATHS, 1, 0));
    #[cfg(target_os = "linux")]
    {
        eventually("one thread is left", || crate::common::threads("hj-mortals").len() == 1);
        // Every stack has a guard; those of threads that were not joined stay. The system keeps some twenty for reuse.
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let guards = maps.lines().filter(|map| map.contains(" ---p 00000000 00:00 0")).count() as u64;
        assert!(guards < DEATHS / 2, "{guards} guarded mappings after {DEATHS} deaths");
    }
    assert!(runtime.stop(GENEROUS).is_clean());
}
