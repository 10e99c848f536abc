//! What is asked of both and told as one.

use std::time::Duration;

use heijunka::{Broker, BrokerError, BrokerRole, Outcome, Priority, Runtime, Verdict, Work};

use super::{Pair, Wrong, until};
use crate::common::{GENEROUS, workers};
use crate::rig::{depth, items, publish, quick};

/// How long a question may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Two items in the primary, then one in the fallback, which is published to from then on.
fn three() -> Pair {
    let pair = Pair::unprobed();
    pair.publish("a").unwrap();
    pair.publish("b").unwrap();
    pair.primary.set(Wrong::Full);
    for _ in 0..3 {
        let _ = pair.publish("c");
    }
    assert_eq!((pair.active(), pair.kept()), (BrokerRole::Fallback, [2, 1]));
    pair.primary.set(Wrong::Nothing);
    pair
}

#[test]
fn depths_and_counts_are_sums_and_of_one_that_is_down_the_last_known() {
    let pair = three();
    let ready = || depth(&pair.failover, Priority::Normal).ready;
    assert_eq!((ready(), pair.failover.item_count(WITHIN)), (3, Ok(3)));
    for wrong in [Wrong::Down, Wrong::Hangs] {
        pair.primary.set(wrong);
        pair.publish("d").unwrap();
        let known = 2 + pair.kept()[1];
        assert_eq!(ready(), known, "{wrong:?}");
        // It must not be taken for the whole.
        assert!(pair.failover.item_count(Duration::from_millis(500)).is_err(), "{wrong:?}");
    }
    pair.fallback.set(Wrong::Down);
    let lane = heijunka::Lane { priority: Priority::Normal, domain: heijunka::Name::new("mail").unwrap() };
    let error = pair.failover.depth(&lane, Duration::from_millis(500)).unwrap_err();
    assert!(error.to_string().contains("both"), "{error}");
}

#[test]
fn dead_letters_of_both_are_one_list() {
    let pair = Pair::new();
    let runtime = Runtime::builder()
        .on_broker(std::sync::Arc::new(pair.failover.clone()))
        .pool("mail", workers(2))
        .kanban(quick())
        .handler("mail", |_: &Work<'_>| Outcome::dead_letter("never"))
        .start()
        .unwrap();
    publish(&runtime, items("p", 5, Priority::Normal));
    pair.primary.set(Wrong::Full);
    until("it tripped", || {
        let _ = pair.publish("trips");
        pair.active() == BrokerRole::Fallback
    });
    publish(&runtime, items("f", 5, Priority::Normal));
    // What made it trip may have been stored more than once: letters are not ids.
    let died = || {
        let letters = pair.failover.dead_letters(0, 1000, WITHIN).unwrap();
        letters.iter().map(|letter| letter.item.id.clone()).collect::<std::collections::BTreeSet<_>>().len()
    };
    until("all died", || died() == 11);
    let count = || pair.failover.dead_letter_count(WITHIN).unwrap().0;
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = pair.failover.dead_letters(after, 3, WITHIN).unwrap();
        assert!(page.len() <= 3 && page.iter().all(|letter| letter.serial > after));
        let Some(last) = page.last() else { break };
        after = last.serial;
        seen.extend(page);
    }
    let mut ids: Vec<_> = seen.iter().map(|letter| letter.item.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let expected = ["f0", "f1", "f2", "f3", "f4", "p0", "p1", "p2", "p3", "p4", "trips"];
    assert_eq!(ids, expected);
    // A part would be taken for the whole.
    pair.fallback.set(Wrong::Down);
    assert!(pair.failover.dead_letters(0, 100, WITHIN).is_err());
    assert_eq!(count(), seen.len() as u64, "as last known");
    pair.fallback.set(Wrong::Nothing);
    for letter in &seen {
        assert_eq!(pair.failover.remove_dead_letter(letter.serial, WITHIN), Ok(true));
        assert_eq!(pair.failover.remove_dead_letter(letter.serial, WITHIN), Ok(false));
    }
    assert_eq!(count(), 0);
    drop(runtime.stop(GENEROUS));
}

#[test]
fn notes_are_the_primarys_alone() {
    let pair = Pair::unprobed();
    pair.failover.put_note("a", Some(b"1"), WITHIN).unwrap();
    assert_eq!(pair.primary.inner().notes(WITHIN).unwrap().len(), 1);
    assert_eq!(pair.fallback.inner().notes(WITHIN).unwrap(), []);
    pair.primary.set(Wrong::Down);
    let error = pair.failover.put_note("a", Some(b"2"), WITHIN).unwrap_err();
    assert!(matches!(error, BrokerError::Unavailable(_)), "{error:?}");
    assert!(pair.failover.notes(WITHIN).is_err());
    pair.primary.set(Wrong::Nothing);
    assert_eq!(pair.failover.notes(WITHIN).unwrap()[0].1, b"1"[..]);
}

#[test]
fn a_settlement_finds_the_broker_that_lent_the_item() {
    let pair = three();
    let lane = heijunka::Lane { priority: Priority::Normal, domain: heijunka::Name::new("mail").unwrap() };
    let pull = || pair.failover.pull(&[heijunka::Want { lane: &lane, most: 10 }], WITHIN).unwrap();
    let taken = pull();
    assert_eq!(taken.len(), 3);
    let settlements = taken
        .into_iter()
        .map(|delivery| heijunka::Settlement { ticket: delivery.ticket, verdict: Verdict::Ack })
        .collect();
    let settled = pair.failover.settle(settlements, WITHIN);
    assert!(settled.iter().all(|settled| matches!(settled, heijunka::Settled::Done)), "{settled:?}");
    assert_eq!(pair.kept(), [0, 0]);
}
