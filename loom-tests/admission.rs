//! Admission under every interleaving: never more than the limits, nothing lost, nothing seen half done.

use std::sync::atomic::{AtomicU32 as Plain, Ordering::Relaxed};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};

use super::limits::{Class, Limits};
use super::tokens::Tokens;
use crate::harness::{Model, Role, Watched, orders, run};

/// Counts what is held in cells that loom does not see, so that counting orders nothing.
#[derive(Default)]
struct Held {
    normal: Plain,
    total: Plain,
    admitted: Plain,
}

impl Held {
    fn hold(&self, class: Class, limits: Limits) {
        let normal = u32::from(class != Class::PRIORITY);
        assert!(self.total.fetch_add(1, Relaxed) < limits.hard(), "more than the hard limit");
        assert!(self.normal.fetch_add(normal, Relaxed) + normal <= limits.normal(), "the reserve was lent");
        self.admitted.fetch_add(1, Relaxed);
    }

    fn let_go(&self, class: Class) {
        self.total.fetch_sub(1, Relaxed);
        self.normal.fetch_sub(u32::from(class != Class::PRIORITY), Relaxed);
    }
}

fn limits(hard: u32, reserved: u32) -> Limits {
    Limits::new(1, hard, reserved).unwrap()
}

/// Two callers want the one place that is not reserved, a third has the reserve.
#[test]
fn two_classes_never_over_admit() {
    fn execution(arrangement: usize) -> u32 {
        let limits = limits(2, 1);
        let tokens = Arc::new(Tokens::new(limits, []));
        let held = std::sync::Arc::new(Held::default());
        let role = |class: Class| {
            let (tokens, held) = (tokens.clone(), held.clone());
            Box::new(move || {
                if tokens.try_acquire(class, 1).is_ok() {
                    held.hold(class, limits);
                    // Somewhere to be interrupted while holding.
                    tokens.in_flight();
                    held.let_go(class);
                    tokens.release(class, 1);
                }
            }) as Role
        };
        run(vec![role(Class::NORMAL), role(Class::NORMAL), role(Class::PRIORITY)], arrangement);
        let left = tokens.in_flight();
        assert_eq!((left.normal, left.total), (0, 0), "permits are conserved");
        held.admitted.load(Relaxed)
    }
    // Two: one normal caller met the other inside. Three: they came one after the other.
    Model { name: "admission::two_classes_never_over_admit", preemptions: 2, floor: 500 }.check(
        orders(3),
        &[2, 3],
        execution,
    );
}

/// Nobody is refused while there is room: two callers and two places, however often permits come and go.
#[test]
fn nobody_is_refused_while_there_is_room() {
    fn execution(arrangement: usize) -> u32 {
        let limits = limits(2, 0);
        let tokens = Arc::new(Tokens::new(limits, []));
        let held = std::sync::Arc::new(Held::default());
        let role = |times: u32| {
            let (tokens, held) = (tokens.clone(), held.clone());
            Box::new(move || {
                for _ in 0..times {
                    assert!(tokens.try_acquire(Class::NORMAL, 1).is_ok(), "refused while there is room");
                    held.hold(Class::NORMAL, limits);
                    held.let_go(Class::NORMAL);
                    tokens.release(Class::NORMAL, 1);
                }
            }) as Role
        };
        run(vec![role(3), role(2)], arrangement);
        assert_eq!(tokens.in_flight().total, 0, "permits are conserved");
        tokens.close();
        assert!(tokens.is_drained());
        held.admitted.load(Relaxed)
    }
    Model { name: "admission::nobody_is_refused_while_there_is_room", preemptions: 3, floor: 100 }.check(
        orders(2),
        &[5],
        execution,
    );
}

/// What was done under a permit is visible also to whoever gets in because a third caller looked into the trays.
#[test]
fn what_another_found_in_the_trays_is_visible() {
    fn execution(arrangement: usize) -> u32 {
        let tokens = Arc::new(Tokens::new(limits(1, 0), []));
        let data = Arc::new(Watched::default());
        let worker = || {
            let (tokens, data) = (tokens.clone(), data.clone());
            Box::new(move || {
                if tokens.try_acquire(Class::NORMAL, 1).is_ok() {
                    data.add_one();
                    tokens.release(Class::NORMAL, 1);
                }
            }) as Role
        };
        let looker = {
            let tokens = tokens.clone();
            Box::new(move || assert!(tokens.try_acquire(Class::NORMAL, 2).is_err())) as Role
        };
        run(vec![worker(), worker(), looker], arrangement);
        data.get()
    }
    Model { name: "admission::what_another_found_in_the_trays_is_visible", preemptions: 2, floor: 500 }
        .check(orders(3), &[1, 2], execution);
}

/// What was done under a permit is visible to whoever gets it next.
#[test]
fn a_permit_hands_over_what_was_done_under_it() {
    fn execution(arrangement: usize) -> u32 {
        let tokens = Arc::new(Tokens::new(limits(1, 0), []));
        let data = Arc::new(Watched::default());
        let role = || {
            let (tokens, data) = (tokens.clone(), data.clone());
            Box::new(move || {
                if tokens.try_acquire(Class::NORMAL, 1).is_ok() {
                    data.add_one();
                    tokens.release(Class::NORMAL, 1);
                }
            }) as Role
        };
        run(vec![role(), role()], arrangement);
        data.get()
    }
    Model { name: "admission::a_permit_hands_over_what_was_done_under_it", preemptions: 3, floor: 10 }.check(
        orders(2),
        &[1, 2],
        execution,
    );
}

/// An acquire that starts after the limits were lowered obeys the lower ones; one that races sees either.
#[test]
fn an_acquire_after_the_change_obeys_it() {
    fn execution(arrangement: usize) -> (bool, bool) {
        let tokens = Arc::new(Tokens::new(limits(2, 0), []));
        let got = std::sync::Arc::new([const { std::sync::atomic::AtomicBool::new(false) }; 2]);
        assert!(tokens.try_acquire(Class::NORMAL, 1).is_ok());
        let changer = {
            let (tokens, got) = (tokens.clone(), got.clone());
            Box::new(move || {
                tokens.set_limits(limits(1, 0));
                got[0].store(tokens.try_acquire(Class::NORMAL, 1).is_ok(), Relaxed);
            }) as Role
        };
        let racer = {
            let (tokens, got) = (tokens.clone(), got.clone());
            Box::new(move || got[1].store(tokens.try_acquire(Class::PRIORITY, 1).is_ok(), Relaxed)) as Role
        };
        run(vec![changer, racer], arrangement);
        (got[0].load(Relaxed), got[1].load(Relaxed))
    }
    Model { name: "admission::an_acquire_after_the_change_obeys_it", preemptions: 3, floor: 6 }.check(
        orders(2),
        &[(false, false), (false, true)],
        execution,
    );
}

/// The same, told to another thread: whoever knows of the change obeys it.
#[test]
fn whoever_was_told_of_the_change_obeys_it() {
    fn execution(arrangement: usize) -> Option<bool> {
        let tokens = Arc::new(Tokens::new(limits(1, 0), []));
        let told = Arc::new(AtomicBool::new(false));
        let outcome = std::sync::Arc::new(std::sync::Mutex::new(None));
        let changer = {
            let (tokens, told) = (tokens.clone(), told.clone());
            Box::new(move || {
                tokens.set_limits(limits(2, 0));
                told.store(true, Ordering::Release);
            }) as Role
        };
        let other = {
            let (tokens, outcome) = (tokens.clone(), outcome.clone());
            Box::new(move || {
                if told.load(Ordering::Acquire) {
                    *outcome.lock().unwrap() = Some(tokens.try_acquire(Class::NORMAL, 2).is_ok());
                }
            }) as Role
        };
        run(vec![changer, other], arrangement);
        let outcome = outcome.lock().unwrap();
        *outcome
    }
    Model { name: "admission::whoever_was_told_of_the_change_obeys_it", preemptions: 3, floor: 4 }.check(
        orders(2),
        &[None, Some(true)],
        execution,
    );
}

/// After the close the total only falls: at zero, everything ever admitted has ended, and its effects are visible.
#[test]
fn drained_means_that_everything_admitted_has_ended() {
    fn execution(arrangement: usize) -> u32 {
        let tokens = Arc::new(Tokens::new(limits(1, 0), []));
        let data = Arc::new(Watched::default());
        let worker = || {
            let (tokens, data) = (tokens.clone(), data.clone());
            Box::new(move || {
                if tokens.try_acquire(Class::NORMAL, 1).is_ok() {
                    data.add_one();
                    tokens.release(Class::NORMAL, 1);
                }
            }) as Role
        };
        let seen = std::sync::Arc::new(Plain::new(0));
        let closer = {
            let (tokens, data, seen) = (tokens.clone(), data.clone(), seen.clone());
            Box::new(move || {
                tokens.close();
                while !tokens.is_drained() {
                    loom::thread::yield_now();
                }
                seen.store(data.get(), Relaxed);
            }) as Role
        };
        run(vec![worker(), worker(), closer], arrangement);
        seen.load(Relaxed)
    }
    Model {
        name: "admission::drained_means_that_everything_admitted_has_ended",
        preemptions: 2,
        floor: 1000,
    }
    .check(orders(3), &[0, 1, 2], execution);
}

/// A sub-limit and the word are taken together or not at all.
#[test]
fn a_sub_limit_is_never_exceeded_and_never_leaks() {
    fn execution(arrangement: usize) -> u32 {
        let tokens = Arc::new(Tokens::new(limits(1, 0), [1]));
        let held = std::sync::Arc::new(Held::default());
        let role = |class: Class| {
            let (tokens, held) = (tokens.clone(), held.clone());
            Box::new(move || {
                if tokens.try_acquire(class, 1).is_ok() {
                    held.hold(class, limits(1, 0));
                    tokens.in_flight();
                    held.let_go(class);
                    tokens.release(class, 1);
                }
            }) as Role
        };
        let capped = Class::NORMAL.capped_by(super::limits::SubLimitId(0));
        run(vec![role(capped), role(Class::NORMAL)], arrangement);
        assert_eq!(tokens.in_flight().total, 0);
        assert_eq!(tokens.subs().next(), Some((0, 1)), "nothing is left in the sub-limit");
        held.admitted.load(Relaxed)
    }
    Model { name: "admission::a_sub_limit_is_never_exceeded_and_never_leaks", preemptions: 3, floor: 20 }
        .check(orders(2), &[1, 2], execution);
}
