//! H13: what a rebalance on demand answers, whatever the reason, and who takes no part in it.

use std::time::Duration;

use heijunka::{Author, BalanceConfig, Builder, Key, Kind, PoolConfig, Runtime, ScalingConfig, Why};

use crate::common::load::{NAP, Relays, accounted, elastic, elastic_of, fast, journal, ticks, told};
use crate::common::{Outcome, pool_status};

/// Pools keep the sizes they are given; only balance moves workers, and only when it is asked to: a pool must have been watched
/// for an hour before the control thread takes workers from it.
fn by_request() -> Builder {
    let calm = Duration::from_secs(3600);
    fast(20).scaling(ScalingConfig { auto: false, calm, ..ScalingConfig::default() })
}

/// `payment` of 2 workers and `delivery` of 8, which it may shrink from to 2.
fn uneven(builder: Builder, delivery: PoolConfig) -> Runtime {
    let runtime = builder.pool("payment", elastic(2, 10)).pool("delivery", delivery).start().unwrap();
    let pool = runtime.pool("delivery").unwrap();
    pool.scale_to(8).unwrap();
    pool.auto();
    ticks(&runtime, 4);
    runtime
}

fn payment(runtime: &Runtime, busy: u64) -> Relays {
    let relays = Relays::new(runtime, "payment", NAP);
    relays.set(busy);
    ticks(runtime, 4);
    relays
}

/// Asks until the answer is the one expected.
fn answer(runtime: &Runtime, expected: &str) {
    let mut last = None;
    for _ in 0..2000 {
        let decision = runtime.rebalance();
        assert_eq!(decision.moves.is_empty(), decision.why != Why::Moved, "{decision}");
        if decision.why.name() == expected {
            return;
        }
        last = Some(decision);
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{expected} was expected, not {}{}", last.unwrap(), journal(runtime));
}

fn sizes(runtime: &Runtime) -> (u32, u32) {
    (pool_status(runtime, "payment").workers, pool_status(runtime, "delivery").workers)
}

/// However overloaded payment is, delivery gives nothing, for this reason.
fn stays(runtime: &Runtime, why: &str) {
    let relays = payment(runtime, 2);
    answer(runtime, why);
    assert_eq!(sizes(runtime), (2, 8));
    relays.end();
    accounted(runtime);
}

#[test]
fn h13_a_rebalance_on_demand_moves_workers_and_then_cools_down() {
    let balance = BalanceConfig { cooldown: Duration::from_secs(3600), ..BalanceConfig::default() };
    let runtime = uneven(by_request().balance(balance), elastic(2, 10));
    answer(&runtime, "balanced");
    let relays = payment(&runtime, 1);
    answer(&runtime, "nothing_overloaded");
    assert_eq!(sizes(&runtime), (2, 8));
    relays.set(2);
    answer(&runtime, "moved");
    assert_eq!(sizes(&runtime), (3, 7), "one is enough, and the total is kept");
    let moved = told(&runtime, Author::Balance, None, "moved");
    assert!(moved.len() == 1 && moved[0].decision.ends_with("1 from delivery to payment"), "{}", moved[0]);
    relays.set(6);
    answer(&runtime, "cooldown");
    let decision = runtime.rebalance();
    assert!(matches!(decision.why, Why::Cooldown(left) if left <= Duration::from_secs(3600)), "{decision}");
    assert_eq!(sizes(&runtime), (3, 7));
    relays.end();
    accounted(&runtime);
}

#[test]
fn h13_who_was_busy_lately_must_stay_calm_before_it_gives() {
    let runtime = uneven(by_request(), elastic(2, 10));
    let delivery = Relays::new(&runtime, "delivery", NAP);
    delivery.set(7);
    ticks(&runtime, 8);
    delivery.end();
    stays(&runtime, "calm");
}

#[test]
fn h13_switched_off_nothing_moves_even_if_asked() {
    let balance = BalanceConfig { enabled: false, ..BalanceConfig::default() };
    let runtime = uneven(by_request().balance(balance), elastic(2, 10));
    stays(&runtime, "disabled");
}

#[test]
fn h13_pools_scaled_by_hand_neither_give_nor_take() {
    let runtime = uneven(by_request(), elastic(2, 10));
    let relays = payment(&runtime, 2);
    runtime.pool("delivery").unwrap().scale_to(8).unwrap();
    answer(&runtime, "nobody_to_give");
    runtime.pool("delivery").unwrap().auto();
    runtime.pool("payment").unwrap().scale_to(2).unwrap();
    answer(&runtime, "nothing_overloaded");
    assert_eq!(sizes(&runtime), (2, 8));
    runtime.pool("payment").unwrap().auto();
    answer(&runtime, "moved");
    assert_eq!(sizes(&runtime), (3, 7));
    relays.end();
    accounted(&runtime);
}

#[test]
fn h13_a_pool_at_its_minimum_gives_nothing() {
    let runtime = uneven(by_request(), elastic(8, 10));
    stays(&runtime, "nobody_to_give");
}

#[test]
fn h13_pools_of_different_kinds_exchange_no_workers() {
    let runtime = uneven(by_request(), PoolConfig { kind: Kind::Cpu, ..elastic(2, 10) });
    stays(&runtime, "nobody_to_give");
}

#[test]
fn h13_a_hot_key_is_reported_and_stays_where_it_is() {
    let runtime =
        fast(32).pool("a", elastic_of("web", 2, 2)).pool("b", elastic_of("web", 2, 2)).start().unwrap();
    let domain = runtime.domain("web").unwrap();
    let home = |key: &str| domain.submit(key, |job| job.pool().to_owned()).unwrap().result().unwrap();
    let pool = home("celebrity");
    let (mut others, mut hot) = (0_u64, Vec::new());
    // What was seen fades: the first report is kept.
    while hot.is_empty() {
        for _ in 0..20 {
            assert_eq!(home("celebrity"), pool, "its data is warm there");
            others += 1;
            domain.submit(others, |_| ()).unwrap().result().unwrap();
        }
        hot = runtime.status().hot_keys;
        assert!(others < 20_000, "nobody sees the hot key");
    }
    assert_eq!((hot.len(), hot[0].pool.as_str(), hot[0].key), (1, pool.as_str(), Key::from("celebrity")));
    assert!((0.15..=1.0).contains(&hot[0].share), "{hot:?}");
    let entries = told(&runtime, Author::Balance, Some(&pool), "hot_key");
    assert_eq!(entries.len(), 1, "{}", journal(&runtime));
    assert!(
        entries[0].decision.contains(&format!("{:#018x}", Key::from("celebrity").as_u64())),
        "{}",
        entries[0]
    );
    assert_eq!(home("celebrity"), pool);
    accounted(&runtime);
}
