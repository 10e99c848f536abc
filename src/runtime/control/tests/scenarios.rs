//! Hours of load in milliseconds.

use proptest::prelude::*;

use super::super::brain::Brain;
use super::super::journal::Author;
use super::world::World;
use crate::balance::coefficient;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;

/// Every decision of a world can be made again from what was written down.
fn all_reproduced(world: &World) {
    for (at, draft) in &world.written {
        if let Some(record) = &draft.record {
            assert!(record.again(*at), "{draft:?}");
        }
    }
}

fn by(world: &World, author: Author, rule: &str) -> usize {
    world.written.iter().filter(|(_, draft)| draft.author == author && draft.rule == rule).count()
}

#[test]
fn a_day_is_met_with_a_few_steps_and_nothing_overflows() {
    // From 2 erlangs at night to 18 at noon.
    let day = |t: f64| 10.0 - 8.0 * (t / (24.0 * HOUR) * std::f64::consts::TAU).cos();
    let mut world = World::new().pool("web", (2, 50), day);
    world.tick = std::time::Duration::from_secs(1);
    let (mut above, mut ticks) = (0, 0);
    for _ in 0..24 * 60 {
        world.run(MINUTE);
        ticks += 1;
        above += u32::from(world.pools["web"].utilisation > 0.85);
    }
    assert!(above * 100 < ticks, "above 85 % in {above} of {ticks} looks");
    assert!((10..80).contains(&world.changes()), "{} workers came or went", world.changes());
    all_reproduced(&world);
}

#[test]
fn a_burst_is_lent_workers_which_return_one_by_one_without_a_collapse() {
    let burst = |t: f64| if (600.0..800.0).contains(&t) { 20.0 } else { 1.0 };
    let load = move |t: f64| 1.2 * if burst(t) > 1.0 { 5.0 } else { 1.0 };
    let mut world = World::new().pool("web", (2, 50), load).pool("mail", (2, 50), |_| 1.0);
    world.rate = Box::new(move |t| 50.0 * burst(t));
    world.run(599.0);
    assert_eq!(by(&world, Author::Burst, "detected"), 0);
    world.run(8.0);
    assert_eq!(by(&world, Author::Burst, "detected"), 1, "within seconds");
    assert_eq!(world.pools["mail"].surge, 5, "five more for every pool");
    let (mut least, mut held) = (50, world.workers("mail"));
    while world.now < 1200.0 {
        world.run(1.0);
        let now = world.workers("mail");
        assert!(now + 1 >= held, "one at a time: {held} to {now}");
        assert!(now <= held || world.now < 610.0, "nobody comes while they return: {held} to {now}");
        assert!(
            world.pools["web"].utilisation <= 0.8 || world.now < 620.0,
            "{} at {}",
            world.pools["web"].utilisation,
            world.now
        );
        (least, held) = (least.min(now), now);
    }
    assert_eq!((world.pools["mail"].surge, world.pools["web"].surge), (0, 0), "the lease has ended");
    let ledger = &world.brain.ledger;
    assert_eq!(ledger.surges, 1);
    assert!((ledger.cost - 2.0 * ledger.granted.as_secs_f64()).abs() < 1e-6, "{ledger:?}");
    assert_eq!(ledger.granted, ledger.busy + ledger.idle());
    all_reproduced(&world);
}

#[test]
fn workers_move_from_the_idle_to_the_overloaded_before_new_ones_come() {
    let turned = |t: f64, early: f64, late: f64| if t < 300.0 { early } else { late };
    let mut world = World::new().pool("delivery", (2, 12), move |t| turned(t, 5.0, 0.4)).pool(
        "payment",
        (2, 12),
        move |t| turned(t, 1.0, 1.0),
    );
    world.run(300.0);
    let before = world.workers("delivery");
    assert!(before >= 6, "{before}");
    // Calm at first, so that it is known to be idle; then the other one gets busy.
    world.config.scaling.auto = false;
    world.run(90.0);
    world.pools.get_mut("payment").unwrap().load = Box::new(|_| 4.0);
    world.run(5.0);
    assert!(by(&world, Author::Balance, "moved") > 0, "{:#?}", world.written.last());
    let (delivery, payment) = (world.workers("delivery"), world.workers("payment"));
    assert_eq!(delivery + payment, before + 2, "nobody came or went");
    assert_eq!(payment, 3, "ceil(2 / 0.7): one for now");
    world.run(2.0 * MINUTE);
    assert!(world.workers("payment") > 4, "more, as often as the cooldown allows");
    assert_eq!(world.workers("delivery") + world.workers("payment"), before + 2);
    let used = world.pools.values().map(|pool| pool.utilisation);
    assert!(coefficient(used) > 0.0);
    all_reproduced(&world);
}

#[test]
fn pools_that_compute_stay_within_the_cores_and_are_told_so() {
    let mut world = World::new().pool("hash", (2, 20), |_| 12.0).pool("zip", (2, 20), |_| 12.0);
    world.cores = 10;
    for pool in world.config.pools.values_mut() {
        pool.kind = crate::pool::Kind::Cpu;
    }
    world.run(MINUTE);
    assert_eq!((world.workers("hash"), world.workers("zip")), (5, 5));
    assert!(by(&world, Author::Scaling, "core_budget") > 0);
    all_reproduced(&world);
}

#[test]
fn a_pool_whose_workers_hang_is_mended_and_one_that_fails_gets_less() {
    let mut world =
        World::new().pool("a", (2, 8), |_| 1.0).pool("b", (2, 8), |_| 1.0).pool("c", (2, 8), |_| 1.0);
    world.run(MINUTE);
    let pool = world.pools.get_mut("a").unwrap();
    (pool.failing, pool.stuck) = (0.6, 1);
    world.run(2.0 * MINUTE);
    assert_eq!(world.brain.health_of("a"), crate::pool::Health::Critical);
    assert_eq!(world.pools["a"].lost, 1);
    let pool = world.pools.get_mut("a").unwrap();
    (pool.failing, pool.stuck, pool.lost) = (0.0, 0, 0);
    world.run(5.0 * MINUTE);
    assert_eq!(world.brain.health_of("a"), crate::pool::Health::Healthy);
    all_reproduced(&world);
}

#[test]
fn what_is_set_by_hand_stays() {
    let mut world = World::new().pool("web", (2, 50), |_| 30.0);
    world.pools.get_mut("web").unwrap().by_hand = Some(4);
    world.run(MINUTE);
    assert_eq!(world.workers("web"), 4);
    world.pools.get_mut("web").unwrap().by_hand = None;
    world.run(MINUTE);
    // Grown step by step while all are busy, until fewer than four in five are.
    assert_eq!(world.workers("web"), 40);
}

#[test]
fn ten_minutes_of_a_square_wave_around_the_threshold_move_fewer_than_three_workers() {
    for (around, period) in [(0.8, 4.0), (0.8, 20.0), (0.8, 60.0), (0.5, 4.0), (0.5, 20.0), (0.5, 60.0)] {
        for workers in [2, 4, 10] {
            let wave = move |t: f64| {
                let side = if (t / period).fract() < 0.5 { 0.05 } else { -0.05 };
                f64::from(workers) * (around + side)
            };
            let mut world = World::new().pool("web", (workers, 50), wave).pool("mail", (2, 50), |_| 1.3);
            world.config.pools.get_mut("web").unwrap().min_workers = 1;
            world.run(10.0 * MINUTE);
            let decisions = world.written.iter().filter(|(_, draft)| draft.decision.contains("->")).count();
            assert!(decisions < 3, "{decisions} around {around} every {period} s with {workers} workers");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the loads: bounds hold at every tick (the world asserts it), every decision can be made again, and a
    /// load that stays ends in a size that stays.
    #[test]
    fn any_loads_settle(
        loads in prop::collection::vec((0.0..40.0_f64, 1..6_u32, 6..50_u32), 1..5),
        tick in 10..2000_u64,
    ) {
        let mut world = World::new();
        world.tick = std::time::Duration::from_millis(tick);
        for (n, (load, min, max)) in loads.iter().enumerate() {
            let load = *load;
            world = world.pool(&format!("p{n}"), (*min, *max), move |_| load);
        }
        world.run(10.0 * MINUTE);
        let settled = world.changes();
        world.run(5.0 * MINUTE);
        prop_assert_eq!(world.changes(), settled);
        for (pool, (load, _, max)) in world.pools.values().zip(&loads) {
            prop_assert!(pool.utilisation <= 0.8 || pool.workers == *max, "{} workers for {load}", pool.workers);
        }
        all_reproduced(&world);
    }
}

#[test]
fn a_new_brain_knows_nothing() {
    let mut world = World::new().pool("web", (2, 50), |_| 1.0);
    let sample = world.sample();
    let plan = Brain::default().step(&sample);
    assert!(plan.moves.is_empty() && plan.sizes.is_empty() && plan.give_up.is_empty());
}
