//! From publishing to pulling.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kanban::broker::{Stored, Verdict, Want};
use crate::kanban::conformance::Subject;
use crate::kanban::conformance::stand::{HANGS, Stand, WITHIN, ids, lane, lane_of};
use crate::kanban::item::ItemSpec;
use crate::priority::Priority;

/// Every field of an item is what it was.
pub(crate) fn items_arrive_whole(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let bare = stand.publish("bare");
    let all_bytes: Vec<u8> = (0..=255).collect();
    let spec = ItemSpec::new("mail").id("!full~").key("the key: ö").payload(all_bytes);
    let spec = spec.header("One", "1").header("empty", "").header("UTF-8", "häßlich").deadline_in(HANGS * 20);
    let full = stand.make(spec);
    stand.publish_all(std::slice::from_ref(&full));
    let taken = stand.take(2);
    for delivery in taken {
        let expected = if delivery.item.id == bare.id { &bare } else { &full };
        assert_eq!(*delivery.item, **expected, "{:?}", delivery.item);
        assert_eq!(delivery.item.payload, expected.payload);
        assert_eq!(delivery.deliveries, 1);
        assert!(matches!(delivery.failures, None | Some(0)), "{:?}", delivery.failures);
        assert_eq!(delivery.fault, None);
    }
}

/// Done with is done with.
pub(crate) fn acked_items_are_gone(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish("a");
    stand.ack(stand.take_one());
    stand.outwait();
    assert_eq!(ids(&stand.pull(1)), [""; 0]);
    let depth = stand.depth();
    assert_eq!((depth.ready, depth.delayed, depth.unsettled), (0, 0, 0));
}

/// A lease is one consumer's alone.
pub(crate) fn no_item_is_delivered_twice_while_leased(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let names: Vec<_> = (0..20).map(|n| format!("i{n}")).collect();
    let items: Vec<_> = names.iter().map(|name| stand.item(name)).collect();
    stand.publish_all(&items);
    let since = stand.clock.now();
    let (first, second) = (stand.take(8), stand.take(12));
    let more = stand.pull(20);
    if stand.passed(since) < stand.lease() {
        let seen: BTreeSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
        assert_eq!(seen.len(), 20, "each once: {:?} and {:?}", ids(&first), ids(&second));
        assert_eq!(ids(&more), [""; 0]);
    }
}

/// About the oldest first: of items that were published one after another exactly so.
pub(crate) fn the_oldest_item_of_a_lane_comes_first(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    stand.publish_ids(&["c", "a", "d", "b"]);
    assert_eq!(ids(&stand.take(3)), ["c", "a", "d"]);
    assert_eq!(ids(&stand.take(1)), ["b"]);
}

/// Of several lanes in one call, too.
pub(crate) fn no_more_is_given_than_wanted(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    for n in 0..4 {
        for priority in Priority::ALL {
            let spec = ItemSpec::new("mail").id(format!("{priority}{n}")).priority(priority);
            stand.publish_all(&[stand.make(spec)]);
        }
    }
    let lanes = Priority::ALL.map(lane);
    let most = [2, 0, 3];
    let wants: Vec<_> = lanes.iter().zip(most).map(|(lane, most)| Want { lane, most }).collect();
    let taken = stand.broker.pull(&wants, WITHIN).expect("it can be pulled from");
    for (lane, most) in lanes.iter().zip(most) {
        let of_lane = taken.iter().filter(|delivery| delivery.item.lane == *lane).count();
        assert!(of_lane <= most, "{of_lane} of {}, {most} wanted", lane.subject());
    }
    assert_eq!(ids(&stand.pull(0)), [""; 0]);
}

/// Priorities and domains are queues of their own, and an id is one within its domain.
pub(crate) fn lanes_are_separate(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let urgent = stand.make(ItemSpec::new("mail").id("urgent").priority(Priority::High));
    let other = stand.make(ItemSpec::new("sms").id("same"));
    let same = stand.item("same");
    stand.publish_all(&[urgent, other, same]);
    assert_eq!(ids(&stand.pull_from(&lane(Priority::Low), 9)), [""; 0]);
    assert_eq!(ids(&stand.take_from(&lane(Priority::High), 1)), ["urgent"]);
    let sms = stand.take_from(&lane_of("sms", Priority::Normal), 1).remove(0);
    assert_eq!(sms.item.lane.domain.as_str(), "sms");
    let mail = stand.take_one();
    assert_eq!(mail.item.lane.domain.as_str(), "mail");
    stand.ack(sms);
    stand.ack(mail);
}

/// As long as it is there: ready, delivered or delayed, in whatever lane of its domain.
pub(crate) fn the_same_id_is_stored_once(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let item = stand.item("a");
    let again = |what: &str| {
        let urgent = stand.make(ItemSpec::new("mail").id("a").priority(Priority::High));
        let answers = stand.broker.publish(&[stand.item("a"), urgent], WITHIN);
        assert_eq!(answers, [Ok(Stored::Duplicate), Ok(Stored::Duplicate)], "while it is {what}");
    };
    let answers = stand.broker.publish(&[item.clone(), item], WITHIN);
    assert_eq!(answers, [Ok(Stored::New), Ok(Stored::Duplicate)], "in one call");
    again("ready");
    let taken = stand.take_one();
    again("unsettled");
    stand.settled(taken.ticket, Verdict::Retry { after: Duration::from_secs(3600) });
    again("delayed");
    assert_eq!(ids(&stand.pull(9)), [""; 0]);
    assert_eq!(ids(&stand.pull_from(&lane(Priority::High), 9)), [""; 0]);
}

/// Nothing is mixed up.
pub(crate) fn many_publish_at_once(subject: &dyn Subject) {
    const THREADS: usize = 8;
    const EACH: usize = 40;
    let stand = Stand::new(subject);
    let (broker, clock) = (&stand.broker, &stand.clock);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for n in 0..EACH {
                    let spec = ItemSpec::new("mail").id(format!("t{thread}-{n}"));
                    let item = spec.build(clock.timestamp(), usize::MAX).expect("it is an item");
                    assert_eq!(broker.publish(&[item.into()], WITHIN), [Ok(Stored::New)]);
                }
            });
        }
    });
    let mut seen = BTreeSet::new();
    for _ in 0..THREADS * EACH / 10 {
        for delivery in stand.take(10) {
            assert!(seen.insert(delivery.item.id.clone()) || delivery.deliveries > 1, "{:?}", delivery.item);
            stand.ack(delivery);
        }
    }
    stand.until("all came", || {
        for delivery in stand.pull(10) {
            seen.insert(delivery.item.id.clone());
            stand.ack(delivery);
        }
        seen.len() == THREADS * EACH
    });
}

/// Whoever got less than was wanted is rung when something comes.
pub(crate) fn arrivals_are_told(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    // Forget rings of before.
    stand.forget_rings();
    for id in ["a", "b"] {
        assert_eq!(ids(&stand.pull(1)), [""; 0]);
        stand.forget_rings();
        stand.publish(id);
        let since = stand.clock.now();
        stand.wait_for_ring(HANGS);
        assert!(stand.passed(since) < HANGS, "nobody rang");
        stand.ack(stand.take_one());
    }
}
