//! Dead letters of what is not done in time.

use std::time::Duration;

use heijunka::{KanbanConfig, Outcome, RetryConfig, Work};

use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{Log, Setup, counts, dead, item, on, on_every_broker, publish, quick, told, waiting};

on_every_broker!(k19_04_dead_letter_after_timeout);

/// A handler that sees its time is up fails; after the last attempt its item lies among the dead letters, and others are not touched.
fn k19_04_dead_letter_after_timeout(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        while work.item().id.as_str() == "slow" {
            if work.context().is_cancelled() {
                return Outcome::retry("gave up");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Outcome::Done
    };
    let timeout = Duration::from_millis(40);
    let retry = RetryConfig { max_attempts: 3, timeout, ..quick().retry };
    let builder = builder.pool("mail", workers(2)).kanban(KanbanConfig { retry, ..quick() });
    let runtime = builder.handler("mail", handler).start().unwrap();
    let slow = item("slow").key("k").payload("what").header("trace", "1");
    publish(&runtime, [slow, item("fast")]);
    eventually("one is dead, the other done", || {
        counts(&runtime).dead_lettered == 1 && counts(&runtime).acked == 1
    });
    assert_eq!(log.attempts("slow"), [1, 2, 3]);
    assert_eq!(log.attempts("fast"), [1]);
    let letters = dead(&*broker);
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.item.id.as_str(), letter.reason.as_str(), letter.attempts), ("slow", "attempts", 3));
    assert_eq!(letter.error, "the handler did not end within 40ms: gave up");
    assert_eq!((&letter.item.payload[..], letter.item.key.as_deref()), (&b"what"[..], Some("k")));
    assert_eq!(letter.item.headers["trace"], "1");
    assert_eq!(waiting(&*broker), 0);
    let told = told(&runtime, "dead_letter");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].decision, "mail: slow is dead: attempts");
    assert!(runtime.stop(GENEROUS).is_clean());
}
