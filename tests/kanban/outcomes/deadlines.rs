//! Items that nobody wants any more.

use std::time::Duration;

use heijunka::{Expired, ItemError, KanbanConfig, Outcome, PublishError, Runtime, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{Log, Setup, counts, dead, item, on, on_every_broker, publish, quick, told, waiting};

on_every_broker!(
    what_is_late_goes_to_the_dead_letters,
    what_is_late_is_dropped_where_that_is_wished_for,
    what_is_late_while_it_is_held_is_not_run_either,
    what_would_be_late_at_its_next_attempt_is_dead_now,
    what_is_late_already_is_not_published,
);

const SOON: Duration = Duration::from_millis(60);

/// A runtime whose one worker is held up, with items behind that are late by the time it is free; and how many ran.
fn late(
    setup: &dyn Setup,
    expired: Expired,
    prefetch: u32,
    check: impl FnOnce(&Runtime, &dyn heijunka::Broker),
) {
    let (log, gate, (builder, broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let builder = builder.pool("mail", workers(1)).kanban(KanbanConfig { expired, prefetch, ..quick() });
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, [item("first")]);
    gate.wait_for(1);
    publish(&runtime, (0..3).map(|n| item(n).deadline_in(SOON)));
    publish(&runtime, [item("timely").deadline_in(GENEROUS)]);
    let late = runtime.clock().timestamp().after(SOON);
    eventually("they are late", || runtime.clock().timestamp() > late);
    gate.open();
    // The broker knows it before the counts do.
    let told = || counts(&runtime).acked + counts(&runtime).dead_lettered;
    eventually("all have ended", || waiting(&*broker) == 0 && told() == 5);
    check(&runtime, &*broker);
    let ran: Vec<String> = log.runs().into_iter().map(|run| run.id).collect();
    assert_eq!(ran, ["first", "timely"]);
    assert_eq!(counts(&runtime).done, 2);
    assert!(runtime.drain(GENEROUS).is_clean());
}

fn what_is_late_goes_to_the_dead_letters(setup: &dyn Setup) {
    late(setup, Expired::DeadLetter, 0, |runtime, broker| {
        let letters = dead(broker);
        assert_eq!(letters.len(), 3);
        let is_it = |letter: &heijunka::DeadLetter| letter.reason == "expired" && letter.attempts == 0;
        assert!(letters.iter().all(is_it), "{letters:?}");
        assert_eq!((counts(runtime).dead_lettered, counts(runtime).dropped), (3, 0));
        assert_eq!(told(runtime, "dead_letter").len(), 3);
    });
}

fn what_is_late_is_dropped_where_that_is_wished_for(setup: &dyn Setup) {
    late(setup, Expired::Drop, 0, |runtime, broker| {
        assert_eq!((counts(runtime).dead_lettered, counts(runtime).dropped), (0, 3));
        assert!(dead(broker).is_empty());
    });
}

fn what_is_late_while_it_is_held_is_not_run_either(setup: &dyn Setup) {
    late(setup, Expired::DeadLetter, 10, |_, broker| assert_eq!(dead(broker).len(), 3));
}

fn what_would_be_late_at_its_next_attempt_is_dead_now(setup: &dyn Setup) {
    let (builder, broker) = on(setup);
    let handler = |_: &Work<'_>| Outcome::retry_after(Duration::from_secs(3600), "in an hour");
    let runtime = builder.pool("mail", workers(1)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("today").deadline_in(Duration::from_secs(60))]);
    eventually("it is dead", || counts(&runtime).dead_lettered == 1);
    let letter = dead(&*broker).remove(0);
    assert_eq!(
        (letter.reason.as_str(), letter.error.as_str(), letter.attempts),
        ("expired", "in an hour", 1)
    );
}

fn what_is_late_already_is_not_published(setup: &dyn Setup) {
    let (builder, broker) = on(setup);
    let runtime = builder.pool("mail", workers(1)).start().unwrap();
    let publisher = runtime.kanban().unwrap().publisher().clone();
    let answer = publisher.publish(item("late").deadline(runtime.clock().timestamp()));
    assert_eq!(answer, Err(PublishError::Invalid(ItemError::Expired)));
    assert_eq!((waiting(&*broker), counts(&runtime).invalid, counts(&runtime).published), (0, 1, 0));
}
