//! H2, the part that pools do by themselves: they grow under load, shrink after it, and say why, or why not.

use std::time::Duration;

use heijunka::{Author, Kind, PoolConfig, ScalingConfig};

use crate::common::load::{NAP, Relays, accounted, change, elastic, fast, journal, pass, ticks, told};
use crate::common::{eventually, pool_status};

/// Short, so that shrinking can be watched.
const CALM: Duration = Duration::from_secs(10);

fn calm() -> ScalingConfig {
    ScalingConfig { calm: CALM, ..ScalingConfig::default() }
}

#[test]
fn h02_a_pool_grows_under_load_and_shrinks_one_by_one_after_the_calm() {
    let runtime = fast(20).scaling(calm()).pool("tide", elastic(2, 20)).start().unwrap();
    let relays = Relays::new(&runtime, "tide", NAP);
    let size = || pool_status(&runtime, "tide").workers;
    // 6 of 8 busy are not too many, and 9 are what the target asks for, or few more: a job may overlap the next a little.
    relays.set(6);
    eventually("it has grown", || size() >= 8);
    ticks(&runtime, 8);
    assert!(size() <= 12, "{}", journal(&runtime));
    relays.end();
    eventually("it has shrunk", || size() == 2);

    let grown = told(&runtime, Author::Scaling, Some("tide"), "busy");
    let shrunk = told(&runtime, Author::Scaling, Some("tide"), "idle");
    assert!(grown.iter().all(|entry| change(entry).is_some_and(|(from, to)| to > from)));
    let sizes: Vec<_> = shrunk.iter().map(|entry| change(entry).unwrap()).collect();
    let steps: Vec<_> = (3..=sizes[0].0).rev().map(|from| (from, from - 1)).collect();
    assert_eq!(sizes, steps, "one at a time, from what it had grown to");
    let last_growth = grown.last().expect("it says why it grew").at;
    assert!(shrunk[0].at.since(last_growth) >= CALM, "{}", journal(&runtime));
    assert!(shrunk.windows(2).all(|pair| pair[1].at.since(pair[0].at) >= Duration::from_secs(1)));
    accounted(&runtime);
}

#[test]
fn h02_a_number_set_by_hand_holds_until_it_is_let_go() {
    let runtime = fast(20).scaling(calm()).pool("held", elastic(2, 20)).start().unwrap();
    let pool = runtime.pool("held").unwrap();
    let relays = Relays::new(&runtime, "held", NAP);
    pool.scale_to(4).unwrap();
    relays.set(8);
    pass(&runtime, CALM * 2);
    let status = pool_status(&runtime, "held");
    assert_eq!((status.workers, status.by_hand), (4, true), "whatever the load");
    assert_eq!(runtime.journal().len(), 0, "{}", journal(&runtime));
    pool.auto();
    eventually("the load decides again", || pool_status(&runtime, "held").workers > 4);
    assert!(!pool_status(&runtime, "held").by_hand);
    relays.end();
    pool.scale_to(8).unwrap();
    pass(&runtime, CALM * 3);
    assert_eq!(pool_status(&runtime, "held").workers, 8, "idle or not");
    pool.auto();
    eventually("it shrinks again", || pool_status(&runtime, "held").workers < 8);
    accounted(&runtime);
}

#[test]
fn h02_switched_off_only_hands_scale() {
    let scaling = ScalingConfig { auto: false, ..calm() };
    let runtime = fast(20).scaling(scaling).pool("fixed", elastic(2, 20)).start().unwrap();
    let relays = Relays::new(&runtime, "fixed", NAP);
    relays.set(8);
    pass(&runtime, CALM);
    assert_eq!(pool_status(&runtime, "fixed").workers, 2);
    relays.end();
    let pool = runtime.pool("fixed").unwrap();
    pool.scale_to(5).unwrap();
    pool.auto();
    pass(&runtime, CALM * 3);
    assert_eq!(pool_status(&runtime, "fixed").workers, 5, "nor does it shrink");
    assert_eq!(runtime.journal().len(), 0, "{}", journal(&runtime));
    accounted(&runtime);
}

#[test]
fn h02_the_core_budget_denies_growth_and_says_so() {
    let scaling = ScalingConfig { cores: Some(5), ..calm() };
    let computing = || PoolConfig { kind: Kind::Cpu, ..elastic(2, 20) };
    let runtime = fast(20)
        .scaling(scaling)
        .pool("computing", computing())
        .pool("other", computing())
        .pool("waiting", elastic(2, 20))
        .start()
        .unwrap();
    let [computing, waiting] = ["computing", "waiting"].map(|pool| Relays::new(&runtime, pool, NAP));
    computing.set(8);
    waiting.set(8);
    eventually("it has what is left of the budget", || pool_status(&runtime, "computing").workers == 3);
    eventually("those that wait need no cores", || pool_status(&runtime, "waiting").workers >= 10);
    ticks(&runtime, 8);
    assert_eq!(pool_status(&runtime, "computing").workers, 3);
    assert_eq!(pool_status(&runtime, "other").workers, 2);
    let denied = told(&runtime, Author::Scaling, Some("computing"), "core_budget");
    assert!(denied.iter().any(|entry| entry.decision.starts_with("denied: 3 of ")), "{}", journal(&runtime));
    assert!(told(&runtime, Author::Scaling, Some("waiting"), "core_budget").is_empty());
    computing.end();
    waiting.end();
    accounted(&runtime);
}
