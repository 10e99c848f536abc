//! What a durable broker still knows when it is opened anew. Of others nothing is asked.

use std::time::Duration;

use crate::kanban::broker::{BrokerError, Settled, Stored, Verdict};
use crate::kanban::conformance::Subject;
use crate::kanban::conformance::stand::{Stand, WITHIN, ids};

/// Items with all that is known of them, dead letters, notes.
pub(crate) fn everything_survives_reopening(subject: &dyn Subject) {
    let mut stand = Stand::new(subject);
    if !stand.durable() {
        return;
    }
    let soon = Duration::from_millis(200);
    stand.publish_ids(&["dead", "failed", "late"]);
    let death = stand.bury(stand.take_one());
    let failed = stand.take_one();
    stand.settled(failed.ticket, Verdict::Retry { after: soon });
    let late = stand.take_one();
    stand.settled(late.ticket, Verdict::Release { after: Duration::from_secs(3600) });
    let ready = stand.publish("ready");
    let written = stand.broker.put_note("note", Some(b"kept"), WITHIN);
    assert!(matches!(written, Ok(()) | Err(BrokerError::Unsupported(_))), "{written:?}");
    stand.reopen();
    let taken = stand.take(2);
    for delivery in &taken {
        let is_ready = delivery.item.id == ready.id;
        assert!(is_ready || delivery.item.id.as_str() == "failed", "{:?}", delivery.item);
        assert!(!is_ready || *delivery.item == *ready);
        assert_eq!(delivery.deliveries, if is_ready { 1 } else { 2 }, "{:?}", delivery.item);
        assert!(delivery.failures.is_none_or(|failures| failures == u32::from(!is_ready)));
    }
    assert_eq!(stand.depth().delayed, 1, "the one that is late");
    let letters = stand.broker.dead_letters(0, 10, WITHIN).expect("it lists dead letters");
    let [letter] = &letters[..] else { panic!("one died: {letters:?}") };
    assert_eq!((&letter.item, letter.at), (&death.item, death.at));
    if written.is_ok() {
        let kept = stand.broker.notes(WITHIN).expect("notes can be read");
        assert_eq!(kept, [("note".to_owned(), b"kept"[..].into())]);
    }
    let first = letter.serial;
    assert_eq!(stand.broker.remove_dead_letter(first, WITHIN), Ok(true));
    for delivery in taken {
        stand.ack(delivery);
    }
    stand.reopen();
    stand.publish("dies");
    stand.bury(stand.take_one());
    let letters = stand.broker.dead_letters(0, 10, WITHIN).expect("it lists dead letters");
    assert!(letters[0].serial > first, "the number of one that is gone is not given to another");
}

/// Delivered and not settled: its old ticket is worth nothing, even if a delivery has the same number now.
pub(crate) fn an_interrupted_item_comes_again_after_reopening(subject: &dyn Subject) {
    let mut stand = Stand::new(subject);
    if !stand.durable() {
        return;
    }
    stand.publish("a");
    let mut before = stand.take_one();
    for deliveries in 2..5 {
        stand.reopen();
        let again = stand.take_one();
        assert_eq!(again.deliveries, deliveries, "every delivery counts, the interrupted ones too");
        assert!(!matches!(again.failures, Some(1..)), "nobody said that it failed");
        let answer = stand.settle(before.ticket, Verdict::Ack);
        assert!(matches!(answer, Settled::Gone), "{answer:?}");
        before = again;
    }
    stand.ack(before);
    stand.reopen();
    assert_eq!(ids(&stand.pull(9)), [""; 0]);
}

/// Acked is acked.
pub(crate) fn what_was_settled_stays_so_after_reopening(subject: &dyn Subject) {
    let mut stand = Stand::new(subject);
    if !stand.durable() {
        return;
    }
    stand.publish_ids(&["done", "kept"]);
    stand.ack(stand.take_one());
    stand.reopen();
    assert_eq!(ids(&stand.take(1)), ["kept"]);
    assert_eq!(ids(&stand.pull(9)), [""; 0]);
}

/// What is stored is known by its id. For brokers that know no ids this cannot be: they leave the case out.
pub(crate) fn an_id_is_still_known_after_reopening(subject: &dyn Subject) {
    let mut stand = Stand::new(subject);
    if !stand.durable() {
        return;
    }
    stand.publish("kept");
    stand.reopen();
    let again = stand.broker.publish(&[stand.item("kept")], WITHIN);
    assert_eq!(again, [Ok(Stored::Duplicate)]);
    assert_eq!(ids(&stand.take(1)), ["kept"]);
    assert_eq!(ids(&stand.pull(9)), [""; 0]);
}
