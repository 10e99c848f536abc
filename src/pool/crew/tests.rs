//! Workers that are lost, die and move, with no tick in between: time stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::time::Moment;
use crate::{Clock, Context, Idle, Kind, Pool, PoolConfig, Runtime};

fn config(min_workers: u32, max_workers: u32) -> PoolConfig {
    let kind = Kind::Blocking;
    PoolConfig { min_workers, max_workers, kind, idle: Idle::Park, pin: false, ..PoolConfig::default() }
}

fn runtime(pools: &[(&str, PoolConfig)]) -> Runtime {
    let (clock, _) = Clock::manual();
    let builder = Runtime::builder().clock(clock);
    let builder = pools.iter().fold(builder, |builder, (name, config)| builder.pool(*name, config.clone()));
    let runtime = builder.start().unwrap();
    // The only tick that comes by itself.
    eventually(|| runtime.status().control.ticks == 1);
    runtime
}

fn eventually(mut condition: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("still not so");
}

/// Keeps so many workers of a pool busy with this, which is told of the flag.
fn occupy(runtime: &Runtime, pool: &str, jobs: u32, job: fn(&Context<'_>, &AtomicBool)) -> Arc<AtomicBool> {
    let (flag, inside) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let domain = runtime.domain(pool).unwrap();
    for n in 1..=jobs {
        let (flag, begun) = (flag.clone(), inside.clone());
        let work = move |context: &Context<'_>| {
            begun.fetch_add(1, Ordering::SeqCst);
            job(context, &flag);
        };
        assert!(domain.execute(1, work).is_ok());
        eventually(|| inside.load(Ordering::SeqCst) == n);
    }
    flag
}

fn wait(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_micros(100));
    }
}

fn pool(runtime: &Runtime, name: &str) -> Pool {
    runtime.pool(name).unwrap()
}

/// Its drop panics, which ends the worker.
struct Poison;

impl Drop for Poison {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the poison works");
    }
}

// On its way to another pool, a worker was nobody's: its job could hang for ever, and nobody gave it up.
#[test]
fn a_worker_that_hangs_on_its_way_is_given_up_where_it_is_expected() {
    let (clock, time) = Clock::manual();
    let config = || PoolConfig { stall_after: Duration::from_secs(3600), ..config(1, 8) };
    let runtime = Runtime::builder().clock(clock).pool("a", config()).pool("b", config()).start().unwrap();
    eventually(|| runtime.status().control.ticks == 1);
    let (a, b) = (pool(&runtime, "a"), pool(&runtime, "b"));
    a.scale_to(2).unwrap();
    a.auto();
    let flag = occupy(&runtime, "a", 2, |_, flag| wait(flag));
    assert_eq!(a.send(&b, 1), 1);
    let sent = |name: &str| b.status().worker_status.into_iter().find(|worker| worker.name.starts_with(name));
    time.advance(Duration::from_secs(5));
    assert_eq!(
        sent("hj-a").unwrap().running_for,
        Some(Duration::from_secs(5)),
        "it is seen in its old place"
    );
    let since = Moment::from_nanos(runtime.clock().now().as_nanos() - 1);
    assert_eq!(b.give_up(since, 9).len(), 1);
    assert_eq!(sent("hj-a").unwrap().duty, crate::Duty::Lost);
    b.tend();
    assert_eq!((a.status().workers, b.status().workers, b.status().lost_workers), (1, 2, 1));
    flag.store(true, Ordering::SeqCst);
    eventually(|| sent("hj-a").is_none());
    b.tend();
    assert_eq!((a.status().workers, b.status().workers, b.status().lost_workers), (1, 2, 0));
    assert_eq!(a.status().completed, 2, "its job was done where it began");
}

// The replacement was an ordinary worker, so that the surge lacked one, and the pool grew by one for each that died.
#[test]
fn who_replaces_a_dead_surge_worker_is_one() {
    let runtime = runtime(&[("web", config(1, 8))]);
    let web = pool(&runtime, "web");
    web.resize(3, 2);
    let flag = occupy(&runtime, "web", 3, |context, flag| {
        wait(flag);
        if context.worker() == 2 {
            std::panic::panic_any(Poison);
        }
    });
    flag.store(true, Ordering::SeqCst);
    eventually(|| {
        web.tend();
        web.status().replaced_workers == 1
    });
    assert_eq!((web.status().workers, web.status().surge_workers), (3, 2));
}

// The same.
#[test]
fn who_replaces_a_lost_surge_worker_is_one() {
    let runtime = runtime(&[("web", config(1, 8))]);
    let web = pool(&runtime, "web");
    web.resize(3, 2);
    let flag = occupy(&runtime, "web", 3, |_, flag| wait(flag));
    assert_eq!(web.give_up(Moment::from_nanos(u64::MAX), 2).len(), 2);
    web.tend();
    let status = web.status();
    assert_eq!((status.workers, status.lost_workers, status.surge_workers), (3, 2, 2));
    flag.store(true, Ordering::SeqCst);
}

// Only the pools whose own workers were late were told; its job ran in one of the others, and was left behind.
#[test]
fn the_job_of_a_worker_on_its_way_is_cancelled_at_the_end_as_well() {
    let runtime = runtime(&[("from", config(1, 2)), ("to", config(1, 2))]);
    let (from, to) = (pool(&runtime, "from"), pool(&runtime, "to"));
    from.resize(2, 0);
    // The worker that stays is told by the flag, the one that goes is not.
    let flag = occupy(&runtime, "from", 2, |context, flag| {
        let told = || context.worker() == 0 && flag.load(Ordering::SeqCst);
        while !context.is_cancelled() && !told() {
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    assert_eq!(from.send(&to, 1), 1);
    flag.store(true, Ordering::SeqCst);
    eventually(|| from.status().completed == 1);
    let report = runtime.stop(Duration::from_millis(10));
    assert_eq!(report.unjoined, Vec::<String>::new());
}

// It was sent workers beyond those it was still missing, and then these were started as well.
#[test]
fn a_pool_that_lacks_workers_does_not_exceed_its_maximum_when_some_are_sent() {
    let runtime = runtime(&[("from", config(1, 2)), ("to", config(1, 4))]);
    let (from, to) = (pool(&runtime, "from"), pool(&runtime, "to"));
    from.resize(2, 0);
    {
        let (mut from_crew, mut to_crew) = (from.crew.lock(), to.crew.lock());
        // The system gives no threads.
        to_crew.wanted = 4;
        assert_eq!(from_crew.send(&from.shared, &mut to_crew, &to.shared, 1), 1);
    }
    to.tend();
    assert_eq!(to.status().workers, 4);
}
