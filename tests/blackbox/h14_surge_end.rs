//! H15: a surge ends gradually, and not at the cost of those that remain.

use std::time::Duration;

use heijunka::{Author, BurstConfig, BurstPhase, Runtime};

use crate::common::load::{Flood, Relays, accounted, change, elastic, fast, journal, ticks, told};
use crate::common::{eventually, pool_status};

/// Workers between one return and the next wait for so long.
const EVERY: Duration = Duration::from_secs(3);

/// Long jobs, so that a few of them are a little load in arrivals and much in workers.
const LONG: Duration = Duration::from_millis(20);

/// A pool of five with a surge of five more; three of its workers are busy.
fn surging() -> (Runtime, Relays) {
    let (lease, cooldown) = (Duration::from_secs(20), Duration::from_secs(3600));
    let settings = BurstConfig { lease, return_every: EVERY, cooldown, ..BurstConfig::default() };
    let runtime = fast(50).burst(settings).pool("payment", elastic(5, 20)).start().unwrap();
    let relays = Relays::new(&runtime, "payment", LONG);
    relays.set(3);
    eventually("the usual load is known", || runtime.burst().phase == BurstPhase::Watching);
    let flood = Flood::start(&runtime, "payment", Duration::ZERO);
    eventually("a surge", || pool_status(&runtime, "payment").surge_workers == 5);
    flood.end();
    assert_eq!(pool_status(&runtime, "payment").workers, 10);
    (runtime, relays)
}

/// The sizes of the pool from return to return.
fn returned(runtime: &Runtime) -> Vec<(u32, u32)> {
    let entries = told(runtime, Author::Scaling, Some("payment"), "surge_returned");
    // The law of bursts asks for them one by one, and each pool follows.
    assert!(entries.windows(2).all(|pair| pair[1].at > pair[0].at));
    entries.iter().filter_map(|entry| change(entry)).collect()
}

#[test]
fn h14_surge_workers_return_one_at_a_time() {
    let (runtime, relays) = surging();
    eventually("all are returned", || runtime.burst().phase == BurstPhase::Cooling);
    assert_eq!(returned(&runtime), [(10, 9), (9, 8), (8, 7), (7, 6), (6, 5)], "{}", journal(&runtime));
    let asked: Vec<_> = runtime.journal().into_iter().filter(|entry| entry.author == Author::Burst).collect();
    let returns = asked.iter().filter(|entry| matches!(&*entry.rule, "returning" | "denied_returning"));
    let at: Vec<_> = returns.map(|entry| entry.at).collect();
    assert_eq!(at.len(), 4, "the first goes when the lease ends: {}", journal(&runtime));
    assert!(at.windows(2).all(|pair| pair[1].since(pair[0]) >= EVERY), "{}", journal(&runtime));

    // Three of five busy are what they were before: nobody has to grow again.
    ticks(&runtime, 8);
    let status = pool_status(&runtime, "payment");
    assert_eq!((status.workers, status.surge_workers), (5, 0));
    assert!(told(&runtime, Author::Scaling, Some("payment"), "busy").is_empty(), "{}", journal(&runtime));
    relays.end();
    accounted(&runtime);
}

#[test]
fn h14_surge_workers_that_are_needed_stay() {
    let (runtime, relays) = surging();
    // The usual five could not carry this: they would be asked to grow at once.
    relays.set(6);
    eventually("the surge is over", || runtime.burst().phase == BurstPhase::Cooling);
    let returned = returned(&runtime);
    assert!(!returned.is_empty() && returned.len() <= 3, "{}", journal(&runtime));
    assert!(
        !told(&runtime, Author::Scaling, Some("payment"), "surge_kept").is_empty(),
        "{}",
        journal(&runtime)
    );
    ticks(&runtime, 8);
    let status = pool_status(&runtime, "payment");
    // 6 busy of 8 or more are not too many.
    assert!(status.surge_workers == 0 && status.workers >= 8, "{}", journal(&runtime));
    assert!(told(&runtime, Author::Scaling, Some("payment"), "busy").is_empty(), "{}", journal(&runtime));
    relays.end();
    accounted(&runtime);
}
