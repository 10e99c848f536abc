//! What is counted is what happened.

use heijunka::{ItemSpec, KanbanConfig, Outcome, Priority, RetryConfig, Stored, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{Setup, counts, drain, item, items, on, on_every_broker, publish, queue, quick};

on_every_broker!(k19_08_metrics, k19_08_metrics_of_what_waits);

/// Every way that an item can go, counted once.
fn k19_08_metrics(setup: &dyn Setup) {
    let (builder, _broker) = on(setup);
    let handler = |work: &Work<'_>| {
        let id = work.item().id.as_str();
        match id.split_once('-').unwrap().0 {
            "retry" if work.attempt() == 1 => Outcome::retry("not yet"),
            "permanent" => Outcome::dead_letter("never"),
            "attempts" => Outcome::retry("not ever"),
            "panic" if work.attempt() == 1 => panic!("{id}"),
            _ => Outcome::Done,
        }
    };
    let retry = RetryConfig { max_attempts: 3, ..quick().retry };
    let kanban = KanbanConfig { retry, payload: 1024, ..quick() };
    let runtime = builder.pool("mail", workers(2)).kanban(kanban).handler("mail", handler).start().unwrap();
    for (kind, count) in [("done-", 10), ("retry-", 5), ("permanent-", 4), ("attempts-", 3), ("panic-", 2)] {
        publish(&runtime, items(kind, count, Priority::Normal));
    }
    let publisher = runtime.kanban().unwrap().publisher().clone();
    assert!(publisher.publish(item("large").payload(vec![0; 1025])).is_err());
    assert!(publisher.publish(ItemSpec::new("no such name!")).is_err());
    eventually("all have ended", || counts(&runtime).acked + counts(&runtime).dead_lettered == 24);
    let counts = counts(&runtime);
    assert_eq!((counts.published, counts.published_twice, counts.invalid), (24, 0, 2));
    assert_eq!((counts.done, counts.acked, counts.dead_lettered), (17, 17, 7));
    // Five that failed once, four for good, three three times over, two that panicked.
    assert_eq!((counts.failed, counts.retried), (5 + 4 + 9 + 2, 5 + 6 + 2));
    assert_eq!(counts.pulled, 24 + counts.retried);
    assert_eq!((counts.not_stored, counts.unknown, counts.dropped, counts.released), (0, 0, 0, 0));
    assert_eq!((counts.duplicates, counts.concurrent, counts.gone, counts.unsettled), (0, 0, 0, 0));
    let text = runtime.metrics();
    for line in [
        "heijunka_items_pulled_total 37",
        "heijunka_items_published_total{outcome=\"stored\"} 24",
        "heijunka_items_published_total{outcome=\"invalid\"} 2",
        "heijunka_items_settled_total{outcome=\"dead_lettered\"} 7",
        "heijunka_queue_workers{domain=\"mail\"} 2",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}: {text}");
    }
    // The pool counts the same handlers.
    let pool = crate::common::pool_status(&runtime, "mail");
    assert_eq!((pool.completed, pool.failed, pool.panicked), (17, 20, 2));
    assert!(runtime.stop(GENEROUS).is_clean());
}

/// What waits, and for how long, is as the broker has it; an item that is there already is counted apart.
fn k19_08_metrics_of_what_waits(setup: &dyn Setup) {
    let (gate, (builder, _broker)) = (Gate::default(), on(setup));
    let wait = gate.waiter();
    let handler = move |_: &Work<'_>| wait();
    let runtime = builder.pool("mail", workers(1)).kanban(quick()).handler("mail", handler).start().unwrap();
    let before = runtime.clock().timestamp();
    publish(&runtime, items("n", 13, Priority::Normal));
    gate.wait_for(1);
    publish(&runtime, items("l", 7, Priority::Low));
    let again = runtime.kanban().unwrap().publisher().publish(item("n12")).unwrap();
    // A broker that does not know its ids, such as RabbitMQ, has it once more, and it is found out when it is delivered.
    let twice = if setup.stores_once() { Stored::Duplicate } else { Stored::New };
    assert_eq!(again.stored, twice);
    let all = if setup.stores_once() { 20 } else { 21 };
    // One runs and two are held, besides the lane that they are of.
    eventually("the sample is of now", || {
        let queue = queue(&runtime, "mail");
        let of =
            |priority: Priority| queue.depths[priority.index()].map(|depth| (depth.ready, depth.unsettled));
        let sum = of(Priority::Normal).zip(of(Priority::Low));
        sum.is_some_and(|(normal, low)| (normal.0 + low.0, normal.1 + low.1) == (all - 3, 3))
    });
    let queue = queue(&runtime, "mail");
    assert_eq!((queue.ready(), queue.running, queue.held, queue.workers), (all - 3, 1, 2, 1));
    let oldest = queue.oldest(Priority::Normal);
    assert!(oldest.is_some() || !setup.sees_all());
    assert!(oldest.is_none_or(|oldest| before <= oldest && oldest <= runtime.clock().timestamp()));
    assert_eq!(queue.oldest(Priority::High), None);
    assert_eq!(*queue.samples.last().unwrap(), all - 3);
    let counts = counts(&runtime);
    assert_eq!((counts.published, counts.published_twice), (all, 21 - all));
    gate.open();
    drain(&runtime);
    let counts = self::counts(&runtime);
    assert_eq!((counts.done, counts.duplicates + counts.concurrent), (20, all - 20), "it does not run again");
}
