//! H14 to H16: when a burst is answered and when not, and what it costs.

use std::time::Duration;

use heijunka::{Author, BurstConfig, BurstPhase, Runtime, ScalingConfig};

use crate::common::load::{Flood, NAP, Relays, accounted, elastic, fast, journal, ticks, told};
use crate::common::{Counter, eventually, pool_status};

/// A fiftieth of that in real time.
const LEASE: Duration = Duration::from_secs(20);

fn settings() -> BurstConfig {
    let cooldown = Duration::from_secs(3600);
    BurstConfig { lease: LEASE, return_every: Duration::from_secs(2), cooldown, ..BurstConfig::default() }
}

/// A little load, until it is known to be the usual one.
fn usual(runtime: &Runtime, watching: BurstPhase) -> Relays {
    let usual = Relays::new(runtime, "payment", Duration::from_millis(20));
    usual.set(1);
    eventually("the usual load is known", || {
        let burst = runtime.burst();
        burst.phase == watching && burst.baseline_load > 0.0
    });
    usual
}

#[test]
fn h14_a_burst_in_the_first_minute_is_left_to_ordinary_scaling() {
    let runtime = fast(20).burst(settings()).pool("payment", elastic(2, 12)).start().unwrap();
    let domain = runtime.domain("payment").unwrap();
    let (ran, mut accepted) = (Counter::default(), 0);
    let relays = Relays::new(&runtime, "payment", NAP);
    relays.set(6);
    eventually("the pool grows", || {
        for key in 0..10 {
            let ran = ran.clone();
            accepted += u64::from(domain.execute(key, move |_| ran.add()).is_ok());
        }
        pool_status(&runtime, "payment").workers >= 8
    });
    let burst = runtime.burst();
    assert_eq!(
        (burst.phase, burst.in_surge, burst.surge_count),
        (BurstPhase::Learning, false, 0),
        "{burst:?}"
    );
    assert!(
        burst.current_load > 0.0 && burst.baseline_load.to_bits() == 0 && burst.load_ratio.to_bits() == 0
    );
    assert_eq!(pool_status(&runtime, "payment").surge_workers, 0);
    assert!(runtime.journal().iter().all(|entry| entry.author != Author::Burst), "{}", journal(&runtime));
    assert!(!told(&runtime, Author::Scaling, Some("payment"), "busy").is_empty());
    let relayed = relays.end();
    eventually("all has been run", || pool_status(&runtime, "payment").completed == accepted + relayed);
    assert_eq!(ran.get(), accepted, "nothing is lost");
    accounted(&runtime);
}

#[test]
fn h14_switched_off_a_burst_is_seen_and_denied() {
    let off = BurstConfig { enabled: false, ..settings() };
    let runtime = fast(50).burst(off).pool("payment", elastic(2, 12)).start().unwrap();
    let usual = usual(&runtime, BurstPhase::Off);
    let flood = Flood::start(&runtime, "payment", Duration::ZERO);
    let denied = || told(&runtime, Author::Burst, None, "denied_off");
    eventually("it is seen", || !denied().is_empty());
    ticks(&runtime, 8);
    flood.end();
    usual.end();
    assert!(denied()[0].decision.contains("denied: switched off"), "{}", denied()[0]);
    let burst = runtime.burst();
    assert_eq!((burst.enabled, burst.in_surge, burst.phase), (false, false, BurstPhase::Off));
    assert_eq!((burst.extra, burst.surge_count, burst.lease_end), (0, 0, None));
    assert_eq!((burst.ledger.granted, burst.total_cost.to_bits()), (Duration::ZERO, 0));
    assert_eq!(pool_status(&runtime, "payment").surge_workers, 0);
    accounted(&runtime);
}

#[test]
fn h14_the_ledger_adds_up() {
    // Two workers are to be had where five are wished for, and where the pool is at its maximum, none.
    let pools = fast(50).burst(settings()).pool("payment", elastic(2, 4)).pool("full", elastic(2, 2));
    let runtime = pools.start().unwrap();
    let usual = usual(&runtime, BurstPhase::Watching);
    let flood = Flood::start(&runtime, "payment", Duration::ZERO);
    eventually("a surge", || pool_status(&runtime, "payment").surge_workers == 2);
    let status = pool_status(&runtime, "payment");
    assert_eq!((status.workers, status.worker_status.iter().filter(|worker| worker.surge).count()), (4, 2));
    assert_eq!(pool_status(&runtime, "full").surge_workers, 0);
    let at_maximum = told(&runtime, Author::Scaling, Some("full"), "at_maximum");
    assert_eq!(at_maximum[0].decision, "denied: it stays at 2 workers", "{}", journal(&runtime));
    // Busy enough for the surge workers to have their part.
    usual.set(4);
    eventually("they work", || runtime.burst().ledger.jobs > 0 && !runtime.burst().ledger.busy.is_zero());
    flood.end();
    usual.set(1);
    eventually("it is over", || runtime.burst().phase == BurstPhase::Cooling);

    let burst = runtime.burst();
    let ledger = &burst.ledger;
    assert_eq!((ledger.surges, burst.surge_count), (1, 1));
    assert_eq!(ledger.granted, ledger.busy + ledger.idle());
    assert!((ledger.cost - 2.0 * ledger.granted.as_secs_f64()).abs() < 1e-3, "{ledger:?}");
    assert!((burst.total_cost - ledger.cost).abs() < f64::EPSILON);
    // For the whole lease, both had two; and eight of the ten that were wished for were missing.
    assert!(ledger.granted >= LEASE, "{ledger:?}");
    assert!(ledger.denied >= ledger.granted, "{ledger:?}");
    assert!(ledger.jobs <= pool_status(&runtime, "payment").completed);
    assert!((0.0..=1.0).contains(&ledger.efficiency()) && ledger.jobs_per_cost() > 0.0);
    // Nobody is lent any more: the account is closed.
    let before = ledger.clone();
    ticks(&runtime, 8);
    assert_eq!(runtime.burst().ledger, before);
    usual.end();
    accounted(&runtime);
}

#[test]
fn h14_a_lease_is_renewed_while_the_burst_lasts_and_no_more_often_than_allowed() {
    let settings = BurstConfig { renewals: 2, ..settings() };
    let scaling = ScalingConfig { auto: true, ..ScalingConfig::default() };
    let runtime = fast(50).burst(settings).scaling(scaling).pool("payment", elastic(2, 12)).start().unwrap();
    let usual = usual(&runtime, BurstPhase::Watching);
    let flood = Flood::start(&runtime, "payment", Duration::ZERO);
    let spent = || told(&runtime, Author::Burst, None, "spent");
    let mut renewals = 0;
    eventually("its renewals are used up", || {
        renewals = renewals.max(runtime.burst().renewals);
        !spent().is_empty()
    });
    flood.end();
    usual.end();
    assert_eq!((runtime.burst().ledger.renewals, runtime.burst().surge_count), (2, 1));
    assert!(renewals <= 2);
    let detected = told(&runtime, Author::Burst, None, "detected");
    assert!(spent()[0].at.since(detected[0].at) >= 3 * LEASE, "{}", journal(&runtime));
    accounted(&runtime);
}
