//! What a surge lends is given back, unless it is needed.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Rule, Surge};
use super::simulator::Simulator;

const LEASE: Duration = Duration::from_secs(300);

/// Ends the surge: one worker less every five seconds, and the load goes on.
fn hand_back(pool: &mut Simulator, load: f64) {
    pool.sample.surge.lease = false;
    for extra in (0..5).rev() {
        pool.sample.surge.extra = extra;
        for _ in 0..20 {
            let fits_before = load <= 0.8 * f64::from(pool.workers());
            let (_, decision) = pool.step(load);
            let fits = load <= 0.8 * f64::from(decision.to);
            assert!(fits || !fits_before, "a return made the others too busy: {decision:?}");
        }
        assert!(pool.sample.surge.held <= extra, "none of them is forgotten");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_shrinks_under_a_lease(
        workers in 1..=64_u32, extra in 0..=5_u32, loads in vec(0.0..60.0_f64, 1..20), wish in prop::option::of(0..64_u32),
    ) {
        let mut pool = Simulator::new(workers, 1, 64);
        pool.sample.wish = wish;
        pool.run(Duration::from_secs(70), |_| 0.0);
        pool.sample.surge = Surge { extra, held: 0, lease: true };
        let before = pool.workers();
        for load in loads {
            let had = pool.workers();
            pool.run(Duration::from_secs(15), |_| load);
            prop_assert!(pool.workers() >= had);
        }
        prop_assert!(pool.workers() >= (before + extra).min(64));
        prop_assert_eq!(pool.sample.surge.held, extra.min(64 - before));
    }

    #[test]
    fn a_lasting_load_keeps_what_it_needs(workers in 1..=20_u32, load in 0.0..40.0_f64) {
        let mut pool = Simulator::new(workers, 1, 64);
        pool.sample.surge = Surge { extra: 5, held: 0, lease: true };
        pool.run(LEASE, |_| load);
        hand_back(&mut pool, load);
        prop_assert!(load <= 0.8 * f64::from(pool.workers()));
        let settled = pool.workers();
        pool.run(LEASE, |_| load);
        prop_assert!(load <= 0.8 * f64::from(pool.workers()) && pool.workers() <= settled);
    }

    #[test]
    fn after_a_surge_a_pool_has_what_its_load_needs(
        workers in 1..=20_u32, during in 0.0..40.0_f64, after in 0.0..15.0_f64,
    ) {
        let mut pool = Simulator::new(workers, 1, 64);
        pool.sample.surge = Surge { extra: 5, held: 0, lease: true };
        pool.run(LEASE, |_| during);
        hand_back(&mut pool, after);
        pool.run(LEASE, |_| after);
        let settled = f64::from(pool.workers());
        prop_assert!(after <= 0.8 * settled);
        prop_assert!(settled <= 1.0 || after >= 0.5 * settled || after > 0.7 * (settled - 1.0));
        prop_assert_eq!(pool.sample.surge, Surge::default());
    }
}

#[test]
fn a_surge_and_a_busy_pool_are_not_added_up() {
    let mut pool = Simulator::new(10, 1, 64);
    pool.run(Duration::from_millis(500), |_| 9.0);
    pool.sample.surge = Surge { extra: 5, held: 0, lease: true };
    let (sample, decision) = pool.step(9.0);
    assert_eq!((decision.to, decision.surge, decision.rule), (15, 5, Rule::Surge));
    assert_eq!(decision.explain(&sample), "10 to 15 workers: a surge, 5 of 5 more");
    pool.run(Duration::from_secs(5), |_| 9.0);
    assert_eq!((pool.workers(), pool.sample.surge.held), (15, 5), "and not one after the other either");
    // The load has come to stay: three of the five are needed.
    pool.sample.surge = Surge { extra: 0, held: 5, lease: false };
    let rules: Vec<(u32, u32, Rule)> =
        (0..6).map(|_| pool.step(9.0).1).map(|it| (it.to, it.surge, it.rule)).collect();
    let (returned, kept) = (Rule::SurgeReturned, Rule::SurgeKept);
    let expected = [(14, 4, returned), (13, 3, returned), (13, 2, kept), (13, 1, kept), (13, 0, kept)];
    assert_eq!(rules[..5], expected);
    assert_eq!(rules[5], (13, 0, Rule::Steady));
}

#[test]
fn a_surge_is_returned_in_the_best_of_times_even_at_the_maximum() {
    let mut pool = Simulator::new(8, 1, 8);
    pool.sample.surge = Surge { extra: 0, held: 2, lease: false };
    pool.sample.wish = Some(20);
    assert_eq!(pool.step(8.0).1.rule, Rule::SurgeKept);
    assert_eq!(pool.step(8.0).1.rule, Rule::SurgeKept);
    assert_eq!(pool.step(8.0).1.rule, Rule::AtMaximum);
    assert_eq!((pool.workers(), pool.sample.surge.held), (8, 0));
}

#[test]
fn a_load_that_comes_when_the_surge_goes_keeps_its_workers() {
    let mut pool = Simulator::new(10, 1, 64);
    pool.run(Duration::from_secs(1), |_| 2.0);
    pool.sample.surge = Surge { extra: 0, held: 1, lease: false };
    assert_eq!(pool.step(8.0).1.rule, Rule::SurgeKept, "in the mean of three ticks it is but 4");
}
