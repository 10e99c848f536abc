//! How deliveries end.

use std::time::Duration;

use crate::kanban::broker::{Settled, Settlement, Ticket, Verdict};
use crate::kanban::conformance::Subject;
use crate::kanban::conformance::stand::{Stand, WITHIN, ids};

/// How long items are put off: much longer than a call takes, and no trouble to wait for.
const DELAY: Duration = Duration::from_millis(300);

fn put_off(subject: &dyn Subject, verdict: &Verdict, failures: u32) {
    let stand = Stand::new(subject);
    stand.publish("a");
    for round in 1..=2 {
        let taken = stand.take_one();
        let since = stand.clock.now();
        stand.settled(taken.ticket, verdict.clone());
        let early = stand.pull(1);
        assert!(early.is_empty() || stand.passed(since) >= DELAY, "it came at once");
        assert!(early.is_empty(), "this machine stood still: try again");
        let again = stand.take_one();
        assert!(stand.passed(since) >= DELAY, "it came too early");
        assert!(failures == 0 || again.deliveries > round, "deliveries are counted");
        assert!(
            again.failures.is_none_or(|known| known == failures * round),
            "{:?} failures, {} expected",
            again.failures,
            failures * round
        );
        stand.settled(again.ticket, Verdict::Release { after: Duration::ZERO });
    }
}

/// It comes when its time has come, with one failure more.
pub(crate) fn a_retry_waits_and_counts_as_failure(subject: &dyn Subject) {
    put_off(subject, &Verdict::Retry { after: DELAY }, 1);
}

/// It comes when its time has come, and nothing is held against it.
pub(crate) fn a_release_waits_and_counts_as_none(subject: &dyn Subject) {
    put_off(subject, &Verdict::Release { after: DELAY }, 0);
}

/// However often it is given back, it is no nearer to being given up. For brokers that count for themselves this cannot be: they
/// leave the case out.
pub(crate) fn a_release_costs_neither_a_failure_nor_a_delivery(subject: &dyn Subject) {
    let mut stand = Stand::new(subject);
    stand.publish("a");
    stand.settled(stand.take_one().ticket, Verdict::Retry { after: Duration::ZERO });
    for round in 0..4 {
        let taken = stand.take_one();
        assert_eq!(taken.deliveries, 2, "deliveries, given back {round} times");
        assert!(matches!(taken.failures, None | Some(1)), "{:?} failures", taken.failures);
        let after = if round % 2 == 0 { Duration::ZERO } else { Duration::from_millis(1) };
        stand.settled(taken.ticket, Verdict::Release { after });
        if round == 2 && stand.durable() {
            stand.reopen();
        }
    }
}

/// In their order, whatever became of the others.
pub(crate) fn each_settlement_has_its_answer(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish_ids(&["a", "b"]);
    let mut taken = stand.take(2).into_iter();
    let (Some(first), Some(second)) = (taken.next(), taken.next()) else { panic!("two were taken") };
    let nobodys = Ticket::new(first.ticket.generation().wrapping_add(1), first.ticket.number());
    let ack = |ticket| Settlement { ticket, verdict: Verdict::Ack };
    let answers = stand.broker.settle(vec![ack(first.ticket), ack(nobodys), ack(second.ticket)], WITHIN);
    assert!(matches!(answers[..], [Settled::Done, Settled::Gone, Settled::Done]), "{answers:?}");
    assert!(stand.broker.settle(Vec::new(), WITHIN).is_empty());
    assert!(stand.broker.publish(&[], WITHIN).is_empty());
}

/// Ready, delayed and unsettled, each for itself.
pub(crate) fn depth_counts_what_waits(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let figures = || {
        let depth = stand.depth();
        (depth.ready, depth.delayed, depth.unsettled)
    };
    let is = |what: &str, expected: (u64, u64, u64)| stand.until(what, || figures() == expected);
    is("nothing", (0, 0, 0));
    assert_eq!(stand.depth().oldest, None, "of an empty lane");
    let first = stand.publish("a");
    stand.publish_ids(&["b", "c"]);
    is("three are ready", (3, 0, 0));
    assert!(stand.depth().oldest.is_none_or(|oldest| oldest == first.published));
    let since = stand.clock.now();
    let taken = stand.take_one();
    stand.until("one is taken", || figures() == (2, 0, 1) || stand.passed(since) >= stand.lease());
    let settled = stand.settle(taken.ticket, Verdict::Retry { after: Duration::from_secs(3600) });
    if stand.passed(since) < stand.lease() {
        assert!(matches!(settled, Settled::Done), "{settled:?}");
        is("one waits for its time", (2, 1, 0));
    }
    for delivery in stand.take(2) {
        stand.ack(delivery);
    }
    is("one waits for its time, and no other", (0, 1, 0));
    assert_eq!(ids(&stand.pull(9)), [""; 0]);
}
