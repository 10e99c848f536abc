//! A drain empties the queue and loses nothing.

use heijunka::{Outcome, Priority, Work};

use crate::common::{GENEROUS, workers};
use crate::rig::{Log, Setup, counts, dead, items, on, on_every_broker, publish, quick, waiting};

on_every_broker!(k19_06_drain);

/// Whatever waits, also for its next attempt, is done before a drain returns; what failed for good is kept.
fn k19_06_drain(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        match work.item().lane.priority {
            Priority::High => Outcome::dead_letter("never"),
            Priority::Normal if work.attempt() < 3 => Outcome::retry("not yet"),
            _ => Outcome::Done,
        }
    };
    let runtime = builder.pool("mail", workers(3)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, items("high", 20, Priority::High));
    publish(&runtime, items("normal", 300, Priority::Normal));
    publish(&runtime, items("low", 300, Priority::Low));
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    let queue = report.kanban.unwrap();
    // Dead letters are no items that are left.
    assert_eq!((queue.left, queue.lost()), (Some(0), 0));
    assert!(queue.given_back.is_empty() && queue.abandoned.is_empty());
    let counts = counts(&runtime);
    assert_eq!((counts.done, counts.retried, counts.dead_lettered), (600, 600, 20));
    assert_eq!(log.len(), 20 + 3 * 300 + 300);
    assert_eq!(runtime.status().admission.in_flight, 0);
    if broker.traits().durable {
        drop((runtime, broker));
        let broker = setup.open(GENEROUS);
        assert_eq!((waiting(&*broker), dead(&*broker).len()), (0, 20));
    }
}
