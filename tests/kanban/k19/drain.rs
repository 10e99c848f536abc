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
    let many = setup.fewer(300);
    publish(&runtime, items("normal", many, Priority::Normal));
    publish(&runtime, items("low", many, Priority::Low));
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    let queue = report.kanban.unwrap();
    // Dead letters are no items that are left.
    assert_eq!((queue.left, queue.lost()), (setup.sees_all().then_some(0), 0));
    assert!(queue.given_back.is_empty() && queue.abandoned.is_empty());
    let (counts, all) = (counts(&runtime), 20 + 4 * many);
    let many = many as u64;
    assert_eq!((counts.done, counts.retried, counts.dead_lettered), (2 * many, 2 * many, 20));
    assert_eq!(log.len(), all);
    assert_eq!(runtime.status().admission.in_flight, 0);
    if broker.traits().durable {
        drop((runtime, broker));
        let broker = setup.open(GENEROUS);
        assert_eq!((waiting(&*broker), dead(&*broker).len()), (0, 20));
    }
}
