//! An item that ends its process again and again is set aside.

use std::time::Duration;

use heijunka::{KanbanConfig, RetryConfig, Runtime, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{InFile, Log, Setup, counts, dead, item, publish, quick, waiting};

/// What is delivered and never settled is no failure, but there is a limit to it.
#[test]
fn what_was_delivered_too_often_is_poison() {
    let (setup, log, gate) = (InFile::default(), Log::default(), Gate::default());
    let retry = RetryConfig { max_attempts: 2, max_deliveries: 3, ..quick().retry };
    for round in 1..=3 {
        let (runs, wait) = (log.clone(), gate.waiter());
        let handler = move |work: &Work<'_>| {
            runs.note(work);
            wait();
        };
        let kanban = KanbanConfig { retry: retry.clone(), ..quick() };
        let builder = Runtime::builder().on_broker(setup.open(GENEROUS)).kanban(kanban);
        let runtime = builder.pool("mail", workers(1)).handler("mail", handler).start().unwrap();
        if round == 1 {
            publish(&runtime, [item("poison").payload("p"), item("behind")]);
        }
        eventually("it runs", || log.attempts("poison").len() == round);
        eventually("the other is held", || counts(&runtime).pulled == 2);
        let queue = runtime.stop(Duration::from_secs(1)).kanban.unwrap();
        assert_eq!((queue.abandoned.len(), queue.given_back.len()), (1, 1), "{queue:?}");
    }
    let (runs, broker) = (log.clone(), setup.open(GENEROUS));
    let builder = Runtime::builder().on_broker(broker.clone()).kanban(KanbanConfig { retry, ..quick() });
    let builder = builder.pool("mail", workers(1));
    let runtime = builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap();
    eventually("one is dead", || counts(&runtime).dead_lettered == 1 && waiting(&*broker) == 0);
    assert_eq!(log.attempts("poison"), [1, 1, 1], "it was not run once more");
    let letter = dead(&*broker).remove(0);
    assert_eq!((letter.reason.as_str(), letter.attempts, &letter.item.payload[..]), ("poison", 0, &b"p"[..]));
    assert!(letter.error.starts_with("delivered 3 times and not settled"), "{}", letter.error);
    // What was pulled along, and given back unrun as often, is not.
    assert_eq!(log.attempts("behind"), [1]);
    gate.open();
}
