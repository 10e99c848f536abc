//! Deliveries that nobody settles, and those that are settled too late.

use crate::kanban::broker::{Death, Settled, Verdict};
use crate::kanban::conformance::Subject;
use crate::kanban::conformance::stand::{Stand, WITHIN, copy, ids};
use std::time::Duration;

/// Not before it has passed, and then with one delivery more and no failure.
pub(crate) fn a_lease_that_passes_delivers_again(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish("a");
    let since = stand.clock.now();
    assert_eq!(stand.take_one().deliveries, 1);
    let early = stand.pull(1);
    assert!(early.is_empty() || stand.passed(since) >= stand.lease(), "it was delivered again at once");
    drop(early);
    for expected in 2..4 {
        let again = stand.take_one();
        assert!(stand.passed(since) >= stand.lease(), "it came again while leased");
        assert!(again.deliveries >= expected, "{} deliveries, {expected} expected", again.deliveries);
        assert!(!matches!(again.failures, Some(1..)), "nobody said that it failed");
    }
}

/// However long the item is worked on.
pub(crate) fn an_extended_lease_is_kept(subject: &dyn Subject) {
    for _ in 0..10 {
        let stand = Stand::new(subject);
        stand.publish("a");
        let mut last = stand.clock.now();
        let taken = stand.take_one();
        let since = stand.clock.now();
        // On a machine that stops for longer than a lease, it says nothing; then it is tried again.
        let mut late = false;
        while !late && stand.passed(since) < stand.lease() * 3 {
            std::thread::sleep(stand.lease() / 8);
            let begin = stand.clock.now();
            stand.broker.extend(&[&taken.ticket], WITHIN).expect("it can be extended");
            let more = stand.pull(1);
            late = stand.passed(last) >= stand.lease();
            last = begin;
            assert!(late || more.is_empty(), "it was delivered again while its lease was kept");
        }
        if !late {
            stand.ack(taken);
            stand.outwait();
            assert_eq!(ids(&stand.pull(1)), [""; 0]);
            return;
        }
        stand.broker.close(WITHIN);
    }
    panic!("this machine is too slow for a lease so short: make it longer");
}

/// Whatever it says: the item belongs to somebody else.
pub(crate) fn a_stale_ticket_touches_nothing(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish("a");
    let first = stand.take_one();
    stand.outwait();
    let death = Death {
        item: first.item.clone(),
        reason: "permanent",
        error: String::new(),
        attempts: 1,
        at: stand.clock.timestamp(),
    };
    let after = Duration::from_secs(3600);
    let verdicts = [
        Verdict::Ack,
        Verdict::Retry { after },
        Verdict::Release { after },
        Verdict::DeadLetter(Box::new(death)),
    ];
    let second = stand.take_one();
    for verdict in verdicts {
        let answer = stand.settle(copy(&first.ticket), verdict.clone());
        assert!(matches!(answer, Settled::Gone), "{verdict:?}: {answer:?}");
    }
    // Extending what is gone is no error, and extends nothing.
    stand.broker.extend(&[&first.ticket], WITHIN).expect("it can be asked");
    assert_eq!(stand.letters().0, 0);
    drop(second);
    stand.ack(stand.take_one());
}

/// A second settlement of the same delivery finds nothing.
pub(crate) fn a_ticket_settles_once(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish("a");
    let taken = stand.take_one();
    let forged = copy(&taken.ticket);
    stand.settled(taken.ticket, Verdict::Release { after: Duration::ZERO });
    let answer = stand.settle(forged, Verdict::Ack);
    assert!(matches!(answer, Settled::Gone), "{answer:?}");
    stand.ack(stand.take_one());
}
