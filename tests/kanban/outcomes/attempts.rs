//! Failures: tried again, later and later, up to a number of attempts.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{DomainConfig, KanbanConfig, Moment, Outcome, Priority, RetryConfig, RetryOverrides, Work};
use parking_lot::Mutex;

use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{Log, Setup, counts, dead, depth, item, on, on_every_broker, publish, quick};

on_every_broker!(
    what_fails_is_tried_again,
    a_wait_that_is_asked_for_is_kept,
    what_waits_for_its_next_attempt_holds_nothing,
    what_fails_for_good_is_dead_at_once,
    what_fails_too_often_is_dead,
    an_error_that_is_returned_is_a_failure,
);

/// Attempts are counted from one; a panic is a failure as any other.
fn what_fails_is_tried_again(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        match (work.item().id.as_str(), work.attempt()) {
            ("panics", 1) => panic!("once"),
            ("fails", 1 | 2) => Outcome::retry("not yet"),
            _ => Outcome::Done,
        }
    };
    let runtime = builder.pool("mail", workers(2)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("fails"), item("panics"), item("works")]);
    eventually("all are done", || counts(&runtime).acked == 3);
    assert_eq!(log.attempts("fails"), [1, 2, 3]);
    assert_eq!(log.attempts("panics"), [1, 2]);
    assert_eq!(log.attempts("works"), [1]);
    assert!(dead(&*broker).is_empty());
    assert_eq!(counts(&runtime).retried, 3);
    assert!(runtime.drain(GENEROUS).is_clean());
}

/// It does not come before the time that its handler asked for.
fn a_wait_that_is_asked_for_is_kept(setup: &dyn Setup) {
    let (times, (builder, _broker)) = (Arc::new(Mutex::new(Vec::<Moment>::new())), on(setup));
    let clock = heijunka::Clock::monotonic();
    let (noted, now) = (times.clone(), clock.clone());
    let wait = Duration::from_millis(120);
    let handler = move |work: &Work<'_>| {
        noted.lock().push(now.now());
        if work.attempt() < 3 { Outcome::retry_after(wait, "later") } else { Outcome::Done }
    };
    let builder = builder.clock(clock).pool("mail", workers(1)).kanban(quick());
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, [item("waits")]);
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "a drain waits for it as well: {report:?}");
    let times = times.lock();
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= wait), "{times:?}");
}

/// Neither a slot, nor a permit, nor a worker.
fn what_waits_for_its_next_attempt_holds_nothing(setup: &dyn Setup) {
    let (builder, broker) = on(setup);
    let handler = |work: &Work<'_>| match work.item().id.as_str() {
        "waits" => Outcome::retry_after(Duration::from_secs(3600), "much later"),
        _ => Outcome::Done,
    };
    let runtime = builder.pool("mail", workers(1)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("waits")]);
    eventually("it waits", || depth(&*broker, Priority::Normal).delayed == 1);
    eventually("its slot is free", || runtime.kanban().unwrap().status().consumer.unwrap().slots_used == 0);
    assert_eq!(runtime.status().admission.in_flight, 0);
    publish(&runtime, (0..100).map(item));
    eventually("others are done", || counts(&runtime).acked == 100);
    assert_eq!(counts(&runtime).retried, 1);
    let queue = runtime.stop(GENEROUS).kanban.unwrap();
    assert_eq!((queue.left, queue.given_back.len()), (Some(1), 0));
}

fn what_fails_for_good_is_dead_at_once(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        Outcome::dead_letter("no such customer")
    };
    let runtime = builder.pool("mail", workers(1)).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("wrong")]);
    eventually("it is dead", || counts(&runtime).dead_lettered == 1);
    let letter = dead(&*broker).remove(0);
    assert_eq!((letter.reason.as_str(), letter.error.as_str()), ("permanent", "no such customer"));
    assert_eq!((letter.attempts, log.len()), (1, 1));
    // It died once the process had begun, whatever the time is.
    assert!(letter.at >= letter.item.published);
}

/// The number is that of its domain, and the last error is kept, be it a panic.
fn what_fails_too_often_is_dead(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let (fails, panics) = (log.clone(), log.clone());
    let own = RetryOverrides { max_attempts: Some(2), ..RetryOverrides::default() };
    let retry = RetryConfig { max_attempts: 4, ..quick().retry };
    let runtime = builder
        .kanban(KanbanConfig { retry, ..quick() })
        .domain("sms", DomainConfig { retry: own, ..DomainConfig::default() })
        .pool("mail", workers(1))
        .pool("sms", workers(1))
        .handler("mail", move |work: &Work<'_>| {
            fails.note(work);
            Outcome::retry(format_args!("failure {}", work.attempt()))
        })
        .handler("sms", move |work: &Work<'_>| {
            panics.note(work);
            assert!(work.attempt() != 2, "no more");
            Outcome::retry("not yet")
        })
        .start()
        .unwrap();
    publish(&runtime, [item("m"), heijunka::ItemSpec::new("sms").id("s")]);
    eventually("both are dead", || counts(&runtime).dead_lettered == 2);
    assert_eq!(
        (log.attempts("m").as_slice(), log.attempts("s").as_slice()),
        (&[1, 2, 3, 4][..], &[1, 2][..])
    );
    let mut letters = dead(&*broker);
    letters.sort_by_key(|letter| letter.attempts);
    let told: Vec<_> = letters.iter().map(|letter| (letter.reason.as_str(), letter.error.as_str())).collect();
    assert_eq!(told, [("attempts", "the handler panicked: no more"), ("attempts", "failure 4")]);
    assert!(runtime.drain(GENEROUS).is_clean());
}

fn an_error_that_is_returned_is_a_failure(setup: &dyn Setup) {
    let (builder, broker) = on(setup);
    let retry = RetryConfig { max_attempts: 1, ..quick().retry };
    let handler = |work: &Work<'_>| work.item().json::<u32>().map(drop);
    let builder = builder.pool("mail", workers(1)).kanban(KanbanConfig { retry, ..quick() });
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, [item("text").payload("seven"), item("number").payload("7")]);
    eventually("both have ended", || counts(&runtime).acked + counts(&runtime).dead_lettered == 2);
    let letter = dead(&*broker).remove(0);
    assert_eq!(letter.item.id.as_str(), "text");
    assert!(letter.error.contains("JSON"), "{}", letter.error);
}
