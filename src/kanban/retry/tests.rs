//! What becomes of items, case by case, and what holds for all of them.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::kanban::broker::Ticket;
use crate::kanban::item::ItemSpec;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn delivery(deliveries: u32, failures: Option<u32>, deadline: Option<Timestamp>) -> Delivery {
    let mut item = ItemSpec::new("mail").build(NOW, 0).unwrap();
    item.deadline = deadline;
    Delivery { ticket: Ticket::new(0, 0), item: Arc::new(item), deliveries, failures, fault: None }
}

fn arrives(delivery: &Delivery) -> Arrival {
    arrival(delivery, NOW, &RetrySettings::default(), Expired::DeadLetter)
}

fn reason(arrival: &Arrival) -> &'static str {
    match arrival {
        Arrival::Dead(cause) => cause.reason,
        Arrival::Run { .. } => "run",
        Arrival::Suspect { .. } => "suspect",
        Arrival::Drop => "drop",
    }
}

fn failed(failures: u32, dice: f64) -> Decision {
    let ended = Ended::Outcome(Outcome::retry("no answer"));
    decide(ended, failures, None, NOW, &RetrySettings::default(), dice)
}

#[test]
fn a_fresh_item_is_run_and_knows_its_failures() {
    assert_eq!(arrives(&delivery(1, Some(0), None)), Arrival::Run { failures: 0 });
    assert_eq!(arrives(&delivery(7, Some(2), None)), Arrival::Run { failures: 2 });
    assert_eq!(arrives(&delivery(3, None, None)), Arrival::Run { failures: 2 }, "the broker cannot tell");
    assert_eq!(
        arrives(&delivery(20, None, None)),
        Arrival::Run { failures: 19 },
        "it may have been given back"
    );
}

#[test]
fn what_must_not_run_does_not() {
    let mut broken = delivery(50, Some(0), Some(NOW));
    broken.fault = Some("bad header".into());
    let Arrival::Dead(cause) = arrives(&broken) else { panic!("run") };
    assert_eq!(cause, Cause { reason: "undecodable", error: "bad header".into(), attempts: 0 });

    assert_eq!(reason(&arrives(&delivery(6, Some(4), None))), "run");
    assert_eq!(reason(&arrives(&delivery(6, Some(5), None))), "attempts");

    let soon = Timestamp::from_millis(NOW.as_millis() + 1);
    assert_eq!(reason(&arrives(&delivery(1, Some(0), Some(soon)))), "run");
    let late = delivery(1, Some(0), Some(NOW));
    assert_eq!(reason(&arrives(&late)), "expired");
    assert_eq!(arrival(&late, NOW, &RetrySettings::default(), Expired::Drop), Arrival::Drop);
}

#[test]
fn what_was_delivered_too_often_is_a_suspect() {
    assert_eq!(reason(&arrives(&delivery(19, Some(0), None))), "run");
    let Arrival::Suspect { over: false, failures: 1, .. } = arrives(&delivery(20, Some(1), None)) else {
        panic!("its last delivery")
    };
    // Deadline or not: that it ends the process is worth knowing.
    let Arrival::Suspect { over: true, failures: 1, cause } = arrives(&delivery(21, Some(1), Some(NOW)))
    else {
        panic!("one more than there may be")
    };
    assert_eq!((cause.reason, cause.attempts), ("poison", 1));
    assert!(cause.error.contains("20 times"), "{}", cause.error);
    assert!(matches!(arrives(&delivery(21, None, None)), Arrival::Suspect { over: true, .. }));

    // Each delivery but the last ended in a failure: the process has never been ended.
    let settings = RetrySettings { max_attempts: 20, ..RetrySettings::default() };
    let last = arrival(&delivery(20, Some(19), None), NOW, &settings, Expired::DeadLetter);
    assert_eq!(last, Arrival::Run { failures: 19 });
}

#[test]
fn every_end_has_its_decision() {
    let settings = RetrySettings::default();
    let after = |ended| decide(ended, 0, None, NOW, &settings, 0.5);
    assert_eq!(after(Ended::Outcome(Outcome::Done)), Decision::Done);
    assert_eq!(after(Ended::Interrupted), Decision::Release);
    let half = Duration::from_millis(500);
    assert_eq!(
        after(Ended::Panicked("oh".into())),
        Decision::Retry { after: half, error: "the handler panicked: oh".into() }
    );
    assert_eq!(
        after(Ended::TimedOut("x".into())),
        Decision::Retry { after: half, error: "the handler did not end within 60s: x".into() }
    );
    let cause = Cause { reason: "permanent", error: "no such user".into(), attempts: 1 };
    assert_eq!(after(Ended::Outcome(Outcome::dead_letter("no such user"))), Decision::Dead(cause));
}

#[test]
fn k09_the_backoff_doubles_up_to_its_cap() {
    let settings = RetrySettings { max_attempts: 1000, ..RetrySettings::default() };
    let most = |n| backoff(n, &settings, 1.0).as_secs();
    assert_eq!([1, 2, 3, 4, 10, 11, 12, 1000].map(most), [1, 2, 4, 8, 512, 600, 600, 600]);
    assert_eq!(backoff(3, &settings, 0.25), Duration::from_secs(1));
    assert_eq!(backoff(3, &settings, 0.0), Duration::ZERO);
    assert_eq!(backoff(3, &settings, f64::NAN), Duration::ZERO);
    assert_eq!(backoff(3, &settings, f64::INFINITY), Duration::from_secs(4));
}

#[test]
fn k09_the_last_attempt_is_followed_by_none() {
    assert!(matches!(failed(3, 0.5), Decision::Retry { .. }));
    let Decision::Dead(cause) = failed(4, 0.5) else { panic!("tried again") };
    assert_eq!(cause, Cause { reason: "attempts", error: "no answer".into(), attempts: 5 });
    assert!(matches!(failed(u32::MAX, 0.5), Decision::Dead(_)));
}

#[test]
fn a_handler_may_say_when() {
    let settings = RetrySettings::default();
    let told = |after| {
        let ended = Ended::Outcome(Outcome::retry_after(after, "busy"));
        decide(ended, 0, None, NOW, &settings, 0.9)
    };
    let hour = Duration::from_secs(3600);
    assert_eq!(told(hour), Decision::Retry { after: hour, error: "busy".into() }, "beyond the cap, undiced");
    let days = Duration::from_secs(30 * 86_400);
    assert_eq!(told(Duration::MAX), Decision::Retry { after: days, error: "busy".into() });
}

#[test]
fn what_could_only_come_too_late_is_dead_now() {
    let settings = RetrySettings::default();
    let told = |millis| {
        let ended = Ended::Outcome(Outcome::retry_after(Duration::from_millis(millis), "busy"));
        decide(ended, 0, Some(NOW.after(Duration::from_millis(100))), NOW, &settings, 0.5)
    };
    assert!(matches!(told(99), Decision::Retry { .. }));
    let cause = Cause { reason: "expired", error: "busy".into(), attempts: 1 };
    assert_eq!(told(100), Decision::Dead(cause));
    let done = decide(Ended::Outcome(Outcome::Done), 0, Some(NOW), NOW, &settings, 0.5);
    assert_eq!(done, Decision::Done, "late, yet done");
}

#[test]
fn only_what_may_pass_counts_against_the_dependency() {
    assert_eq!(Ended::Outcome(Outcome::Done).says(), Says::Success);
    for failure in
        [Ended::Outcome(Outcome::retry("x")), Ended::Panicked("x".into()), Ended::TimedOut("x".into())]
    {
        assert_eq!(failure.says(), Says::Failure, "{failure:?}");
    }
    assert_eq!(Ended::Outcome(Outcome::dead_letter("x")).says(), Says::Nothing);
    assert_eq!(Ended::Interrupted.says(), Says::Nothing);
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0_u64..100_000).prop_map(Duration::from_millis),
        any::<u64>().prop_map(Duration::from_secs),
        any::<u64>().prop_map(Duration::from_nanos),
        Just(Duration::MAX),
    ]
}

proptest! {
    #[test]
    fn the_backoff_is_bounded_and_grows(
        base in duration(), cap in duration(), n in any::<u32>(), small in 0_u32..70, dice in any::<f64>(),
    ) {
        let settings = RetrySettings { base, cap, ..RetrySettings::default() };
        for n in [n, small] {
            let after = backoff(n, &settings, dice);
            prop_assert!(after <= cap && after <= LONGEST);
            let most = backoff(n, &settings, 1.0);
            prop_assert!(after <= most);
            prop_assert!(backoff(n.saturating_add(1), &settings, 1.0) >= most);
            if small > 0 && n == small && base <= LONGEST {
                let exact = base.as_nanos() * 2_u128.pow((n - 1).min(60));
                prop_assert!(most.as_nanos() <= exact);
            }
        }
    }

    #[test]
    fn nothing_is_tried_too_often_or_too_late(
        failures in prop_oneof![0_u32..30, any::<u32>()],
        max_attempts in 0_u32..20,
        ahead in prop::option::of(0_u64..3_000_000),
        told in prop::option::of(duration()),
        how in 0_u8..3,
        dice in 0.0_f64..1.0,
    ) {
        let settings = RetrySettings { max_attempts, ..RetrySettings::default() };
        let deadline = ahead.map(|ahead| NOW.after(Duration::from_millis(ahead)));
        let ended = match how {
            0 => Ended::Outcome(Outcome::Retry { after: told, error: String::new() }),
            1 => Ended::Panicked(String::new()),
            _ => Ended::TimedOut("x".into()),
        };
        match decide(ended, failures, deadline, NOW, &settings, dice) {
            Decision::Retry { after, .. } => {
                prop_assert!(u64::from(failures) + 1 < u64::from(max_attempts));
                prop_assert!(deadline.is_none_or(|deadline| NOW.after(after) < deadline));
                prop_assert!(after <= LONGEST);
            }
            Decision::Dead(cause) => {
                prop_assert_eq!(cause.attempts, failures.saturating_add(1));
                let used_up = u64::from(failures) + 1 >= u64::from(max_attempts);
                prop_assert_eq!(cause.reason, if used_up { "attempts" } else { "expired" });
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn what_is_run_may_be_run(
        deliveries in 0_u32..40, failures in prop::option::of(0_u32..40), late in any::<bool>(), fault in any::<bool>(),
    ) {
        let mut delivery = delivery(deliveries, failures, late.then_some(NOW));
        delivery.fault = fault.then(|| "bad".to_owned());
        let may = !fault && !late && deliveries <= 20 && failures.is_none_or(|failures| failures < 5);
        prop_assert_eq!(matches!(arrives(&delivery), Arrival::Run { .. }), may);
    }
}
