//! What becomes of a pool's keys when it has half of its share, or none.

use std::time::Duration;

use super::Share;
use crate::{Affinity, Context, GroupConfig, Idle, Key, PoolConfig, Reason, Runtime};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Three pools of one group, in which the domain `a` is routed.
fn three(affinity: Affinity) -> Runtime {
    let pool = PoolConfig { min_workers: 1, idle: Idle::Park, pin: false, ..PoolConfig::default() };
    let builder =
        NAMES.into_iter().fold(Runtime::builder(), |builder, name| builder.pool(name, pool.clone()));
    let group = GroupConfig { pools: NAMES.map(str::to_owned).into(), affinity };
    left_alone(builder.group("a", group))
}

/// By a clock that stands still, so that nobody but the test gives shares after the first tick.
fn left_alone(builder: crate::Builder) -> Runtime {
    let runtime = builder.clock(crate::Clock::manual().0).start().unwrap();
    while runtime.status().control.ticks == 0 {
        std::thread::yield_now();
    }
    runtime
}

fn give(runtime: &Runtime, pool: &str, share: Share) {
    let mut registry = runtime.core.registry.lock();
    registry.pools.get_mut(pool).unwrap().share = share;
    registry.publish().unwrap();
}

/// The pool that each of some keys is sent to, if any.
fn places(runtime: &Runtime) -> Vec<Option<String>> {
    let domain = runtime.domain("a").unwrap();
    let place = |key: u64| {
        let pin = domain.shared.router.pin();
        let now = runtime.clock().now();
        let target = domain.shared.router.route(Key::from(key), &pin).in_order(now).next()?;
        (!target.is_barred()).then(|| target.name().to_owned())
    };
    (0..2000).map(place).collect()
}

/// A key of the pool `a`, and one of another.
fn keys(runtime: &Runtime) -> (u64, u64) {
    let places = places(runtime);
    let find = |is_a: bool| places.iter().position(|place| (place.as_deref() == Some("a")) == is_a).unwrap();
    (find(true) as u64, find(false) as u64)
}

#[test]
fn strict_keys_of_a_pool_without_share_are_refused_and_the_work_handed_back() {
    let runtime = three(Affinity::Strict);
    let (key, other) = keys(&runtime);
    give(&runtime, "a", Share::None);
    let domain = runtime.domain("a").unwrap();
    let order = String::from("order 4711");
    let refused = domain.submit(key, move |_: &Context<'_>| order).unwrap_err();
    let rejected = refused.rejected();
    assert_eq!(rejected.reason(), Reason::Critical);
    assert_eq!(refused.to_string(), "the pool of this key is critical, and its affinity is strict");
    assert!(domain.retry_after(&rejected).is_some_and(|pause| pause > Duration::ZERO));
    let status = runtime.status().admission;
    assert_eq!((status.in_flight, status.refused.of(Reason::Critical)), (0, 1));
    assert_eq!(domain.submit(other, |_| 42).unwrap().wait().unwrap(), 42);
    // What came back is the work itself; once the pool has its share again, it runs.
    give(&runtime, "a", Share::Full);
    assert_eq!(domain.submit(key, refused.into_work()).unwrap().wait().unwrap(), "order 4711");
}

#[test]
fn a_batch_for_a_pool_without_share_is_refused_whole() {
    let runtime = three(Affinity::Strict);
    let (key, _) = keys(&runtime);
    give(&runtime, "a", Share::None);
    let domain = runtime.domain("a").unwrap();
    let refused = domain.job(key).submit_many((0..5).map(|n| move |_: &Context<'_>| n)).unwrap_err();
    assert_eq!((refused.rejected().reason(), refused.accepted()), (Reason::Critical, 0));
    let status = runtime.status().admission;
    assert_eq!((status.in_flight, status.refused.of(Reason::Critical)), (0, 1));
    give(&runtime, "a", Share::Full);
    let handles = domain.job(key).submit_many(refused.into_parts().1.collect::<Vec<_>>()).unwrap();
    let results = handles.into_iter().map(|handle| handle.wait().unwrap());
    assert_eq!(results.collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn strict_keys_stay_whatever_the_share() {
    let runtime = three(Affinity::Strict);
    let before = places(&runtime);
    give(&runtime, "a", Share::Half);
    assert_eq!(places(&runtime), before);
    give(&runtime, "a", Share::None);
    let refused_of_a = |place: &Option<String>| place.clone().filter(|name| name != "a");
    assert_eq!(places(&runtime), before.iter().map(refused_of_a).collect::<Vec<_>>());
}

#[test]
fn soft_keys_leave_a_pool_by_halves() {
    let runtime = three(Affinity::Soft);
    let before = places(&runtime);
    let of_a =
        |places: &[Option<String>]| places.iter().filter(|place| place.as_deref() == Some("a")).count();
    give(&runtime, "a", Share::Half);
    let half = places(&runtime);
    assert!(of_a(&half) > 0 && of_a(&half) < of_a(&before) * 3 / 4, "{} of {}", of_a(&half), of_a(&before));
    give(&runtime, "a", Share::None);
    let none = places(&runtime);
    assert_eq!(of_a(&none), 0);
    assert!(none.iter().all(Option::is_some), "soft keys go elsewhere");
    give(&runtime, "a", Share::Full);
    assert_eq!(places(&runtime), before);
}

#[test]
fn with_nowhere_else_to_go_soft_keys_stay() {
    let runtime = three(Affinity::Soft);
    let before = places(&runtime);
    for name in NAMES {
        give(&runtime, name, Share::None);
    }
    assert_eq!(places(&runtime), before);
}

#[test]
fn a_domain_without_a_group_goes_by_the_shares_of_its_own_pools() {
    let pool = PoolConfig {
        domain: Some("a".into()),
        min_workers: 1,
        idle: Idle::Park,
        pin: false,
        ..PoolConfig::default()
    };
    let runtime = left_alone(Runtime::builder().pool("x", pool.clone()).pool("y", pool));
    give(&runtime, "x", Share::None);
    assert!(places(&runtime).iter().all(|place| place.as_deref() == Some("y")));
}
