//! The ends of what a broker takes: size, time, and its own.

use std::sync::Arc;
use std::time::Duration;

use crate::kanban::broker::{BrokerError, PublishError, Settled, Settlement, Stored, Verdict, Want};
use crate::kanban::conformance::Subject;
use crate::kanban::conformance::stand::{HANGS, Stand, WITHIN, lane};
use crate::kanban::item::{ItemError, ItemSpec};
use crate::priority::Priority;

/// What is too large is wrong in itself, and in nobody's way.
pub(crate) fn the_largest_payload_fits_and_no_larger(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let most = stand.broker.traits().max_payload;
    let pattern = |length: usize| (0..=250_u8).cycle().take(length).collect::<Vec<_>>();
    let make = |id: &str, length| stand.make(ItemSpec::new("mail").id(id).payload(pattern(length)));
    let items = [make("fits", most), make("larger", most + 1), make("small", 1)];
    let answers = stand.broker.publish(&items, WITHIN);
    let too_large = ItemError::TooLarge { bytes: most + 1, most };
    assert_eq!(answers, [Ok(Stored::New), Err(PublishError::Invalid(too_large)), Ok(Stored::New)]);
    for delivery in stand.take(2) {
        let length = if delivery.item.id.as_str() == "fits" { most } else { 1 };
        assert!(delivery.item.payload == pattern(length), "the payload is what it was");
        stand.ack(delivery);
    }
}

/// A call whose time is up answers, and what it confirmed is kept.
pub(crate) fn impatient_calls_lose_nothing(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let lane = lane(Priority::Normal);
    let (mut stored, mut unknown, mut done) = (Vec::new(), Vec::new(), Vec::new());
    let since = stand.clock.now();
    for n in 0..50_u64 {
        let within = Duration::from_micros(n % 5 * 50);
        let item = stand.item(&format!("i{n}"));
        match &stand.broker.publish(std::slice::from_ref(&item), within)[..] {
            [Ok(_)] => stored.push(item.id.clone()),
            [Err(PublishError::Unknown(_))] => unknown.push(item.id.clone()),
            [Err(PublishError::NotStored(_))] => {}
            answers => panic!("{answers:?}"),
        }
        let _ = stand.broker.depth(&lane, within);
        if n % 5 == 0
            && let Ok(taken) = stand.broker.pull(&[Want { lane: &lane, most: 1 }], within)
        {
            for delivery in taken {
                let id = delivery.item.id.clone();
                let settlement = Settlement { ticket: delivery.ticket, verdict: Verdict::Ack };
                match &stand.broker.settle(vec![settlement], within)[..] {
                    [Settled::Done] => done.push(id),
                    [Settled::Failed(..)] => unknown.push(id),
                    [Settled::Gone] => {}
                    answers => panic!("{answers:?}"),
                }
            }
        }
        let _ = stand.broker.dead_letter_count(within);
        let _ = stand.broker.notes(within);
    }
    assert!(stand.passed(since) < HANGS, "calls went on long after their time");
    stored.retain(|id| !done.contains(id) && !unknown.contains(id));
    stand.until("everything confirmed came", || {
        for delivery in stand.pull(10) {
            let id = delivery.item.id.clone();
            assert!(!done.contains(&id), "{id} was done with");
            stored.retain(|left| *left != id);
            stand.ack(delivery);
        }
        stored.is_empty()
    });
}

/// Every call, instead of hanging or losing something.
pub(crate) fn a_closed_broker_says_so(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish("a");
    let taken = stand.take_one();
    let broker = Arc::clone(&stand.broker);
    broker.close(WITHIN);
    let closed = BrokerError::Closed;
    let lane = lane(Priority::Normal);
    let refused = [Err(PublishError::NotStored(closed.clone()))];
    assert_eq!(broker.publish(&[stand.item("b")], WITHIN), refused);
    assert_eq!(broker.pull(&[Want { lane: &lane, most: 1 }], WITHIN).unwrap_err(), closed);
    assert_eq!(broker.extend(&[&taken.ticket], WITHIN), Err(closed.clone()));
    let answer = stand.settle(taken.ticket, Verdict::Ack);
    assert!(matches!(&answer, Settled::Failed(_, error) if *error == closed), "{answer:?}");
    let arrivals = stand.arrivals.clone();
    assert_eq!(broker.open(std::slice::from_ref(&lane), arrivals, WITHIN), Err(closed.clone()));
    assert_eq!(broker.depth(&lane, WITHIN), Err(closed.clone()));
    assert_eq!(broker.dead_letters(0, 1, WITHIN), Err(closed.clone()));
    assert_eq!(broker.dead_letter_count(WITHIN), Err(closed.clone()));
    assert_eq!(broker.remove_dead_letter(1, WITHIN), Err(closed.clone()));
    let note = broker.put_note("a", None, WITHIN);
    assert!(matches!(note, Err(BrokerError::Closed | BrokerError::Unsupported(_))), "{note:?}");
}
