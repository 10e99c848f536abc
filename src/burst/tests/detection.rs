//! What is a burst, and what is none.

use super::*;
use crate::burst::{Phase, Rule};

#[test]
fn ten_times_the_load_is_seen_within_six_seconds() {
    for usual in [4.0, 100.0, 10_000.0] {
        let mut run = Run::usual(usual);
        run.load(6, 10.0 * usual);
        assert_eq!(run.last().phase, Phase::Surging, "{}", run.last());
    }
}

#[test]
fn a_ramp_that_reaches_ten_times_the_load_within_a_minute_is_seen() {
    for seconds in [10, 30, 50, 60] {
        let mut run = Run::usual(100.0);
        run.vary(seconds, |at| 100.0 + 910.0 * at / f64::from(seconds));
        run.load(2, 1010.0);
        assert!(run.saw_a_burst(), "in {seconds} s: {}", run.last());
    }
}

#[test]
fn nine_times_the_load_is_none() {
    let mut run = Run::usual(100.0);
    run.load(300, 900.0);
    assert!(!run.saw_a_burst());
}

#[test]
fn from_nearly_nothing_to_little_is_none() {
    // Fifteen times the load, and significant; only the floor of 100 arrivals within the minute says no.
    for (usual, load) in [(0.0, 1.5), (0.1, 1.0), (0.1, 1.5)] {
        let mut run = Run::usual(usual);
        run.load(600, load);
        assert!(!run.saw_a_burst(), "{usual} to {load}");
    }
}

#[test]
fn from_nothing_to_much_is_seen_at_once() {
    let mut run = Run::usual(0.0);
    run.load(1, 1000.0);
    let decision = run.last();
    assert_eq!(decision.phase, Phase::Surging);
    assert!(decision.detection.ratio.is_finite() && decision.detection.ratio > 10.0);
}

#[test]
fn a_burst_from_the_first_second_on_is_learnt_and_forgotten() {
    let mut run = Run::new();
    run.load(300, 1000.0);
    assert!(!run.saw_a_burst());
    run.load(1800, 10.0);
    assert!((10.0..100.0).contains(&run.baseline()), "{}", run.baseline());
    run.load(3600, 10.0);
    assert!((10.0..11.0).contains(&run.baseline()), "{}", run.baseline());
}

#[test]
fn a_burst_in_the_first_minute_is_seen_when_the_minute_is_over() {
    let mut run = Run::new();
    run.load(50, 20.0);
    run.load(10, 400.0);
    let (last, before) = run.decisions.split_last().expect("it was stepped");
    assert!(before.iter().all(|decision| decision.rule == Rule::Learning));
    assert_eq!(last.rule, Rule::Detected);
    assert!((last.detection.baseline - 20.0).abs() < 0.1);
}

#[test]
fn the_first_minute_is_not_counted_twice() {
    let mut run = Run::new();
    run.settings.enabled = false;
    run.load(20, 400.0);
    run.load(99, 20.0);
    assert!((run.baseline() - 20.0).abs() < 0.1, "{}", run.baseline());
}

#[test]
fn chance_is_no_burst_in_days_of_noise() {
    let mut random = 0x5EED_u64;
    // SplitMix64.
    let mut uniform = move || {
        random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    // Arrivals come after exponential times: those of one second are Poisson.
    let mut poisson = move |mean: f64| {
        let (mut count, mut time) = (0.0, -(1.0 - uniform()).ln());
        while time < mean {
            count += 1.0;
            time -= (1.0 - uniform()).ln();
        }
        count
    };
    // The second is stricter than the defaults are: there the significance test decides.
    let eager = Settings { threshold: 2.0, floor: 1, ..Settings::default() };
    for (settings, load) in
        [(Settings::default(), 0.3), (Settings::default(), 30.0), (eager, 0.3), (eager, 8.0)]
    {
        let mut run = Run::with(settings);
        run.tick = Duration::from_secs(1);
        for _ in 0..86_400 {
            run.now = run.now.after(run.tick);
            let decision = run.step(poisson(load));
            assert!(decision.detection.window.is_none(), "at {load}: {decision}");
            run.decisions.clear();
        }
    }
}

#[test]
fn the_tick_makes_no_difference_to_what_is_seen() {
    for tick in [10, 250, 999, 10_000] {
        let mut run = Run::new();
        run.tick = Duration::from_millis(tick);
        run.load(900, 100.0);
        assert!((run.baseline() - 100.0).abs() < 0.1, "{tick} ms: {}", run.baseline());
        assert!(!run.saw_a_burst());
        run.load(20, 1100.0);
        assert_eq!(run.last().phase, Phase::Surging, "{tick} ms: {}", run.last());
    }
}
