//! Where publishing goes.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Broker, BrokerError, BrokerRole, Clock, Failover, FailoverSettings, PublishError, Publisher, Stored,
};

use super::{Call, Faulty, Pair, Wrong, until};
use crate::rig::items;

#[test]
fn while_the_primary_works_all_goes_there() {
    let pair = Pair::new();
    for n in 0..10 {
        pair.publish(&format!("i{n}")).unwrap();
    }
    assert_eq!((pair.kept(), pair.status().trips), ([10, 0], 0));
}

#[test]
fn what_the_primary_does_not_take_the_fallback_takes_and_the_third_failure_trips() {
    let pair = Pair::unprobed();
    pair.primary.set(Wrong::Down);
    for n in 1..=5 {
        assert_eq!(pair.publish(&format!("i{n}")).unwrap().stored, Stored::New);
        assert_eq!(pair.status().trips, u64::from(n >= 3), "after {n}");
    }
    assert_eq!((pair.kept(), pair.primary.calls(Call::Publish)), ([0, 5], 3));
    let status = pair.status();
    assert_eq!(
        (status.active().role, &*status.reason),
        (BrokerRole::Fallback, "3 publishes in a row failed")
    );
    assert!(status.brokers[0].fault.as_deref().unwrap().contains("one is down"), "{status:?}");
    assert_eq!(status.brokers[1].fault, None);
}

#[test]
fn probes_notice_a_primary_that_is_gone_before_anybody_publishes() {
    let pair = Pair::new();
    pair.primary.set(Wrong::Down);
    until("it tripped", || pair.active() == BrokerRole::Fallback);
    assert!(pair.status().reason.contains("probes in a row failed"), "{:?}", pair.status());
    pair.publish("a").unwrap();
    assert_eq!((pair.kept(), pair.primary.calls(Call::Publish)), ([0, 1], 0));
}

#[test]
fn publishing_goes_back_after_the_hold_with_one_canary() {
    let pair = Pair::new();
    pair.primary.set(Wrong::Down);
    until("it tripped", || pair.active() == BrokerRole::Fallback);
    pair.primary.set(Wrong::Nothing);
    until("a canary may go", || pair.status().state.name() == "canary");
    assert_eq!(pair.kept(), [0, 0]);
    // Of a batch one item is risked.
    let publisher = Publisher::new(Arc::new(pair.failover.clone()), Clock::monotonic());
    let answers = publisher.publish_batch(items("i", 10, heijunka::Priority::Normal));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(pair.kept(), [1, 9]);
    let status = pair.status();
    assert_eq!((status.active().role, status.trips, status.fail_backs), (BrokerRole::Primary, 1, 1));
    pair.publish("after").unwrap();
    assert_eq!(pair.kept(), [2, 9]);
}

#[test]
fn a_canary_that_fails_is_stored_in_the_fallback_and_doubles_the_hold() {
    let pair = Pair::new();
    pair.primary.set(Wrong::Down);
    until("it tripped", || pair.active() == BrokerRole::Fallback);
    // Probes are answered, and nothing can be stored.
    pair.primary.set(Wrong::Full);
    until("a canary may go", || pair.status().state.name() == "canary");
    pair.publish("canary").unwrap();
    let status = pair.status();
    assert_eq!((status.canaries_failed, status.active().role), (1, BrokerRole::Fallback));
    assert_eq!((status.hold, pair.kept()), (Duration::from_secs(60), [0, 1]));
    pair.primary.set(Wrong::Nothing);
    until("a canary may go", || pair.status().state.name() == "canary");
    pair.publish("again").unwrap();
    assert_eq!((pair.active(), pair.kept()), (BrokerRole::Primary, [1, 1]));
}

#[test]
fn an_item_whose_answer_is_lost_is_sent_to_the_same_broker_again() {
    let pair = Pair::unprobed();
    pair.primary.set(Wrong::LosesAnswers);
    let primary = pair.primary.clone();
    let heals = std::thread::Builder::new().spawn(move || {
        // After the first attempt at least.
        while primary.calls(Call::Publish) < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        primary.set(Wrong::Nothing);
    });
    let receipt = pair.publish("a").unwrap();
    heals.unwrap().join().unwrap();
    // It was there, and it is there once.
    assert_eq!((receipt.stored, pair.kept()), (Stored::Duplicate, [1, 0]));
    assert!(pair.status().brokers[0].repeated > 0);
}

#[test]
fn if_it_never_answers_the_other_takes_it_and_both_copies_have_one_id() {
    let pair = Pair::unprobed();
    pair.primary.set(Wrong::LosesAnswers);
    assert_eq!(pair.publish("a").unwrap().stored, Stored::New);
    assert_eq!(pair.kept(), [1, 1]);
    assert!(pair.primary.calls(Call::Publish) > 1, "it was tried there again first");
}

#[test]
fn both_down_is_the_error_of_both_and_nothing_is_kept_for_later() {
    let pair = Pair::unprobed();
    pair.primary.set(Wrong::Down);
    pair.fallback.set(Wrong::Down);
    for _ in 0..5 {
        let error = pair.publish("a").unwrap_err();
        assert!(matches!(error, PublishError::NotStored(BrokerError::Unavailable(_))), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("one is down") && text.contains("two is down"), "{text}");
    }
    // Neither is better than the other.
    assert_eq!((pair.status().trips, pair.active()), (0, BrokerRole::Primary));
    pair.primary.set(Wrong::Nothing);
    pair.fallback.set(Wrong::Nothing);
    pair.publish("b").unwrap();
    assert_eq!(pair.kept(), [1, 0]);
    pair.fallback.set(Wrong::Full);
    pair.primary.set(Wrong::Full);
    let error = pair.publish("c").unwrap_err();
    assert!(matches!(error, PublishError::NotStored(BrokerError::Full(_))), "{error:?}");
}

#[test]
fn what_may_be_stored_is_never_called_not_stored() {
    for wrong in [Wrong::LosesAnswers, Wrong::Hangs] {
        let pair = Pair::unprobed();
        pair.primary.set(wrong);
        pair.fallback.set(Wrong::Down);
        let error = pair.publish("a").unwrap_err();
        assert!(matches!(error, PublishError::Unknown(_)), "{wrong:?}: {error:?}");
        // It hung, and is down now: that takes nothing back.
        pair.fallback.set(wrong);
        pair.primary.set(Wrong::Down);
        let error = pair.publish("b").unwrap_err();
        assert!(matches!(error, PublishError::Unknown(_)), "{wrong:?}: {error:?}");
    }
}

#[test]
fn a_caller_without_time_trips_nothing_and_makes_no_copies() {
    let pair = Pair::unprobed();
    pair.primary.set(Wrong::Hangs);
    let publisher = Publisher::new(Arc::new(pair.failover.clone()), Clock::monotonic());
    let hasty = publisher.timeout(Duration::from_millis(20));
    for n in 0..10 {
        let error = hasty.publish(crate::rig::item(n)).unwrap_err();
        assert!(matches!(error, PublishError::Unknown(_)), "{error:?}");
    }
    assert_eq!((pair.status().trips, pair.kept()), (0, [0, 0]));
}

#[test]
fn a_fallback_that_fails_in_its_turn_gives_way_at_once() {
    let pair = Pair::unprobed();
    pair.primary.set(Wrong::Down);
    for n in 0..3 {
        pair.publish(&format!("a{n}")).unwrap();
    }
    assert_eq!(pair.active(), BrokerRole::Fallback);
    pair.primary.set(Wrong::Nothing);
    pair.fallback.set(Wrong::Down);
    for n in 0..4 {
        pair.publish(&format!("b{n}")).unwrap();
    }
    assert_eq!((pair.active(), pair.kept()), (BrokerRole::Primary, [4, 3]));
    assert!(pair.status().reason.contains("the fallback failed as well"));
}

#[test]
fn what_fits_only_one_of_them_is_refused_before_it_is_sent() {
    let settings = heijunka::EmbeddedSettings { max_payload: 10, ..Default::default() };
    let small = Arc::new(heijunka::Embedded::in_memory(settings, Clock::monotonic()));
    let pair = Pair::of(Faulty::new("one"), Faulty::on(small, "two"));
    assert_eq!(pair.failover.traits().max_payload, 10);
    let publisher = Publisher::new(Arc::new(pair.failover.clone()), Clock::monotonic());
    let error = publisher.publish(crate::rig::item("a").payload(vec![0; 11])).unwrap_err();
    assert!(matches!(error, PublishError::Invalid(_)), "{error:?}");
    publisher.publish(crate::rig::item("a").payload(vec![0; 10])).unwrap();
}

#[test]
fn a_failover_is_no_part_of_another() {
    let pair = Pair::new();
    let clock = Clock::monotonic();
    let nested = Failover::new(
        Arc::new(pair.failover.clone()),
        Faulty::new("three"),
        FailoverSettings::default(),
        clock,
    );
    assert!(matches!(nested, Err(BrokerError::Unusable(_))), "{nested:?}");
}
