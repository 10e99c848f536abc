//! A load that stays is settled for, one that comes and goes is not followed.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Sample, Surge, Thresholds};
use super::simulator::{SAMPLE, Simulator, THRESHOLDS};
use crate::law::Law;

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Workers, minimum and maximum.
fn pools() -> impl Strategy<Value = (u32, u32, u32)> {
    (0..=64_u32, 0..=64_u32, 1..=64_u32).prop_map(|(workers, a, b)| (workers, a.min(b), a.max(b)))
}

/// A square wave that begins with either half.
fn square(period: Duration, low: f64, high: f64, begins_low: bool) -> impl Fn(Duration) -> f64 {
    move |time| {
        let first = time.as_nanos() % period.as_nanos() < period.as_nanos() / 2;
        if first == begins_low { low } else { high }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_constant_load_is_settled_for((workers, min, max) in pools(), load in 0.0..60.0_f64) {
        let mut pool = Simulator::new(workers, min, max);
        // A minute of watching, or of calm after the last growth, and one worker a second.
        pool.run(Duration::from_secs(60 + 30 + 2 * 64), |_| load);
        let (settled, changes) = (pool.workers(), pool.changes.len());
        pool.run(TEN_MINUTES, |_| load);
        prop_assert_eq!(pool.changes.len(), changes, "it settles within bounded time");
        prop_assert!(settled == max || load <= 0.8 * f64::from(settled), "{} is too few", settled);
        // Not too many either: a smaller one would be above target, or this one is busy for half of its time.
        let needed = load >= 0.5 * f64::from(settled) || load > 0.7 * (f64::from(settled) - 1.0);
        prop_assert!(settled == min || needed, "{} is too many", settled);
        // The bounds may turn it once before the load does.
        let turned_by_bounds = usize::from(!(min..=max).contains(&workers));
        prop_assert!(pool.reversals(workers) <= turned_by_bounds, "{:?}", pool.changes);
    }

    /// Whatever the tick.
    #[test]
    fn the_tick_does_not_matter(
        workers in 1..=50_u32, load in 0.0..40.0_f64, tick_ms in prop_oneof![10..250_u64, 250..10_000_u64],
    ) {
        let mut pool = Simulator::new(workers, 1, 64);
        pool.tick = Duration::from_millis(tick_ms);
        pool.run(Duration::from_secs(200) + pool.tick * 3 * 64, |_| load);
        let settled = pool.workers();
        prop_assert!(load <= 0.8 * f64::from(settled));
        prop_assert!(load >= 0.5 * f64::from(settled) || load > 0.7 * (f64::from(settled) - 1.0));
        prop_assert_eq!(pool.reversals(workers), 0);
    }

    #[test]
    fn a_square_wave_around_a_threshold_is_not_followed(
        workers in 2..=50_u32, up: bool, low in 0.05..0.15_f64, high in 0.05..0.15_f64,
        period_ms in 2_000..100_000_u64, begins_low: bool, noise in vec(-0.05..0.05_f64, 2400),
    ) {
        let threshold = if up { 0.8 } else { 0.5 };
        let erlangs = |share: f64| share * f64::from(workers);
        let period = Duration::from_millis(period_ms);
        let load = square(period, erlangs(threshold - low), erlangs(threshold + high), begins_low);
        let mut pool = Simulator::new(workers, 1, 100);
        pool.run(TEN_MINUTES, &load);
        prop_assert!(pool.changes.len() < 3, "{:?}", pool.changes);
        prop_assert_eq!(pool.reversals(workers), 0);
        let mut pool = Simulator::new(workers, 1, 100);
        let noisy = |time: Duration| load(time) * (1.0 + noise[usize::try_from(time.as_millis() / 250).unwrap()]);
        pool.run(TEN_MINUTES, noisy);
        prop_assert!(pool.changes.len() < 3, "with noise: {:?}", pool.changes);
    }

    #[test]
    fn two_workers_are_not_flapped_with(period_ms in 2_000..100_000_u64, begins_low: bool) {
        let mut pool = Simulator::new(2, 1, 100);
        pool.run(TEN_MINUTES, square(Duration::from_millis(period_ms), 0.8, 1.8, begins_low));
        prop_assert_eq!(pool.changes, [3]);
    }

    /// Any two loads, each met once, then there are workers for both.
    #[test]
    fn any_square_wave_is_met_once(
        workers in 1..=50_u32, loads in (0.0..40.0_f64, 0.0..40.0_f64), period_ms in 2_000..100_000_u64,
    ) {
        let mut pool = Simulator::new(workers, 1, 64);
        let load = square(Duration::from_millis(period_ms), loads.0, loads.1, true);
        pool.run(TEN_MINUTES, &load);
        prop_assert_eq!(pool.reversals(workers), 0, "{:?}", pool.changes);
        let met = pool.changes.len();
        pool.run(TEN_MINUTES, |time| load(TEN_MINUTES + time));
        prop_assert_eq!(pool.changes.len(), met, "{:?}", pool.changes);
    }

    #[test]
    fn noise_does_not_move_a_settled_pool_much(
        workers in 1..=50_u32, load in 0.0..40.0_f64, noise in vec(-0.05..0.05_f64, 2400),
    ) {
        let mut pool = Simulator::new(workers, 1, 64);
        pool.run(Duration::from_secs(200), |_| load);
        let settled = pool.workers();
        pool.changes.clear();
        for noise in noise {
            let utilisation = (load / f64::from(pool.workers()) + noise).clamp(0.0, 1.0);
            pool.measured(utilisation, 0);
        }
        prop_assert!(pool.changes.len() < 3, "{:?}", pool.changes);
        prop_assert_eq!(pool.reversals(settled), 0);
    }

    /// From any state that a history leads to.
    #[test]
    fn more_to_do_never_gives_fewer_workers(
        history in vec((0.0..=1.0_f64, 0..2_u32), 0..12), quiet_seconds in prop_oneof![Just(0), 50..80_u32],
        a in any_sample(), b in any_sample(),
    ) {
        let mut pool = Simulator::new(a.workers, a.min, a.max);
        pool.run(Duration::from_secs(quiet_seconds.into()), |_| 0.3 * f64::from(a.workers));
        for (utilisation, waiting) in history {
            pool.measured(utilisation, waiting);
        }
        let steps = |utilisation: f64, delay: Option<Duration>, waiting: u32| {
            let sample = Sample { workers: pool.workers(), utilisation, least_delay: delay, waiting, ..a };
            pool.law.clone().step(&sample, pool.now.after(pool.tick))
        };
        // Both know the delay or neither does: none is no small one, it depends on what waits.
        let delay = a.least_delay.map(|delay| b.least_delay.unwrap_or(delay));
        let more = steps(a.utilisation.max(b.utilisation), a.least_delay.max(delay), a.waiting.max(b.waiting));
        let less = steps(a.utilisation.min(b.utilisation), a.least_delay.min(delay), a.waiting.min(b.waiting));
        prop_assert!(more.to >= less.to, "{:?} {:?}", more, less);
    }

    #[test]
    fn anything_is_survived_within_bounds(samples in vec(any_sample(), 1..100), step_ns in 0..u64::MAX / 200) {
        let mut pool = Simulator::new(2, 1, 64);
        for sample in samples {
            let utilisation = [sample.utilisation, f64::NAN, f64::INFINITY, -1.0, 7.0][sample.waiting as usize % 5];
            pool.sample = Sample { utilisation, least_delay: sample.least_delay, ..sample };
            pool.tick = Duration::from_nanos(step_ns);
            let (sample, decision) = pool.measured(utilisation, sample.waiting);
            prop_assert!(decision.explain(&sample).contains(" workers: "));
        }
    }
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let surge =
        (0..=5_u32, 0..=5_u32, any::<bool>()).prop_map(|(extra, held, lease)| Surge { extra, held, lease });
    let delay = prop::option::of((0..20_u64).prop_map(Duration::from_millis));
    let asked = prop::option::weighted(0.3, 0..70_u32);
    let by_hand = (prop::option::weighted(0.1, 0..70_u32), prop::bool::weighted(0.9));
    let calm = prop_oneof![Just(Duration::ZERO), (0..100_u64).prop_map(Duration::from_secs)];
    (pools(), 0.0..=1.0_f64, delay, 0..10_u32, surge, asked, by_hand, calm).prop_map(
        |((workers, min, max), utilisation, least_delay, waiting, surge, wish, (manual, auto), calm)| {
            let thresholds = Thresholds { calm, ..THRESHOLDS };
            let measured = Sample { workers, min, max, utilisation, least_delay, waiting, ..SAMPLE };
            Sample { surge, manual, auto, wish, thresholds, ..measured }
        },
    )
}
