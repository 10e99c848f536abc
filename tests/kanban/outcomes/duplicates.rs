//! The same id in the same domain is the same item.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heijunka::{Clock, ItemSpec, MemorySeen, Seen, SeenError, SeenKey, SeenStore, Stored, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{Log, Setup, counts, item, on, on_every_broker, publish, quick, waiting};

on_every_broker!(
    what_is_done_does_not_run_again,
    what_is_there_is_not_stored_again,
    what_was_forgotten_runs_again,
    a_store_that_fails_now_and_then_loses_nothing_and_repeats_nothing,
);

fn what_is_done_does_not_run_again(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let (mails, texts) = (log.clone(), log.clone());
    let runtime = builder
        .pool("mail", workers(1))
        .pool("sms", workers(1))
        .handler("mail", move |work: &Work<'_>| mails.note(work))
        .handler("sms", move |work: &Work<'_>| texts.note(work))
        .start()
        .unwrap();
    publish(&runtime, [item("a"), item("b")]);
    eventually("both are done", || counts(&runtime).acked == 2);
    // The broker has no such item any more, so it is stored; but it is done.
    publish(&runtime, [item("a"), item("b")]);
    eventually("both are recognised", || counts(&runtime).duplicates == 2 && waiting(&*broker) == 0);
    log.each_once(2);
    publish(&runtime, [ItemSpec::new("sms").id("a")]);
    eventually("another domain is another matter", || log.len() == 3);
    eventually("it is settled", || counts(&runtime).acked == 5);
    assert_eq!((counts(&runtime).done, counts(&runtime).duplicates), (3, 2));
    assert!(runtime.drain(GENEROUS).is_clean());
}

fn what_is_there_is_not_stored_again(setup: &dyn Setup) {
    let (log, gate, (builder, _broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let runtime = builder.pool("mail", workers(1)).handler("mail", handler).start().unwrap();
    publish(&runtime, (0..10).map(item));
    gate.wait_for(1);
    // Whether it runs, is held, or waits in the broker.
    let publisher = runtime.kanban().unwrap().publisher().clone();
    for answer in publisher.publish_batch((0..10).map(item)) {
        assert_eq!(answer.unwrap().stored, Stored::Duplicate);
    }
    gate.open();
    assert!(runtime.drain(GENEROUS).is_clean());
    log.each_once(10);
    assert_eq!((counts(&runtime).published, counts(&runtime).published_twice), (10, 10));
}

fn what_was_forgotten_runs_again(setup: &dyn Setup) {
    let (log, (builder, _broker)) = (Log::default(), on(setup));
    let (runs, clock) = (log.clone(), Clock::monotonic());
    let ttl = Duration::from_millis(100);
    let seen = Arc::new(MemorySeen::new(1000, ttl, clock.clone()));
    let builder = builder.clock(clock.clone()).seen_store(seen).pool("mail", workers(1));
    let runtime = builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap();
    publish(&runtime, [item("a")]);
    eventually("it is done", || counts(&runtime).acked == 1);
    let forgotten = clock.now().after(ttl);
    eventually("it is forgotten", || clock.now() > forgotten);
    publish(&runtime, [item("a")]);
    eventually("it is done again", || counts(&runtime).acked == 2);
    assert_eq!(log.attempts("a"), [1, 1]);
}

/// Every third question fails, of each kind.
#[derive(Debug)]
struct Moody {
    inner: MemorySeen,
    asked: [AtomicU64; 2],
}

impl Moody {
    fn mood(&self, kind: usize) -> Result<(), SeenError> {
        let asked = self.asked[kind].fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(3) { Err(SeenError("not now".to_owned())) } else { Ok(()) }
    }
}

impl SeenStore for Moody {
    fn begin(&self, key: &SeenKey, lease: Duration) -> Result<Seen, SeenError> {
        self.mood(0)?;
        self.inner.begin(key, lease)
    }

    fn extend(&self, key: &SeenKey, lease: Duration) {
        self.inner.extend(key, lease);
    }

    fn done(&self, key: &SeenKey) -> Result<(), SeenError> {
        self.mood(1)?;
        self.inner.done(key)
    }

    fn forget(&self, key: &SeenKey) {
        self.inner.forget(key);
    }
}

fn a_store_that_fails_now_and_then_loses_nothing_and_repeats_nothing(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let inner = MemorySeen::new(1000, GENEROUS, Clock::monotonic());
    let seen = Arc::new(Moody { inner, asked: [AtomicU64::new(0), AtomicU64::new(0)] });
    let builder = builder.seen_store(seen).kanban(quick()).pool("mail", workers(2));
    let runtime = builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap();
    publish(&runtime, (0..30).map(item));
    eventually("all are done", || counts(&runtime).acked == 30);
    log.each_once(30);
    assert_eq!(waiting(&*broker), 0);
    assert!(counts(&runtime).released >= 10, "those whose question failed came again");
    assert!(runtime.drain(GENEROUS).is_clean());
}
