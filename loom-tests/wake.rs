//! Sleeping and waking: no wake-up is lost. A lost one leaves a thread asleep for ever, which loom reports as a deadlock.
//!
//! The lane is one atomic: a send is assumed to be a Release that a receive Acquires, and no more, so that the proof
//! holds for any correct channel.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};

use super::{Closed, IdleSet};
use crate::harness::{Model, Role, orders, run};
use crate::sync::Parker;

/// How often work was found without sleeping, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Awake,
    AfterSleep,
}

struct Lane(AtomicU32);

impl Lane {
    fn send(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn has_work(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, |work| work.checked_sub(1)).is_ok()
    }
}

/// Takes one piece of work, sleeping until there is some.
fn take_one(slot: usize, parker: &Parker, lane: &Lane, idle: &IdleSet) -> Found {
    let mut found = Found::Awake;
    while !lane.take() {
        idle.sleep(slot, parker, false, || lane.has_work());
        found = Found::AfterSleep;
    }
    found
}

#[test]
fn a_hand_over_wakes_the_sleeper() {
    fn execution(arrangement: usize) -> Found {
        let (idle, mut parkers) = IdleSet::new(1);
        let (idle, lane) = (Arc::new(idle), Arc::new(Lane(AtomicU32::new(0))));
        let parker = parkers.remove(0);
        let outcome = std::sync::Arc::new(std::sync::Mutex::new(Found::Awake));
        let submitter = {
            let (idle, lane) = (idle.clone(), lane.clone());
            Box::new(move || {
                lane.send();
                assert_eq!(idle.work_arrived(), Closed(false));
            }) as Role
        };
        let worker = {
            let outcome = outcome.clone();
            Box::new(move || {
                let found = take_one(0, &parker, &lane, &idle);
                *outcome.lock().unwrap() = found;
            }) as Role
        };
        run(vec![submitter, worker], arrangement);
        let outcome = outcome.lock().unwrap();
        *outcome
    }
    Model { name: "wake::a_hand_over_wakes_the_sleeper", preemptions: 3, floor: 20 }.check(
        orders(2),
        &[Found::Awake, Found::AfterSleep],
        execution,
    );
}

/// While one spins, submitters wake nobody; the spinner makes good for it when it stops.
#[test]
fn a_spinner_that_stops_leaves_no_work_unseen() {
    fn execution(arrangement: usize) -> Found {
        let (idle, mut parkers) = IdleSet::new(2);
        let (idle, lane) = (Arc::new(idle), Arc::new(Lane(AtomicU32::new(0))));
        let sleeper_parker = parkers.remove(1);
        let outcome = std::sync::Arc::new(std::sync::Mutex::new(Found::Awake));
        let submitter = {
            let (idle, lane) = (idle.clone(), lane.clone());
            Box::new(move || {
                lane.send();
                assert_eq!(idle.work_arrived(), Closed(false));
            }) as Role
        };
        // Begins when the other may sleep already (falling asleep ends the spinning), and leaves without taking work, as
        // a worker does that is told to.
        let spinner = {
            let (idle, lane) = (idle.clone(), lane.clone());
            Box::new(move || {
                if idle.try_spin(false) {
                    idle.end_spin(|| lane.has_work());
                }
            }) as Role
        };
        let sleeper = {
            let outcome = outcome.clone();
            Box::new(move || {
                let found = take_one(1, &sleeper_parker, &lane, &idle);
                *outcome.lock().unwrap() = found;
            }) as Role
        };
        run(vec![submitter, spinner, sleeper], arrangement);
        let outcome = outcome.lock().unwrap();
        *outcome
    }
    Model { name: "wake::a_spinner_that_stops_leaves_no_work_unseen", preemptions: 2, floor: 500 }.check(
        orders(3),
        &[Found::Awake, Found::AfterSleep],
        execution,
    );
}

/// Two pieces of work from two submitters, two sleepers: each gets one.
#[test]
fn two_hand_overs_wake_two_sleepers() {
    fn execution(arrangement: usize) -> [Found; 2] {
        let (idle, parkers) = IdleSet::new(2);
        let (idle, lane) = (Arc::new(idle), Arc::new(Lane(AtomicU32::new(0))));
        let outcome = std::sync::Arc::new(std::sync::Mutex::new([Found::Awake; 2]));
        let mut roles: Vec<Role> = Vec::new();
        for (slot, parker) in parkers.into_iter().enumerate() {
            let (idle, lane, outcome) = (idle.clone(), lane.clone(), outcome.clone());
            roles.push(Box::new(move || {
                let found = take_one(slot, &parker, &lane, &idle);
                outcome.lock().unwrap()[slot] = found;
            }));
        }
        roles.push(Box::new(move || {
            for _ in 0..2 {
                lane.send();
                assert_eq!(idle.work_arrived(), Closed(false));
            }
        }));
        run(roles, arrangement);
        let mut outcome = *outcome.lock().unwrap();
        outcome.sort_unstable();
        outcome
    }
    let accepted = [
        [Found::Awake, Found::Awake],
        [Found::Awake, Found::AfterSleep],
        [Found::AfterSleep, Found::AfterSleep],
    ];
    Model { name: "wake::two_hand_overs_wake_two_sleepers", preemptions: 2, floor: 500 }.check(
        orders(3),
        &accepted,
        execution,
    );
}

/// An only worker keeps the spinner's bits while it works; a second worker that falls asleep is woken all the same.
#[test]
fn the_bits_of_a_lone_spinner_hide_no_sleeper() {
    fn execution(arrangement: usize) -> Found {
        let (idle, mut parkers) = IdleSet::new(2);
        let (idle, lane) = (Arc::new(idle), Arc::new(Lane(AtomicU32::new(0))));
        let parker = parkers.remove(1);
        let outcome = std::sync::Arc::new(std::sync::Mutex::new(Found::Awake));
        assert!(idle.try_spin(true));
        // Took a job and works on it: if it was alone then, its bits stay.
        let lone = {
            let (idle, lane) = (idle.clone(), lane.clone());
            Box::new(move || idle.end_spin(|| lane.has_work())) as Role
        };
        let submitter = {
            let (idle, lane) = (idle.clone(), lane.clone());
            Box::new(move || {
                lane.send();
                assert_eq!(idle.work_arrived(), Closed(false));
            }) as Role
        };
        let newcomer = {
            let outcome = outcome.clone();
            Box::new(move || {
                let found = take_one(1, &parker, &lane, &idle);
                *outcome.lock().unwrap() = found;
            }) as Role
        };
        run(vec![lone, submitter, newcomer], arrangement);
        let outcome = outcome.lock().unwrap();
        *outcome
    }
    Model { name: "wake::the_bits_of_a_lone_spinner_hide_no_sleeper", preemptions: 2, floor: 200 }.check(
        orders(3),
        &[Found::Awake, Found::AfterSleep],
        execution,
    );
}

/// What is handed over while the pool closes is seen by the closer, or its submitter is told: one of them hands it back.
#[test]
fn closing_overlooks_nothing() {
    fn execution(arrangement: usize) -> (bool, bool) {
        let (idle, _parkers) = IdleSet::new(1);
        let (idle, lane) = (Arc::new(idle), Arc::new(Lane(AtomicU32::new(0))));
        let seen = std::sync::Arc::new(std::sync::Mutex::new((false, false)));
        let submitter = {
            let (idle, lane, seen) = (idle.clone(), lane.clone(), seen.clone());
            Box::new(move || {
                lane.send();
                let told = idle.work_arrived() == Closed(true);
                seen.lock().unwrap().0 = told;
            }) as Role
        };
        let closer = {
            let seen = seen.clone();
            Box::new(move || {
                idle.close();
                let found = lane.has_work();
                seen.lock().unwrap().1 = found;
            }) as Role
        };
        run(vec![submitter, closer], arrangement);
        let seen = seen.lock().unwrap();
        assert!(seen.0 || seen.1, "nobody hands it back");
        *seen
    }
    Model { name: "wake::closing_overlooks_nothing", preemptions: 3, floor: 10 }.check(
        orders(2),
        &[(false, true), (true, false), (true, true)],
        execution,
    );
}
