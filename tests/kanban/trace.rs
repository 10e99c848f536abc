//! Trace context, carried from the publisher to the handler.

use std::sync::Arc;

use heijunka::{DeadLetterFilter, Outcome, ReplayOptions, Work};
use parking_lot::Mutex;

use crate::common::{eventually, workers};
use crate::rig::{Setup, counts, drain, item, on, on_every_broker, publish, quick};

on_every_broker!(
    a_traceparent_reaches_the_handler_however_often_it_runs,
    what_is_no_traceparent_is_passed_on
);

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Once more after a failure, and once more from the dead letters.
fn a_traceparent_reaches_the_handler_however_often_it_runs(setup: &dyn Setup) {
    let (seen, (builder, _broker)) = (Arc::new(Mutex::new(Vec::new())), on(setup));
    let noted = seen.clone();
    let handler = move |work: &Work<'_>| {
        let item = work.item();
        noted
            .lock()
            .push((item.trace().map(|trace| trace.to_string()), item.trace_state().map(str::to_owned)));
        match (item.replays(), work.attempt()) {
            (0, 1) => Outcome::retry("once"),
            (0, _) => Outcome::dead_letter("for good"),
            _ => Outcome::Done,
        }
    };
    let runtime = builder.pool("mail", workers(1)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("a").header("Traceparent", TRACE).header("tracestate", "a=1:2%3,b=ä")]);
    eventually("it is dead", || counts(&runtime).dead_lettered == 1);
    let letters = runtime.kanban().unwrap().dead_letters().clone();
    let report = letters.replay_all(&DeadLetterFilter::default(), &ReplayOptions::default());
    assert_eq!(report.letters.len(), 1, "{report:?}");
    eventually("it is done", || counts(&runtime).done == 1);
    drain(&runtime);
    let expected = (Some(TRACE.to_owned()), Some("a=1:2%3,b=ä".to_owned()));
    assert_eq!(*seen.lock(), vec![expected; 3]);
}

/// It is a header as any other, and nothing is made of it.
fn what_is_no_traceparent_is_passed_on(setup: &dyn Setup) {
    let (seen, (builder, _broker)) = (Arc::new(Mutex::new(Vec::new())), on(setup));
    let noted = seen.clone();
    let handler = move |work: &Work<'_>| {
        let item = work.item();
        assert_eq!((item.trace(), item.trace_state()), (None, None));
        noted.lock().push(item.headers["traceparent"].clone());
    };
    let runtime = builder.pool("mail", workers(1)).kanban(quick()).handler("mail", handler).start().unwrap();
    let wrong = TRACE.to_uppercase();
    publish(&runtime, [item("a").header("traceparent", &wrong).header("tracestate", "a=1")]);
    drain(&runtime);
    assert_eq!(*seen.lock(), [wrong]);
}
