//! H1: one or more pools per domain, with 1 to 50 workers each, pinned or not, idling as told.

use std::collections::BTreeSet;
use std::time::Duration;

use heijunka::{Domain, Idle, Pinning, PoolConfig, Runtime, Unpinned};

use crate::common::{Gate, Outcome, eventually, pool_status, single, workers, workers_of};

#[test]
fn h01_a_domain_has_as_many_pools_as_name_it() {
    let runtime = Runtime::builder()
        .pool("card", workers_of("payment", 1))
        .pool("bank", workers_of("payment", 1))
        .pool("mail", workers(2))
        .start()
        .unwrap();
    assert_eq!(runtime.domains(), ["mail", "payment"]);
    let used = |domain: &str| {
        let domain = runtime.domain(domain).unwrap();
        let pool = |key: u64| domain.submit(key, |job| job.pool().to_owned()).unwrap().result().unwrap();
        (0..64).map(pool).collect::<BTreeSet<_>>()
    };
    assert_eq!(used("payment").into_iter().collect::<Vec<_>>(), ["bank", "card"]);
    assert_eq!(used("mail").into_iter().collect::<Vec<_>>(), ["mail"]);
    assert!(runtime.domain("parcels").is_none() && runtime.pool("parcels").is_none());
}

#[test]
fn h01_all_workers_of_a_pool_run_jobs_at_the_same_time() {
    let (runtime, domain) = single("wide", workers(50));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 50);
    let status = pool_status(&runtime, "wide");
    assert_eq!((status.workers, status.in_flight, status.queue_length), (50, 50, 0));
    gate.open();
    eventually("all have ended", || pool_status(&runtime, "wide").completed == 50);
}

/// One by one, with the workers asleep or spinning in between; then many at once.
fn works(domain: &Domain) {
    for n in 0..200_u64 {
        assert_eq!(domain.submit(n, move |_| n * 2).unwrap().result(), Ok(n * 2));
        if n % 20 == 0 {
            // Past the spinning, into sleep.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let many: Vec<_> = (0..200_u64).map(|n| domain.submit(n, move |_| n).unwrap()).collect();
    assert!(many.iter().zip(0..).all(|(handle, n)| handle.result() == Ok(n)));
}

#[test]
fn h01_every_idle_strategy_finds_its_work() {
    for (name, idle) in [("spin", Idle::Spin), ("backoff", Idle::default()), ("park", Idle::Park)] {
        for count in [1, 3] {
            let (runtime, domain) = single(name, PoolConfig { idle, ..workers(count) });
            works(&domain);
            assert_eq!(pool_status(&runtime, name).completed, 400, "{name}");
        }
    }
}

#[test]
fn h01_where_each_worker_runs_is_told() {
    let pools = |pin| PoolConfig { pin, ..workers(2) };
    let runtime =
        Runtime::builder().pool("pinned", pools(true)).pool("floating", pools(false)).start().unwrap();
    let pinning = |pool: &str| {
        pool_status(&runtime, pool).worker_status.iter().map(|worker| worker.pinning).collect::<Vec<_>>()
    };
    let starting = Pinning::Floating(Unpinned::Starting);
    eventually("all workers have started", || {
        !pinning("pinned").iter().chain(&pinning("floating")).any(|pinning| *pinning == starting)
    });
    assert_eq!(pinning("floating"), [Pinning::Floating(Unpinned::Configured); 2]);
    for pinning in pinning("pinned") {
        match pinning {
            Pinning::Core(_) | Pinning::Shared(_) => {}
            // Typed and visible where the system does not allow it.
            Pinning::Floating(why) => assert!(matches!(why, Unpinned::Unsupported | Unpinned::Refused(_))),
            other => panic!("{other:?}"),
        }
    }
    let names: Vec<_> =
        pool_status(&runtime, "pinned").worker_status.into_iter().map(|worker| worker.name).collect();
    assert_eq!(names, ["hj-pinned-0", "hj-pinned-1"]);
}

#[test]
fn h01_two_workers_never_claim_one_core_for_themselves() {
    let (runtime, _) = single("cores", PoolConfig { pin: true, ..workers(8) });
    let starting = Pinning::Floating(Unpinned::Starting);
    let pinnings = || {
        pool_status(&runtime, "cores")
            .worker_status
            .into_iter()
            .map(|worker| worker.pinning)
            .collect::<Vec<_>>()
    };
    eventually("all workers have started", || !pinnings().contains(&starting));
    let mut own: Vec<usize> = pinnings()
        .into_iter()
        .filter_map(|pinning| if let Pinning::Core(core) = pinning { Some(core) } else { None })
        .collect();
    let claimed = own.len();
    assert!(claimed <= runtime.core_budget());
    own.sort_unstable();
    own.dedup();
    assert_eq!(own.len(), claimed);
}
