//! The breaker beside one that knows which item is which.

use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Moment {
    Moment::from_nanos(seconds * 1_000_000_000)
}

fn opened() -> Breaker {
    let mut breaker = Breaker::new(BreakerSettings::default());
    assert!((0..3).filter_map(|_| breaker.failed(at(0))).count() == 1);
    breaker
}

#[test]
fn k07_three_failures_in_a_row_open_it_for_30_seconds() {
    let mut breaker = Breaker::new(BreakerSettings::default());
    assert_eq!(breaker.allowance(7, 8, at(0)), u32::MAX);
    assert_eq!(breaker.failed(at(1)), None);
    assert_eq!(breaker.failed(at(1)), None);
    assert_eq!(breaker.succeeded(), None);
    assert_eq!(breaker.failed(at(2)), None, "the row was broken by a success");
    assert_eq!(breaker.failed(at(3)), None);
    let open = BreakerState::Open { since: at(4), until: at(34) };
    assert_eq!(breaker.failed(at(4)), Some(Change { from: BreakerState::Closed, to: open }));
    assert_eq!(breaker.allowance(0, 8, at(33)), 0);
    assert_eq!(breaker.allowance(0, 8, at(34)), 1);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn what_ends_while_it_is_open_says_nothing() {
    let mut breaker = opened();
    let before = breaker.state();
    assert_eq!(breaker.succeeded(), None);
    assert_eq!(breaker.failed(at(20)), None);
    assert_eq!(breaker.state(), before, "neither closed nor open for longer");
}

#[test]
fn half_open_old_items_end_first_and_say_nothing() {
    let mut breaker = opened();
    assert_eq!(breaker.tick(at(29)), None);
    assert_eq!(breaker.tick(at(30)).map(|change| change.to), Some(BreakerState::HalfOpen));
    assert_eq!(breaker.allowance(2, 8, at(31)), 0, "two of before still run");
    assert_eq!(breaker.succeeded(), None);
    assert_eq!(breaker.allowance(1, 8, at(32)), 0);
    assert_eq!(breaker.failed(at(33)), None);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert_eq!(breaker.allowance(0, 8, at(33)), 1);
    assert_eq!(breaker.allowance(1, 8, at(33)), 0, "one probe");
    assert_eq!(breaker.succeeded().map(|change| change.to), Some(BreakerState::Ramp(2)));
}

#[test]
fn a_probe_that_says_nothing_frees_its_place() {
    let mut breaker = opened();
    assert_eq!(breaker.allowance(0, 8, at(30)), 1);
    assert_eq!(breaker.allowance(1, 8, at(30)), 0);
    // It ended as permanent: nothing is told.
    assert_eq!(breaker.allowance(0, 8, at(31)), 1);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn the_ramp_doubles_with_each_completed_rung_until_all_workers_may_run() {
    let mut breaker = opened();
    breaker.allowance(0, 8, at(30));
    let mut states = Vec::new();
    for success in 1..=7 {
        breaker.allowance(0, 8, at(31));
        states.extend(breaker.succeeded().map(|change| (success, change.to)));
    }
    assert_eq!(states, [(1, BreakerState::Ramp(2)), (3, BreakerState::Ramp(4)), (7, BreakerState::Closed)]);
    assert_eq!(breaker.allowance(8, 8, at(32)), u32::MAX);
}

#[test]
fn a_rung_counts_what_runs() {
    let mut breaker = opened();
    breaker.allowance(0, 8, at(30));
    breaker.succeeded();
    assert_eq!(breaker.allowance(0, 8, at(30)), 2);
    assert_eq!(breaker.allowance(1, 8, at(30)), 1);
    assert_eq!(breaker.allowance(2, 8, at(30)), 0);
    assert_eq!(breaker.succeeded(), None, "one of two");
    assert_eq!(breaker.allowance(0, 1, at(30)), 2);
    let closed = Some(BreakerState::Closed);
    assert_eq!(breaker.succeeded().map(|change| change.to), closed, "of one worker that is all");
}

#[test]
fn a_rung_of_more_than_the_workers_is_completed_by_them() {
    let mut breaker = opened();
    breaker.allowance(0, 8, at(30));
    assert_eq!((0..3).filter_map(|_| breaker.succeeded()).count(), 2);
    assert_eq!(breaker.state(), BreakerState::Ramp(4));
    breaker.allowance(0, 2, at(30));
    assert_eq!(breaker.succeeded(), None);
    assert_eq!(breaker.succeeded().map(|change| change.to), Some(BreakerState::Closed));
}

#[test]
fn it_opens_for_longer_each_time_up_to_eight_fold_until_it_was_closed() {
    let mut breaker = opened();
    let mut lengths = Vec::new();
    for _ in 0..5 {
        let BreakerState::Open { since, until } = breaker.state() else { panic!("{breaker:?}") };
        lengths.push(until.since(since).as_secs());
        assert_eq!(breaker.allowance(0, 8, until), 1);
        if lengths.len() == 3 {
            assert_eq!(breaker.succeeded().map(|change| change.to), Some(BreakerState::Ramp(2)));
        }
        assert!(breaker.failed(until).is_some(), "one failure is enough");
    }
    assert_eq!(lengths, [30, 60, 120, 240, 240]);
    let BreakerState::Open { until, .. } = breaker.state() else { panic!("{breaker:?}") };
    assert_eq!(breaker.allowance(0, 1, until), 1);
    assert_eq!(breaker.succeeded().map(|change| change.to), Some(BreakerState::Closed));
    assert_eq!(breaker.failed(until), None, "a new row of three");
    assert_eq!(breaker.failed(until), None);
    assert_eq!(breaker.failed(until).unwrap().to.to_string(), "open for 30s");
}

#[test]
fn odd_settings_do_no_harm() {
    let mut breaker = Breaker::new(BreakerSettings { failures: 0, open: Duration::MAX });
    assert!(breaker.failed(at(1)).is_some());
    assert_eq!(breaker.allowance(0, 0, at(1_000_000)), 0);
    assert!(breaker.is_open());
}

/// What happens in a domain.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// As many as may, up to so many.
    Start(u32),
    /// One of those that run ends: which, and how.
    End(prop::sample::Index, Option<bool>),
    Wait(u64),
    Workers(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1_u32..6).prop_map(Step::Start),
        6 => (any::<prop::sample::Index>(), prop::option::weighted(0.9, any::<bool>()))
            .prop_map(|(which, how)| Step::End(which, how)),
        1 => (1_u64..40).prop_map(Step::Wait),
        1 => (0_u32..12).prop_map(Step::Workers),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    /// Items know in which period between two openings they were started. The law, which does not know, changes its state by
    /// results of the present period only, and keeps its bounds.
    #[test]
    fn only_items_of_the_present_move_it(steps in steps()) {
        let mut breaker = Breaker::new(BreakerSettings::default());
        let (mut seconds, mut workers, mut period) = (0, 4, 0_u32);
        let mut running: Vec<u32> = Vec::new();
        for step in steps {
            let before = breaker.state();
            let change = match step {
                Step::Wait(long) => { seconds += long; None }
                Step::Workers(count) => { workers = count; None }
                Step::Start(most) => {
                    let count = u32::try_from(running.len()).unwrap();
                    let may = breaker.allowance(count, workers, at(seconds));
                    match breaker.state() {
                        BreakerState::Open { until, .. } => prop_assert!(may == 0 && until > at(seconds)),
                        BreakerState::HalfOpen => prop_assert!(count + may <= count.max(1)),
                        BreakerState::Ramp(rung) => prop_assert!(count + may <= count.max(rung)),
                        _ => prop_assert_eq!(may, u32::MAX),
                    }
                    running.extend((0..may.min(most)).map(|_| period));
                    None
                }
                Step::End(which, how) if !running.is_empty() => {
                    let of = running.swap_remove(which.index(running.len()));
                    let change = match how {
                        None => None,
                        Some(true) => breaker.succeeded(),
                        Some(false) => breaker.failed(at(seconds)),
                    };
                    prop_assert!(of == period || change.is_none(), "an old item moved it: {:?}", change);
                    prop_assert!(of == period || !matches!(before, BreakerState::Closed | BreakerState::Ramp(_)));
                    change
                }
                Step::End(..) => None,
            };
            if let Some(change) = change {
                prop_assert_eq!(change.from, before);
                prop_assert_eq!(change.to, breaker.state());
                period += u32::from(breaker.is_open());
            }
        }
    }
}
