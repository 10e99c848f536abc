//! A stop runs nothing more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{ItemId, Outcome, Readiness, Report, Runtime, Work};

use crate::common::{GENEROUS, Gate, beside, eventually, workers};
use crate::rig::{InFile, InMemory, Log, Setup, counts, item, on, on_every_broker, publish, quick, waiting};

on_every_broker!(
    a_stop_finishes_what_runs_and_gives_back_the_rest,
    a_handler_that_ignores_the_end_is_named,
    what_is_stopped_publishes_no_more,
);

fn ids(ids: &[ItemId]) -> BTreeSet<&str> {
    ids.iter().map(ItemId::as_str).collect()
}

/// One runs, two are held, and seven are in the broker when it is stopped.
fn stopped(setup: &dyn Setup, log: &Log) -> Report {
    let (gate, (builder, broker)) = (Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let runtime = builder.pool("mail", workers(1)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, (0..10).map(item));
    gate.wait_for(1);
    eventually("two are held", || counts(&runtime).pulled == 3);
    assert_eq!(runtime.readiness(), Readiness::Ready);
    let runtime = Arc::new(runtime);
    let stopping = beside({
        let runtime = runtime.clone();
        move || runtime.stop(GENEROUS)
    });
    eventually("what is held is given back", || counts(&runtime).released == 2);
    assert_eq!(runtime.readiness(), Readiness::Ending);
    eventually("its status tells", || runtime.kanban().unwrap().status().consumer.unwrap().draining);
    assert_eq!((counts(&runtime).pulled, gate.came(), waiting(&*broker)), (3, 1, 10));
    gate.open();
    let report = stopping.join();
    assert_eq!(runtime.stop(Duration::ZERO), report, "a second one tells the same");
    assert_eq!(runtime.drain(GENEROUS), report, "and so does a drain");
    assert_eq!((counts(&runtime).done, counts(&runtime).acked, log.len()), (1, 1, 1));
    report
}

fn a_stop_finishes_what_runs_and_gives_back_the_rest(setup: &dyn Setup) {
    let log = Log::default();
    let report = stopped(setup, &log);
    let queue = report.kanban.clone().unwrap();
    assert_eq!(ids(&queue.given_back), BTreeSet::from(["1", "2"]));
    assert_eq!((queue.abandoned.len(), queue.left), (0, Some(9)));
    assert_eq!((report.abandoned, report.unjoined.len()), (0, 0));
}

/// What is left in memory is lost, and that is no clean end.
#[test]
fn what_is_left_in_memory_is_lost_and_told() {
    let report = stopped(&InMemory, &Log::default());
    let queue = report.kanban.clone().unwrap();
    assert_eq!((queue.volatile, queue.lost()), (true, 9));
    assert!(!queue.is_clean() && !report.is_clean());
}

/// What is left in a file is there for the next one, at once, and what was given back lost no attempt.
#[test]
fn what_is_left_in_a_file_is_not_lost() {
    let (setup, log) = (InFile::default(), Log::default());
    let report = stopped(&setup, &log);
    let queue = report.kanban.clone().unwrap();
    assert_eq!((queue.volatile, queue.lost()), (false, 0));
    assert!(queue.is_clean() && report.is_clean());
    let (runs, (builder, _broker)) = (log.clone(), on(&setup));
    let builder = builder.pool("mail", workers(1)).kanban(quick());
    let next = builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap();
    assert!(next.drain(GENEROUS).is_clean());
    log.each_once(10);
    assert!(log.runs().iter().all(|run| run.attempt == 1));
}

/// It keeps its thread, and its item is told as abandoned; the next process does it again.
fn a_handler_that_ignores_the_end_is_named(setup: &dyn Setup) {
    let (gate, (builder, _broker)) = (Gate::default(), on(setup));
    let wait = gate.waiter();
    let handler = move |work: &Work<'_>| match work.item().id.as_str() {
        "stuck" => wait(),
        _ => {
            while !work.context().is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    };
    let builder = builder.pool("mail", workers(3)).kanban(quick());
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, [item("stuck"), item("looks")]);
    gate.wait_for(1);
    eventually("both run", || runtime.status().admission.in_flight == 2);
    let report = runtime.stop(Duration::from_secs(5));
    let queue = report.kanban.clone().unwrap();
    assert_eq!(ids(&queue.abandoned), BTreeSet::from(["stuck"]));
    assert!(queue.given_back.is_empty());
    assert_eq!(report.unjoined.len(), 1, "{report:?}");
    assert!(report.unjoined[0].starts_with("hj-mail-"));
    assert!(!report.is_clean() && !queue.is_clean());
    // It saw the end, and was done all the same.
    assert_eq!((counts(&runtime).acked, queue.left), (1, Some(1)));
    assert_eq!(runtime.stop(GENEROUS), report);
    gate.open();
    eventually("the last permit is back", || runtime.status().admission.in_flight == 0);
    assert_eq!(counts(&runtime).acked, 1, "nobody listens any more");
}

fn what_is_stopped_publishes_no_more(setup: &dyn Setup) {
    let (builder, _broker) = on(setup);
    let runtime: Runtime =
        builder.pool("mail", workers(1)).handler("mail", |_: &Work<'_>| Outcome::Done).start().unwrap();
    let kanban = runtime.kanban().unwrap();
    assert!(runtime.stop(GENEROUS).is_clean());
    let refused = kanban.publisher().publish(item("late")).unwrap_err();
    assert_eq!(refused.to_string(), "not stored: the broker is closed");
    assert!(!refused.is_temporary());
    assert_eq!(kanban.status().counts.not_stored, 1);
}
