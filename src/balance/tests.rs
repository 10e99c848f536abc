//! The law of moving workers, stepped under many loads.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::moves::{Moves, PoolLoad, Sample, Settings};
use super::{Decision, Move, Why, coefficient};
use crate::law::Law;
use crate::time::Moment;

fn at(seconds: u64) -> Moment {
    Moment::from_nanos(seconds * 1_000_000_000)
}

fn pool(name: &str, workers: u32, utilisation: f64) -> PoolLoad {
    PoolLoad {
        name: name.into(),
        workers,
        min: 1,
        max: 50,
        utilisation,
        delayed: false,
        class: 0,
        may_give: true,
        may_take: true,
    }
}

fn named(at: usize, workers: u32, utilisation: f64) -> PoolLoad {
    pool(&at.to_string(), workers, utilisation)
}

fn sample(pools: &[PoolLoad]) -> Sample {
    Sample { settings: Settings::default(), pools: pools.to_vec(), on_demand: false }
}

/// Carries the moves out, and checks what must always hold.
fn carry_out(pools: &mut [PoolLoad], moves: &[Move]) {
    let before = pools.to_vec();
    let index = |name: &str| before.iter().position(|pool| &*pool.name == name).expect("a pool that exists");
    for Move { from, to, workers } in moves {
        let (from, to) = (index(from), index(to));
        assert!(*workers > 0 && pools[from].may_give && pools[to].may_take);
        assert_eq!(pools[from].class, pools[to].class);
        pools[from].workers -= workers;
        pools[to].workers += workers;
        assert!(pools[from].workers >= pools[from].min);
        assert!(pools[to].workers <= pools[to].max);
    }
    let gives_and_takes =
        |name: &String| moves.iter().any(|m| m.from == *name) && moves.iter().any(|m| m.to == *name);
    assert!(!moves.iter().any(|m| gives_and_takes(&m.from)));
}

/// Steps a tick, and carries out what it decides.
fn tick(law: &mut Moves, pools: &mut [PoolLoad], now: u64) -> Decision {
    let decision = law.step(&sample(pools), at(now));
    carry_out(pools, &decision.moves);
    decision
}

/// A law that has seen a calm minute of these pools, so that all of them may give.
fn after_a_minute(pools: &[PoolLoad]) -> Moves {
    let mut law = Moves::default();
    let level: Vec<PoolLoad> =
        pools.iter().map(|pool| PoolLoad { utilisation: 0.1, ..pool.clone() }).collect();
    for second in 0..60 {
        law.step(&sample(&level), at(second));
    }
    law
}

/// The first decision after three ticks of these loads.
fn decide(pools: &[PoolLoad]) -> Decision {
    let mut law = after_a_minute(pools);
    let decisions: Vec<Decision> = (60..66).map(|second| law.step(&sample(pools), at(second))).collect();
    let moved = decisions.iter().find(|decision| decision.why == Why::Moved);
    moved.unwrap_or(&decisions[5]).clone()
}

fn gets(decision: &Decision, name: &str) -> u32 {
    decision.moves.iter().filter(|m| m.to == name).map(|m| m.workers).sum()
}

fn loads() -> impl Strategy<Value = Vec<PoolLoad>> {
    let one = (0_u32..20, 0_u32..10, 0_u32..20, 0.0..1.0_f64, any::<[bool; 4]>(), 0_u8..2);
    vec(one, 0..8).prop_map(|pools| {
        type Drawn = (u32, u32, u32, f64, [bool; 4], u8);
        let load = |(at, drawn): (usize, Drawn)| {
            let (workers, below, above, utilisation, flags, class) = drawn;
            PoolLoad {
                min: workers.saturating_sub(below),
                max: workers + above,
                delayed: flags[0] && utilisation > 0.6,
                may_give: flags[1] || flags[3],
                may_take: flags[2] || flags[3],
                class,
                ..named(at, workers, utilisation)
            }
        };
        pools.into_iter().enumerate().map(load).collect()
    })
}

/// How much of each second a square wave is high.
fn high(period: f64, duty: f64, phase: f64, second: u64) -> f64 {
    let total = |time: f64| {
        let time = time / period + phase;
        (time.floor() * duty + (time - time.floor()).min(duty)) * period
    };
    total(second as f64 + 1.0) - total(second as f64)
}

/// How used workers are by so much work, in erlangs.
fn used(erlangs: f64, workers: u32) -> f64 {
    (erlangs / f64::from(workers)).min(1.0)
}

proptest! {
    #[test]
    fn bounds_classes_and_marks_are_kept_and_every_answer_has_a_reason(
        steps in vec((loads(), any::<bool>(), 1_u64..30), 1..30),
    ) {
        let (mut law, mut now, mut pools) = (Moves::default(), 0, Vec::new());
        for (loads, on_demand, seconds) in steps {
            now += seconds;
            // Every few steps other pools, and other loads in each.
            if pools.len() != loads.len() {
                pools.clone_from(&loads);
            }
            for (pool, load) in pools.iter_mut().zip(&loads) {
                pool.utilisation = load.utilisation;
                pool.delayed = load.delayed;
            }
            let total: u32 = pools.iter().map(|pool| pool.workers).sum();
            let decision = law.step(&Sample { on_demand, ..sample(&pools) }, at(now));
            prop_assert_eq!(decision.why == Why::Moved, !decision.moves.is_empty());
            prop_assert!(decision.moves.is_empty() || decision.coefficient < 0.8);
            prop_assert_eq!(decision.why == Why::Balanced, decision.coefficient >= 0.8);
            prop_assert!(!on_demand || !matches!(decision.why, Why::Settling(_)));
            carry_out(&mut pools, &decision.moves);
            prop_assert_eq!(total, pools.iter().map(|pool| pool.workers).sum::<u32>());
        }
    }

    #[test]
    fn the_roles_are_never_exchanged(loads in loads()) {
        let decision = decide(&loads);
        let mut after = loads.clone();
        carry_out(&mut after, &decision.moves);
        let used = |name: &str| {
            let at = loads.iter().position(|pool| &*pool.name == name).unwrap();
            loads[at].utilisation * f64::from(loads[at].workers) / f64::from(after[at].workers)
        };
        for Move { from, to, .. } in &decision.moves {
            prop_assert!(used(from) < used(to), "{decision}");
            prop_assert!(used(from) <= 0.7);
        }
    }

    #[test]
    fn who_has_more_to_do_never_gets_fewer(loads in loads(), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        prop_assume!(!loads.is_empty());
        let with = |utilisation: f64| {
            let mut loads = loads.clone();
            loads[0].utilisation = utilisation;
            decide(&loads)
        };
        let (less, more) = (with(a.min(b)), with(a.max(b)));
        // More on one of many pools can make them more even as a whole, and then nobody moves.
        if more.why != Why::Balanced {
            prop_assert!(gets(&less, "0") <= gets(&more, "0"), "{less}; {more}");
        }
    }

    #[test]
    fn a_constant_load_settles_with_its_extremes_no_further_apart(
        system in vec((1_u32..20, 0.0..30.0_f64), 2..6), delays: bool,
    ) {
        let mut pools: Vec<PoolLoad> =
            system.iter().enumerate().map(|(at, (workers, _))| named(at, *workers, 0.0)).collect();
        let measure = |pools: &mut Vec<PoolLoad>| {
            for (pool, (_, erlangs)) in pools.iter_mut().zip(&system) {
                pool.utilisation = used(*erlangs, pool.workers);
                pool.delayed = delays && *erlangs > 0.7 * f64::from(pool.workers);
            }
            let used = || pools.iter().map(|pool| pool.utilisation);
            (coefficient(used()), used().fold(1.0, f64::min), used().fold(0.0, f64::max))
        };
        let before = measure(&mut pools);
        let (mut law, mut last) = (Moves::default(), 0);
        let mut gave_or_took = std::collections::BTreeMap::new();
        for second in 0..450 {
            let decision = tick(&mut law, &mut pools, second);
            measure(&mut pools);
            for Move { from, to, .. } in decision.moves {
                last = second;
                for (name, way) in [(from, "gave"), (to, "took")] {
                    prop_assert_eq!(*gave_or_took.entry(name).or_insert(way), way, "nobody does both");
                }
            }
        }
        let after = measure(&mut pools);
        prop_assert!(last < 300, "still moving after {last} s");
        prop_assert!(after.1 >= before.1 - 1e-9 && after.2 <= before.2 + 1e-9, "{before:?} to {after:?}");
        // The figure over many pools falls a little where one of several full pools gets all there is to give.
        prop_assert!(pools.len() > 2 || after.0 >= before.0 - 1e-9, "{before:?} to {after:?}");
    }

    /// What keeps it from flapping: a giver is judged by the most it had to do within a whole calm.
    #[test]
    fn no_square_wave_between_two_pools_moves_anybody(
        workers in 1_u32..=50, spare in 0_u32..3, period in 1.0..=60.0_f64, phase in 0.0..1.0_f64,
        highest in 0.81..1.5_f64, lowest in 0.0..0.5_f64,
    ) {
        let mut pools = [named(0, workers, 0.0), named(1, (workers + spare).min(50), 0.0)];
        let (highest, lowest) = (highest * f64::from(pools[1].workers), lowest * f64::from(workers));
        let mut law = Moves::default();
        for second in 0..600 {
            for (pool, phase) in pools.iter_mut().zip([phase, phase + 0.5]) {
                let high = high(period, 0.5, phase, second);
                let workers = pool.workers;
                pool.utilisation = high * used(highest, workers) + (1.0 - high) * used(lowest, workers);
            }
            let decision = tick(&mut law, &mut pools, second);
            prop_assert!(decision.moves.is_empty(), "after {second} s {decision}");
        }
    }

    #[test]
    fn no_wave_of_up_to_a_minute_moves_workers_to_and_fro(
        workers in vec(1_u32..=50, 2), period in 1.0..=60.0_f64, phases in vec(0.0..1.0_f64, 2),
        duties in vec(0.0..=1.0_f64, 2),
        highest in (0.8..2.0_f64, 0.0..1.5_f64), lowest in vec(0.0..1.0_f64, 2),
    ) {
        let mut pools = [named(0, workers[0], 0.0), named(1, workers[1], 0.0)];
        let highest = [highest.0, highest.1];
        let (mut law, mut ways) = (Moves::default(), std::collections::BTreeSet::new());
        for second in 0..600 {
            for (at, pool) in pools.iter_mut().enumerate() {
                let high = high(period, duties[at], phases[at], second);
                let before = f64::from(workers[at]);
                let used = |utilisation: f64| used(utilisation * before, pool.workers);
                pool.utilisation = high * used(highest[at]) + (1.0 - high) * used(lowest[at]);
            }
            ways.extend(tick(&mut law, &mut pools, second).moves.into_iter().map(|m| m.from));
        }
        prop_assert!(ways.len() < 2, "both gave");
    }
}

#[test]
fn an_overloaded_pool_gets_what_it_wants_from_an_idle_one_after_three_ticks() {
    let mut pools = [pool("payment", 8, 0.1), pool("delivery", 8, 0.1)];
    let mut law = after_a_minute(&pools);
    pools[0].utilisation = 1.0;
    let whys: Vec<Why> = (60..63).map(|second| law.step(&sample(&pools), at(second)).why).collect();
    assert_eq!(whys[..2], [Why::NothingOverloaded; 2], "the average of three ticks is not above 0.8 yet");
    assert_eq!(whys[2], Why::Moved);
    let decision = decide(&pools);
    let all = [Move { from: "delivery".into(), to: "payment".into(), workers: 4 }];
    assert_eq!(decision.moves, all, "8 x 1.0 / 0.7 = 11.4");
}

#[test]
fn the_most_overloaded_is_served_first_and_the_idlest_gives_first() {
    let pools = [pool("a", 8, 0.9), pool("b", 8, 1.0), pool("c", 6, 0.2), pool("d", 6, 0.05)];
    let moves = decide(&pools).moves;
    let told: Vec<_> = moves.iter().map(|m| (&*m.from, &*m.to, m.workers)).collect();
    assert_eq!(told, [("d", "b", 4), ("d", "a", 1), ("c", "a", 2)]);
}

#[test]
fn a_giver_keeps_what_it_needed_at_its_peak() {
    let mut pools = [pool("a", 8, 0.1), pool("b", 8, 0.5)];
    let mut law = after_a_minute(&pools);
    for second in 60..63 {
        law.step(&sample(&pools), at(second));
    }
    (pools[0].utilisation, pools[1].utilisation) = (1.0, 0.1);
    let decisions: Vec<Decision> = (63..67).map(|second| law.step(&sample(&pools), at(second))).collect();
    // It wants 4. Of 8 workers half were busy, which takes 6 at 70 %.
    assert_eq!(gets(&decisions[3], "a"), 2, "{}", decisions[3]);
}

#[test]
fn nothing_moves_for_the_cooldown_after_a_move() {
    let pools = [pool("a", 8, 1.0), pool("b", 8, 0.1)];
    let mut law = after_a_minute(&pools);
    let mut why = |second| law.step(&sample(&pools), at(second)).why;
    assert_eq!([why(60), why(61)], [Why::NothingOverloaded; 2]);
    assert_eq!(why(62), Why::Moved);
    // As if nobody had come: the load is what it was.
    assert_eq!(why(63), Why::Cooldown(Duration::from_secs(29)));
    assert_eq!(why(91), Why::Cooldown(Duration::from_secs(1)));
    assert_eq!(why(92), Why::Moved);
}

#[test]
fn who_was_busy_or_received_within_a_minute_keeps_its_workers() {
    let mut pools = [pool("a", 8, 0.1), pool("b", 8, 0.1)];
    let mut law = after_a_minute(&pools);
    let mut run = |loads: [f64; 2], seconds: std::ops::Range<u64>| {
        let mut last = None;
        for second in seconds {
            pools[0].utilisation = loads[0];
            pools[1].utilisation = loads[1];
            last = Some(tick(&mut law, &mut pools, second));
        }
        last.unwrap().why
    };
    assert_eq!(run([1.0, 0.1], 60..63), Why::Moved);
    // The load goes to the other pool. 12 workers that were all busy 2 s ago cannot be spared.
    run([0.65, 0.1], 63..100);
    assert!(matches!(run([0.1, 1.0], 100..120), Why::Calm(_)));
    let Why::Calm(left) = run([0.1, 1.0], 120..121) else { panic!("still calm") };
    let left = left.as_secs();
    assert!((30..50).contains(&left), "{left} s");
    assert!(matches!(run([0.1, 1.0], 121..120 + left), Why::Calm(_)));
    assert_eq!(run([0.1, 1.0], 120 + left..121 + left), Why::Moved);
}

#[test]
fn a_receiver_keeps_what_it_got_for_the_calm_even_if_it_needs_it_no_more() {
    // Found busy with 2 workers, it was then given 10: they would all be free at once.
    let mut pools = [pool("a", 2, 1.0), pool("b", 12, 0.05)];
    let mut law = after_a_minute(&pools);
    let on_demand = |pools: &[PoolLoad]| Sample { on_demand: true, ..sample(pools) };
    for second in 60..63 {
        tick(&mut law, &mut pools, second);
    }
    assert_eq!(pools[0].workers, 3);
    pools[0] = PoolLoad { utilisation: 0.1, workers: 12, ..pools[0].clone() };
    pools[1] = PoolLoad { utilisation: 1.0, workers: 4, ..pools[1].clone() };
    for second in 63..100 {
        tick(&mut law, &mut pools, second);
    }
    assert_eq!(law.step(&on_demand(&pools), at(100)).why, Why::Calm(Duration::from_secs(22)));
    assert_eq!(law.step(&on_demand(&pools), at(122)).why, Why::Moved);
}

#[test]
fn asked_it_spares_the_patience_and_tells_everything_else() {
    let mut settings = Settings::default();
    let ask = |settings: &Settings, pools: &[PoolLoad]| {
        let (settings, pools) = (settings.clone(), pools.to_vec());
        Moves::default().step(&Sample { settings, pools, on_demand: true }, at(0))
    };
    let (busy, idle) = (pool("a", 8, 1.0), pool("b", 8, 0.1));
    assert_eq!(ask(&settings, &[busy.clone(), idle.clone()]).why, Why::Moved);
    assert_eq!(ask(&settings, &[busy.clone(), busy.clone()]).why, Why::Balanced);
    assert_eq!(ask(&settings, &[]).why, Why::Balanced);
    assert_eq!(ask(&settings, &[pool("a", 8, 0.7), idle.clone()]).why, Why::NothingOverloaded);
    let delayed = PoolLoad { delayed: true, utilisation: 0.75, ..busy.clone() };
    assert_eq!(ask(&settings, &[delayed, idle.clone()]).why, Why::Moved);
    let full = PoolLoad { max: 8, ..busy.clone() };
    assert_eq!(ask(&settings, &[full, idle.clone()]).why, Why::NothingOverloaded);
    let held = PoolLoad { may_give: false, ..idle.clone() };
    assert_eq!(ask(&settings, &[busy.clone(), held]).why, Why::NobodyToGive);
    let blocking = PoolLoad { class: 1, ..idle.clone() };
    assert_eq!(ask(&settings, &[busy.clone(), blocking]).why, Why::NobodyToGive);
    let not_idle = PoolLoad { utilisation: 0.5, ..idle.clone() };
    assert_eq!(ask(&settings, &[busy.clone(), not_idle]).why, Why::NobodyToGive);
    settings.enabled = false;
    assert_eq!(ask(&settings, &[busy, idle]).why, Why::Disabled);
}

#[test]
fn a_pool_that_is_new_takes_at_once_and_gives_after_a_minute() {
    let mut law = Moves::default();
    let pools = [pool("a", 8, 1.0), pool("b", 8, 0.1)];
    let whys: Vec<Why> = (0..61).map(|second| law.step(&sample(&pools), at(second)).why).collect();
    assert_eq!(whys[0], Why::Settling(2));
    assert_eq!(whys[1], Why::Settling(1));
    assert_eq!(whys[2], Why::Calm(Duration::from_secs(58)));
    assert_eq!(whys[59], Why::Calm(Duration::from_secs(1)));
    assert_eq!(whys[60], Why::Moved);
    let mut law = after_a_minute(&pools[1..]);
    let whys: Vec<Why> = (60..63).map(|second| law.step(&sample(&pools), at(second)).why).collect();
    assert_eq!(whys, [Why::Settling(2), Why::Settling(1), Why::Moved]);
}
