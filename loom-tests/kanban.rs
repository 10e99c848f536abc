//! The real driver, table, laws, embedded broker in memory, worker, lanes and permits together: every item is settled once, slots
//! and permits come back, and nothing is stranded.
//!
//! Time is the one thing that is cut: the clock stands still, and a timed sleep ends only by a call. Where something failed and is
//! due to be tried again, the clock jumps there instead of the driver's sleep.

#[path = "kanban_bench.rs"]
mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32 as Plain, Ordering::Relaxed};

use self::bench::{Books, End, publish, publish_as, world};
use super::super::Mode;
use crate::admission::Class;
use crate::harness::{Model, orders};
use crate::pool::models as pool;
use crate::priority::Priority;

/// Stopped at any time: what was handed over ends and is acknowledged, the rest is given back. One slot is never two.
#[test]
fn stop_settles_or_gives_back_every_item() {
    fn execution(arrangement: usize) -> End {
        let world = world(2, Books { slots: 1, ..Books::default() });
        publish(&world.broker, "a");
        publish(&world.broker, "b");
        let shared = world.shared.clone();
        world.run(arrangement, Box::new(move || shared.set_mode(Mode::Stop)))
    }
    Model { name: "kanban::stop_settles_or_gives_back_every_item", preemptions: 1, floor: 2000 }.check(
        orders(3),
        &[(0, 2), (1, 1), (2, 0)],
        execution,
    );
}

/// Told to drain while items are published: what was there before is run; what came later is run, or stays.
#[test]
fn drain_strands_nothing() {
    fn execution(arrangement: usize) -> End {
        let world = world(2, Books { slots: 1, ..Books::default() });
        let (shared, broker, books) = (world.shared.clone(), world.broker.clone(), world.books.clone());
        let publisher = Box::new(move || {
            publish(&broker, "a");
            shared.set_mode(Mode::Drain);
            publish(&broker, "b");
        });
        let end = world.run(arrangement, publisher);
        assert!(books.ran.lock().unwrap().iter().any(|id| id == "a"), "it was there before");
        end
    }
    // With one preemption fewer the second item always comes before the end.
    Model { name: "kanban::drain_strands_nothing", preemptions: 2, floor: 150_000 }.check(
        orders(3),
        &[(1, 1), (2, 0)],
        execution,
    );
}

/// Items arrive while the driver works, looks or sleeps: all are found and run.
#[test]
fn no_arrival_is_overlooked() {
    fn execution(arrangement: usize) -> End {
        // With two slots two items are wanted, and fewer come.
        let world = world(2, Books { slots: 2, quits_after: Some(2), ..Books::default() });
        let broker = world.broker.clone();
        let publisher = Box::new(move || {
            publish(&broker, "a");
            publish(&broker, "b");
        });
        world.run(arrangement, publisher)
    }
    Model { name: "kanban::no_arrival_is_overlooked", preemptions: 1, floor: 2500 }.check(
        orders(3),
        &[(2, 0)],
        execution,
    );
}

/// A pull fails, and later a settlement: both are tried again, and the slot is taken until the settlement is confirmed.
#[test]
fn what_fails_is_tried_again() {
    fn execution(arrangement: usize) -> End {
        let books = Books {
            slots: 1,
            quits_after: Some(1),
            failing_pulls: Plain::new(1),
            failing_settlements: Plain::new(1),
            ..Books::default()
        };
        let world = world(2, books);
        let broker = world.broker.clone();
        let publisher = Box::new(move || publish(&broker, "a"));
        world.run(arrangement, publisher)
    }
    Model { name: "kanban::what_fails_is_tried_again", preemptions: 2, floor: 20000 }.check(
        orders(3),
        &[(1, 0)],
        execution,
    );
}

/// Somebody else has the only permit for a while: the item waits in the broker or in its slot, and then runs.
#[test]
fn a_permit_that_is_refused_is_asked_for_again() {
    fn execution(arrangement: usize) -> bool {
        let world = world(1, Books { slots: 1, quits_after: Some(1), ..Books::default() });
        publish(&world.broker, "a");
        let (regulator, shared) = (world.regulator.clone(), world.shared.clone());
        let got = Arc::new(Plain::new(0));
        let other = {
            let (regulator, got) = (regulator.clone(), got.clone());
            Box::new(move || {
                let permit = regulator.try_acquire(Class::NORMAL);
                got.store(u32::from(permit.is_ok()), Relaxed);
                drop(permit);
                // Stands for the time after which a driver that found no permits looks again.
                shared.desk.ring();
            })
        };
        assert_eq!(world.run(arrangement, other), (1, 0));
        let got = got.load(Relaxed) == 1;
        // An offer of pulled work that finds no permit is not counted as a refusal: only what the other was refused is.
        assert_eq!(regulator.status().refused.total(), u64::from(!got));
        got
    }
    Model { name: "kanban::a_permit_that_is_refused_is_asked_for_again", preemptions: 1, floor: 5000 }.check(
        orders(3),
        &[false, true],
        execution,
    );
}

/// Two workers end at about the same time: both reports are taken, both items settled, both slots free.
#[test]
fn two_workers_report_at_once() {
    fn execution(arrangement: usize) -> End {
        let world = world(2, Books { slots: 2, quits_after: Some(2), ..Books::default() });
        publish_as(&world.broker, Priority::High, "a");
        publish(&world.broker, "b");
        let other = pool::worker(&world.pool);
        world.run(arrangement, other)
    }
    Model { name: "kanban::two_workers_report_at_once", preemptions: 1, floor: 20000 }.check(
        orders(3),
        &[(2, 0)],
        execution,
    );
}

/// The pool closes while an item is on its way to its worker: it runs, or the pool hands it back and the broker gets it back.
#[test]
fn what_a_closing_pool_hands_back_is_given_back() {
    fn execution(arrangement: usize) -> (End, bool) {
        let world = world(2, Books { slots: 1, ..Books::default() });
        publish(&world.broker, "a");
        let (pool, shared) = (world.pool.clone(), world.shared.clone());
        let closed = pool.clone();
        let closer = Box::new(move || {
            shared.set_mode(Mode::Stop);
            pool::dismiss(&pool);
            pool::close(&pool);
        });
        let end = world.run(arrangement, closer);
        // What was handed back may be offered again before the driver hears of the stop, and even run.
        (end, end.0 == 0 && pool::abandoned(&closed) > 0)
    }
    Model { name: "kanban::what_a_closing_pool_hands_back_is_given_back", preemptions: 1, floor: 3500 }
        .check(orders(3), &[((0, 1), false), ((0, 1), true), ((1, 0), false)], execution);
}

/// The broker answers on another thread: every answer is heard, one that fails is asked for again, and the clerk ends with its driver.
#[test]
fn what_the_clerk_hears_reaches_the_driver() {
    fn execution(arrangement: usize) -> End {
        let books = Books {
            slots: 1,
            quits_after: Some(1),
            failing_settlements: Plain::new(1),
            durable: true,
            ..Books::default()
        };
        let mut world = world(2, books);
        publish(&world.broker, "a");
        let office = world.office.take().expect("the broker is durable");
        world.run(arrangement, Box::new(move || office.serve()))
    }
    Model { name: "kanban::what_the_clerk_hears_reaches_the_driver", preemptions: 2, floor: 80_000 }.check(
        orders(3),
        &[(1, 0)],
        execution,
    );
}
