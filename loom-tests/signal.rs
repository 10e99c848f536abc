//! Calling a driver that may sleep: no call is lost, and whatever was made before it is found. A lost one leaves the driver asleep
//! for ever, which loom reports as a deadlock.

use std::sync::Mutex;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};

use super::{Call, Signal};
use crate::harness::{Model, Role, Watched, orders, run};
use crate::sync::Parker;

/// Whether everything was found without sleeping, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Awake,
    AfterSleep,
}

/// Where one caller counts what it made, with no ordering of its own: what the driver finds in it, the signal must bring.
#[derive(Default)]
struct Lane(AtomicU32);

impl Lane {
    fn make(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn made(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes calls and looks, as a driver does, until the look finds everything.
fn drive(signal: &Signal, parker: &Parker, mut look: impl FnMut(bool) -> bool) -> Found {
    let mut found = Found::Awake;
    loop {
        let arrived = signal.take();
        if look(arrived) {
            return found;
        }
        if !signal.is_pending() {
            parker.park();
            found = Found::AfterSleep;
        }
    }
}

/// One caller for each number, which makes so many things and calls after each.
fn callers(numbers: &[u32], arrangement: usize) -> Found {
    let parker = Parker::new();
    let signal = Signal::new(parker.unparker().clone());
    let lanes: Vec<Arc<Lane>> = numbers.iter().map(|_| Arc::default()).collect();
    let mut roles: Vec<Role> = Vec::new();
    for (&number, lane) in numbers.iter().zip(&lanes) {
        let (signal, lane) = (signal.clone(), lane.clone());
        roles.push(Box::new(move || {
            for _ in 0..number {
                lane.make();
                signal.call(Call::Desk);
            }
        }));
    }
    let outcome = std::sync::Arc::new(Mutex::new(Found::Awake));
    let (told, numbers) = (outcome.clone(), numbers.to_vec());
    roles.push(Box::new(move || {
        let all = |_| lanes.iter().zip(&numbers).all(|(lane, number)| lane.made() == *number);
        let found = drive(&signal, &parker, all);
        *told.lock().unwrap() = found;
    }));
    run(roles, arrangement);
    *outcome.lock().unwrap()
}

#[test]
fn a_call_wakes_the_driver() {
    Model { name: "signal::a_call_wakes_the_driver", preemptions: 3, floor: 20 }.check(
        orders(2),
        &[Found::Awake, Found::AfterSleep],
        |arrangement| callers(&[1], arrangement),
    );
}

#[test]
fn every_one_of_several_calls_is_heard() {
    Model { name: "signal::every_one_of_several_calls_is_heard", preemptions: 3, floor: 20 }.check(
        orders(2),
        &[Found::Awake, Found::AfterSleep],
        |arrangement| callers(&[3], arrangement),
    );
}

#[test]
fn two_callers_are_both_heard() {
    Model { name: "signal::two_callers_are_both_heard", preemptions: 3, floor: 1000 }.check(
        orders(3),
        &[Found::Awake, Found::AfterSleep],
        |arrangement| callers(&[1, 1], arrangement),
    );
}

/// One of them finds the other's call pending, or its own, and must neither lose nor hide one.
#[test]
fn a_pending_call_hides_no_later_one() {
    Model { name: "signal::a_pending_call_hides_no_later_one", preemptions: 2, floor: 1000 }.check(
        orders(3),
        &[Found::Awake, Found::AfterSleep],
        |arrangement| callers(&[2, 1], arrangement),
    );
}

/// Whoever takes an arrival has what was made for it, whoever else called before or after.
#[test]
fn a_call_hands_over_what_was_made() {
    fn execution(arrangement: usize) -> Found {
        let parker = Parker::new();
        let signal = Signal::new(parker.unparker().clone());
        let made = Arc::new(Watched::default());
        let outcome = std::sync::Arc::new(Mutex::new(Found::Awake));
        let publisher = {
            let (signal, made) = (signal.clone(), made.clone());
            Box::new(move || {
                made.add_one();
                signal.call(Call::Arrival);
            }) as Role
        };
        let worker = {
            let signal = signal.clone();
            Box::new(move || signal.call(Call::Desk)) as Role
        };
        let driver = {
            let told = outcome.clone();
            Box::new(move || {
                let found = drive(&signal, &parker, |arrived| arrived && made.get() == 1);
                *told.lock().unwrap() = found;
            }) as Role
        };
        run(vec![publisher, worker, driver], arrangement);
        *outcome.lock().unwrap()
    }
    Model { name: "signal::a_call_hands_over_what_was_made", preemptions: 3, floor: 1000 }.check(
        orders(3),
        &[Found::Awake, Found::AfterSleep],
        execution,
    );
}
