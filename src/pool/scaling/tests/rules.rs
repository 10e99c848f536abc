//! Each rule once, with its words.

use std::time::Duration;

use super::super::{Rule, Sample, Surge, Thresholds};
use super::simulator::{SAMPLE, Simulator, THRESHOLDS};

/// What each of the ticks under this load led to.
fn rules<const TICKS: usize>(pool: &mut Simulator, load: f64) -> [Rule; TICKS] {
    [(); TICKS].map(|()| pool.step(load).1.rule)
}

/// Watched for longer than the calm, and at ease.
fn settled(workers: u32) -> Simulator {
    let mut pool = Simulator::new(workers, 1, 64);
    pool.run(Duration::from_secs(75), |_| 0.6 * f64::from(workers));
    assert!(pool.changes.is_empty());
    pool
}

#[test]
fn three_busy_ticks_make_a_pool_grow_to_the_target() {
    let mut pool = Simulator::new(4, 1, 64);
    assert_eq!(rules(&mut pool, 3.6), [Rule::Steady, Rule::Steady]);
    let (sample, decision) = pool.step(3.6);
    assert_eq!((decision.to, decision.rule), (6, Rule::Busy));
    assert_eq!(decision.explain(&sample), "4 to 6 workers: utilisation 0.90 stays above 0.80");
    // Interrupted, it starts again; after a decision too.
    let mut pool = Simulator::new(4, 1, 64);
    let steady = Rule::Steady;
    assert_eq!(rules(&mut pool, 4.0), [steady, steady]);
    assert_eq!(rules(&mut pool, 3.2), [steady]);
    assert_eq!(rules(&mut pool, 20.0), [steady, steady, Rule::Busy, steady, steady, Rule::Busy]);
}

#[test]
fn growth_is_for_the_mean_of_the_ticks() {
    let mut pool = Simulator::new(10, 1, 64);
    pool.step(8.1);
    pool.step(9.9);
    assert_eq!(pool.step(9.6).1.to, 14, "9.2 / 0.7 = 13.1");
    let mut pool = Simulator::new(5, 1, 64);
    pool.run(Duration::from_millis(750), |_| 4.2);
    assert_eq!(pool.workers(), 6, "4.2 / 0.7 = 6.0, whatever floats make of it");
}

#[test]
fn waiting_makes_a_pool_grow_if_more_workers_would_help() {
    let mut pool = settled(10);
    pool.sample.least_delay = Some(Duration::from_millis(6));
    let (sample, decision) = (0..3).map(|_| pool.step(6.5)).last().unwrap();
    assert_eq!((decision.to, decision.rule), (10, Rule::NotBusyEnough));
    assert_eq!(
        decision.explain(&sample),
        "10 workers: jobs waited at least 6ms, allowed are 5ms, yet utilisation 0.65 is not above 0.70"
    );
    let decision = (0..3).map(|_| pool.step(7.5).1).find(|decision| decision.to > 10).unwrap();
    assert_eq!(decision.rule, Rule::Queueing);
    // What has not started counts as delayed, what waited less than allowed does not.
    let mut pool = settled(10);
    assert_eq!([(); 3].map(|()| pool.measured(0.75, 1).1.rule)[2], Rule::Queueing);
    let mut pool = settled(10);
    pool.sample.least_delay = Some(Duration::from_millis(5));
    assert_eq!([(); 3].map(|()| pool.measured(0.75, 1).1.rule)[2], Rule::Steady);
}

#[test]
fn a_pool_without_workers_gets_one_when_a_job_waits() {
    let mut pool = Simulator::new(0, 0, 4);
    assert_eq!(pool.step(0.0).1.rule, Rule::Steady);
    let (_, decision) = pool.measured(0.0, 1);
    assert_eq!((decision.to, decision.rule), (1, Rule::Queueing));
}

#[test]
fn an_idle_pool_shrinks_by_one_a_second_once_the_calm_has_passed() {
    let mut pool = settled(10);
    let denied = rules::<4>(&mut pool, 2.0);
    assert_eq!(denied, [Rule::Steady, Rule::Steady, Rule::Steady, Rule::CalmDenied]);
    let denied = (0..300).take_while(|_| pool.step(2.0).1.rule == Rule::CalmDenied).count();
    assert!((59 * 4..=70 * 4).contains(&denied), "{denied} ticks");
    assert_eq!(pool.workers(), 9);
    pool.run(Duration::from_secs(2), |_| 2.0);
    assert_eq!(pool.workers(), 7);
    pool.sample.least_delay = Some(Duration::from_millis(1));
    assert_eq!(
        [(); 6].map(|()| pool.measured(0.28, 1).1.rule),
        [Rule::Steady; 6],
        "jobs wait, if not for long"
    );
    pool.sample.least_delay = None;
    pool.run(Duration::from_secs(60), |_| 2.0);
    assert_eq!(pool.workers(), 4, "a quarter more and it would be half busy");
}

#[test]
fn ten_second_ticks_are_counted_and_ten_millisecond_ticks_timed() {
    for (tick, ticks) in [(10_000, 3), (10, 100)] {
        let mut pool = Simulator::new(10, 1, 64);
        (pool.tick, pool.sample.thresholds.calm) = (Duration::from_millis(tick), Duration::ZERO);
        pool.step(6.0);
        let quiet = (1..200).find(|_| pool.step(1.0).1.rule == Rule::Idle);
        assert_eq!(quiet, Some(ticks));
    }
}

#[test]
fn a_fresh_pool_is_watched_before_it_shrinks() {
    let mut pool = Simulator::new(10, 1, 64);
    pool.run(Duration::from_secs(60), |_| 0.0);
    assert_eq!(pool.workers(), 10);
    pool.run(Duration::from_secs(2), |_| 0.0);
    assert!(pool.workers() < 10);
}

#[test]
fn the_guard_the_calm_the_lease_and_a_wish_deny_shrinking() {
    let long = Duration::from_secs(70);
    let mut pool = settled(2);
    pool.run(long, |_| 0.9);
    let (sample, decision) = pool.step(0.9);
    assert_eq!(decision.rule, Rule::GuardDenied);
    let words = "2 workers: utilisation 0.45, one less would make it 0.90, above 0.70";
    assert_eq!(decision.explain(&sample), words);
    // One tick is enough to be remembered by the guard.
    assert_eq!(rules(&mut pool, 0.3), [Rule::GuardDenied, Rule::GuardDenied]);
    let mut pool = settled(10);
    pool.sample.surge.lease = true;
    pool.run(long, |_| 1.0);
    assert_eq!(pool.step(1.0).1.rule, Rule::LeaseDenied);
    let mut pool = settled(10);
    pool.sample.wish = Some(9);
    pool.run(long, |_| 1.0);
    assert_eq!(pool.step(1.0).1.rule, Rule::WishDenied);
    assert_eq!(pool.workers(), 9, "a wish for fewer agrees");
    // Growth has to last for the calm, and longer if going back was a mistake.
    let mut pool = settled(10);
    pool.run(Duration::from_secs(1), |_| 10.0);
    let grown = pool.workers();
    pool.run(Duration::from_secs(59), |_| 1.0);
    assert_eq!(pool.workers(), grown);
    assert_eq!(pool.step(1.0).1.rule, Rule::CalmDenied);
}

#[test]
fn going_back_too_early_makes_the_calm_longer() {
    let mut pool = settled(10);
    assert!((0..300).any(|_| pool.step(2.0).1.rule == Rule::Idle));
    pool.run(Duration::from_millis(750), |_| 8.5);
    let grown = pool.workers();
    assert!(grown > 10);
    pool.run(Duration::from_secs(115), |_| 2.0);
    assert_eq!(pool.workers(), grown);
    pool.run(Duration::from_secs(10), |_| 2.0);
    assert!(pool.workers() < grown);
}

#[test]
fn somebody_may_ask() {
    let mut pool = Simulator::new(4, 1, 8);
    pool.sample.wish = Some(6);
    let (sample, decision) = pool.step(2.0);
    assert_eq!((decision.to, decision.rule), (6, Rule::Asked));
    assert_eq!(decision.explain(&sample), "4 to 6 workers: 6 are asked for");
    pool.sample.wish = Some(20);
    assert_eq!(rules(&mut pool, 2.0), [Rule::Asked, Rule::AtMaximum]);
    assert_eq!(pool.workers(), 8);
}

#[test]
fn hands_overrule_every_voice_and_bounds_overrule_hands() {
    let mut pool = Simulator::new(4, 2, 8);
    pool.sample.manual = Some(3);
    pool.sample.surge = Surge { extra: 5, held: 4, lease: true };
    assert_eq!(rules(&mut pool, 9.0), [Rule::Manual; 5]);
    assert_eq!((pool.workers(), pool.sample.surge.held), (3, 3));
    for (manual, to) in [(100, 8), (0, 2)] {
        pool.sample.manual = Some(manual);
        assert_eq!(pool.step(0.0).1.to, to);
    }
    pool.sample.manual = None;
    assert_eq!(pool.step(0.0).1.rule, Rule::Surge);
}

#[test]
fn without_automatics_nothing_but_the_bounds_counts() {
    let mut pool = Simulator::new(4, 2, 8);
    pool.sample =
        Sample { auto: false, wish: Some(6), surge: Surge { extra: 5, ..SAMPLE.surge }, ..pool.sample };
    assert_eq!(rules(&mut pool, 9.0), [Rule::Steady; 5]);
    pool.sample.max = 3;
    assert_eq!(rules(&mut pool, 9.0), [Rule::Bounds, Rule::Steady]);
    assert_eq!(pool.workers(), 3);
}

#[test]
fn new_bounds_are_kept_at_once_even_under_a_lease() {
    let mut pool = Simulator::new(10, 1, 64);
    pool.sample.surge = Surge { extra: 5, held: 5, lease: true };
    pool.sample.max = 8;
    let (sample, decision) = pool.step(10.0);
    assert_eq!((decision.to, decision.surge, decision.rule), (8, 5, Rule::Bounds));
    assert_eq!(decision.explain(&sample), "10 to 8 workers: the bounds are 1 to 8");
    (pool.sample.min, pool.sample.max) = (12, 64);
    assert_eq!((pool.step(0.0).1.rule, pool.workers()), (Rule::Bounds, 12));
}

#[test]
fn what_was_not_measured_counts_as_nothing() {
    for utilisation in [f64::NAN, f64::INFINITY, -3.0] {
        let mut pool = Simulator::new(4, 1, 64);
        pool.sample.thresholds = Thresholds { calm: Duration::ZERO, ..THRESHOLDS };
        assert!((0..5).any(|_| pool.measured(utilisation, 0).1.rule == Rule::Idle), "{utilisation}");
    }
}

#[test]
fn the_defaults_are_those_of_the_requirements() {
    assert_eq!(Thresholds::default(), THRESHOLDS);
}
