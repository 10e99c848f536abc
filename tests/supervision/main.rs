//! H18: a control thread that dies is started again, and nothing else suffers.
//!
//! The fault comes from outside: whoever listens to the log may panic, and here it does, on the control thread, when it is told to.
//! A listener is one for the whole process, so this is a binary of its own, and its tests take turns.

#[allow(dead_code, reason = "shared with the other suites; this one does not need all of it")]
#[path = "../common/mod.rs"]
mod common;
mod faults;

use std::time::Duration;

use heijunka::{Author, Readiness, Runtime};

use common::load::{NAP, Relays, accounted, elastic, fast, journal, told};
use common::{GENEROUS, Gate, Outcome, eventually, pool_status};
use faults::{CAUSE, Faults};

const RULE: &str = "panic: the listener broke";

fn workers(runtime: &Runtime) -> u32 {
    pool_status(runtime, "pool").workers
}

/// A panic payload whose end is a panic itself: it takes its worker along.
struct Poison;

impl Drop for Poison {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the poison works");
    }
}

fn kill_a_worker(runtime: &Runtime) {
    let domain = runtime.domain("pool").unwrap();
    assert!(domain.submit(1, |_| std::panic::panic_any(Poison)).unwrap().result().is_err());
}

#[test]
fn h18_a_control_thread_that_dies_is_started_again() {
    let faults = Faults::take_turn();
    let runtime = fast(20).pool("pool", elastic(3, 12)).start().unwrap();
    let domain = runtime.domain("pool").unwrap();
    assert_eq!(runtime.readiness(), Readiness::Ready);
    // Two jobs hold their permits all the while.
    let gate = Gate::default();
    gate.occupy(&domain, 1, 2);
    let relays = Relays::new(&runtime, "pool", NAP);

    faults.keep_it_down();
    faults.arm();
    // The pool grows; saying so is what kills the control thread.
    relays.set(1);
    faults.wait_for_death();
    let down = Readiness::ControlDown(CAUSE.to_owned());
    assert_eq!(runtime.readiness(), down);
    let status = runtime.status();
    assert_eq!((status.readiness, status.control.deaths), (down, 1));
    let before = (status.control.ticks, workers(&runtime));
    assert!(before.1 > 3, "what had been decided was done: {}", journal(&runtime));
    assert_eq!(told(&runtime, Author::Control, None, RULE).len(), 1, "{}", journal(&runtime));

    // Everything but control goes on.
    for n in 0..100_u64 {
        assert_eq!(domain.submit(n, move |_| n).unwrap().result(), Ok(n));
    }
    relays.end();
    relays.set(0);
    eventually("permits are with the jobs that run, and no others", || {
        runtime.status().admission.in_flight == 2
    });
    runtime.check_health();
    runtime.rebalance();
    kill_a_worker(&runtime);
    let status = runtime.status();
    assert_eq!((status.control.ticks, workers(&runtime)), before, "nobody looks meanwhile");
    assert!(!runtime.readiness().is_ready());

    faults.let_it_come_back();
    eventually("it is ready again", || runtime.readiness() == Readiness::Ready);
    eventually("it ticks", || runtime.status().control.ticks > before.0 + 4);
    eventually("the worker that died is replaced", || pool_status(&runtime, "pool").replaced_workers == 1);
    assert_eq!((workers(&runtime), runtime.status().admission.in_flight), (before.1, 2));
    // It decides again.
    relays.set(12);
    eventually("the pool grows", || workers(&runtime) > before.1);
    let death = told(&runtime, Author::Control, None, RULE);
    assert_eq!(death.len(), 1);
    assert!(death[0].decision.contains("starts again in 50ms from its last committed state"), "{}", death[0]);
    let decided = told(&runtime, Author::Scaling, Some("pool"), "busy");
    assert!(decided.iter().any(|entry| entry.number < death[0].number));
    assert!(decided.iter().any(|entry| entry.number > death[0].number), "{}", journal(&runtime));
    assert_eq!(runtime.status().control.deaths, 1);
    gate.open();
    relays.end();
    accounted(&runtime);
}

#[test]
fn h18_a_control_thread_that_dies_repeatedly_comes_back_each_time() {
    const DEATHS: u64 = 4;
    let faults = Faults::take_turn();
    let runtime = fast(20).pool("pool", elastic(2, 2)).start().unwrap();
    for deaths in 1..=DEATHS {
        faults.arm();
        // Saying that the worker died kills the control thread, which has replaced it before.
        kill_a_worker(&runtime);
        eventually("it has died", || runtime.status().control.deaths == deaths);
        eventually("it is back", || runtime.readiness() == Readiness::Ready);
        eventually("the worker is replaced", || pool_status(&runtime, "pool").replaced_workers == deaths);
        assert_eq!(workers(&runtime), 2);
    }
    let pauses: Vec<_> = told(&runtime, Author::Control, None, RULE)
        .iter()
        .map(|entry| entry.decision.split_once("again in ").unwrap().1.split_once(' ').unwrap().0.to_owned())
        .collect();
    assert_eq!(pauses.len(), 4);
    assert_eq!(pauses[0], "50ms", "later ones wait longer, unless it lived for long in between: {pauses:?}");
    accounted(&runtime);
}

#[test]
fn h18_a_runtime_ends_while_its_control_thread_is_down() {
    let faults = Faults::take_turn();
    let runtime = fast(20).pool("pool", elastic(2, 2)).start().unwrap();
    faults.keep_it_down();
    faults.arm();
    kill_a_worker(&runtime);
    faults.wait_for_death();
    // Somewhere between its death and its new beginning, which is not to be.
    faults.let_it_come_back();
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    assert!(report.took < GENEROUS / 2, "nobody waited for it in vain");
    assert_eq!(runtime.readiness(), Readiness::Ending);
    let ticks = runtime.status().control.ticks;
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(runtime.status().control.ticks, ticks, "it is gone");
}
