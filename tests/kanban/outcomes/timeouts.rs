//! A timeout sets a flag and nothing more: a handler that looks at it fails, one that does not is done when it is done.

use std::time::Duration;

use heijunka::{Config, KanbanConfig, Outcome, RetryConfig, Work};

use crate::common::{Gate, eventually, workers};
use crate::rig::{Log, Setup, counts, dead, item, on, on_every_broker, publish, queue, quick};

on_every_broker!(a_handler_that_does_not_look_is_done_when_it_is_done, the_time_is_that_of_each_attempt);

fn short(max_attempts: u32) -> KanbanConfig {
    let retry = RetryConfig { max_attempts, timeout: Duration::from_millis(30), ..quick().retry };
    KanbanConfig { retry, ..quick() }
}

fn a_handler_that_does_not_look_is_done_when_it_is_done(setup: &dyn Setup) {
    let (log, gate, (builder, broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
        assert!(work.context().is_cancelled() && work.context().remaining() == Some(Duration::ZERO));
    };
    let runtime = builder.pool("mail", workers(1)).kanban(short(1)).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("long")]);
    gate.wait_for(1);
    let late = runtime.clock().now().after(Duration::from_millis(31));
    eventually("its time is up", || runtime.clock().now() >= late);
    // Item, permit and lease stay where they are.
    assert_eq!((queue(&runtime, "mail").running, runtime.status().admission.in_flight), (1, 1));
    gate.open();
    eventually("it is done", || counts(&runtime).acked == 1);
    assert_eq!(
        (counts(&runtime).done, counts(&runtime).failed, dead(&*broker).len(), log.len()),
        (1, 0, 0, 1)
    );
    // A number of its own for the pool, whose configuration has no say in this.
    assert_ne!(Config::default().kanban.retry.timeout, Duration::from_millis(30));
}

fn the_time_is_that_of_each_attempt(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        assert!(!work.context().is_cancelled(), "each attempt begins with all of its time");
        assert!(work.context().remaining().unwrap() <= Duration::from_millis(30));
        runs.note(work);
        while !work.context().is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Outcome::retry("too slow")
    };
    let runtime = builder.pool("mail", workers(1)).kanban(short(3)).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("slow")]);
    eventually("it is dead", || counts(&runtime).dead_lettered == 1);
    assert_eq!(log.attempts("slow"), [1, 2, 3]);
    assert_eq!(dead(&*broker)[0].error, "the handler did not end within 30ms: too slow");
}
