//! Daylight saving: dates of 2026 in Berlin and New York, and what one opinion about ticks means.

use proptest::prelude::*;

use super::super::ticks::{Due, Ticks};
use super::*;

/// The ticks after the one and up to the other time.
fn ticks(expression: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let ticks = Ticks::new(&When::cron_in(expression, zone), at(from)).unwrap();
    let all = std::iter::successors(ticks.next(at(from)), |tick| ticks.next(*tick));
    all.take_while(|tick| *tick <= at(to)).map(|tick| tick.to_string().replace(".000Z", "Z")).collect()
}

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";

#[test]
fn a_fixed_time_in_the_gap_fires_once_right_after_it() {
    // Berlin: 02:00 to 03:00 on 29 March, at 01:00 UTC.
    let days = ticks("30 2 * * *", BERLIN, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(days, ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    // New York: 02:00 to 03:00 on 8 March, at 07:00 UTC.
    let days = ticks("0 15 2 * * *", NEW_YORK, "2026-03-06T12:00:00Z", "2026-03-09T12:00:00Z");
    assert_eq!(days, ["2026-03-07T07:15:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"]);
    // Outside the gap nothing is special.
    let days = ticks("30 3 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(days, ["2026-03-29T01:30:00Z"]);
}

#[test]
fn intervals_leave_out_what_lies_in_the_gap() {
    let quarters = ticks("*/15 * * * *", BERLIN, "2026-03-29T00:29:59Z", "2026-03-29T01:30:00Z");
    let expected = [
        "2026-03-29T00:30:00Z",
        "2026-03-29T00:45:00Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T01:15:00Z",
        "2026-03-29T01:30:00Z",
    ];
    assert_eq!(quarters, expected, "no quarter of an hour of real time is left out");
    // 02:30 does not exist that day, 03:30 does.
    let halves = ticks("30 2,3 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(halves, ["2026-03-29T01:30:00Z"]);
    let hours = ticks("0 */2 * * *", NEW_YORK, "2026-03-08T04:59:00Z", "2026-03-08T10:00:00Z");
    assert_eq!(hours, ["2026-03-08T05:00:00Z", "2026-03-08T08:00:00Z", "2026-03-08T10:00:00Z"]);
}

#[test]
fn a_fixed_time_that_comes_twice_fires_the_first_time() {
    // Berlin: 03:00 back to 02:00 on 25 October, at 01:00 UTC.
    let days = ticks("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(days, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    // New York: 02:00 back to 01:00 on 1 November, at 06:00 UTC.
    let days = ticks("30 1 * * *", NEW_YORK, "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
    assert_eq!(days, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
}

#[test]
fn intervals_fire_each_time_the_clock_shows_them() {
    let halves = ticks("*/30 * * * *", BERLIN, "2026-10-24T23:59:00Z", "2026-10-25T02:00:00Z");
    let expected = [
        "2026-10-25T00:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T02:00:00Z",
    ];
    assert_eq!(halves, expected);
    let twice = ticks("15 1 * * SAT,SUN", NEW_YORK, "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z");
    assert_eq!(twice, ["2026-11-01T05:15:00Z"], "one time of day is fixed, whatever the days are");
    let both = ticks("0,15 1 * * *", NEW_YORK, "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z");
    let expected =
        ["2026-11-01T05:00:00Z", "2026-11-01T05:15:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:15:00Z"];
    assert_eq!(both, expected);
}

#[test]
fn utc_knows_nothing_of_it() {
    let days = ticks("30 2 * * *", "UTC", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(days, ["2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z"]);
}

#[test]
fn the_latest_of_many_missed_ticks_is_found_without_walking_there() {
    let seconds = Ticks::new(&When::cron("* * * * * *"), at("2020-01-01T00:00:00Z")).unwrap();
    let due = seconds.due(at("2020-01-01T00:00:00Z"), at("2026-06-01T12:34:56Z")).unwrap();
    assert_eq!(due, Due { tick: at("2026-06-01T12:34:56Z"), missed: 100, is_next: false });
    let mondays = Ticks::new(&When::cron_in("0 9 * * MON", BERLIN), at("2020-01-01T00:00:00Z")).unwrap();
    let due = mondays.due(at("2020-01-01T00:00:00Z"), at("2026-06-03T00:00:00Z")).unwrap();
    assert_eq!(due, Due { tick: at("2026-06-01T07:00:00Z"), missed: 100, is_next: false });
    let weekly = mondays.due(at("2026-05-18T07:00:00Z"), at("2026-06-03T00:00:00Z")).unwrap();
    assert_eq!(weekly, Due { tick: at("2026-06-01T07:00:00Z"), missed: 1, is_next: false });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// There is one opinion about which ticks there are, wherever one begins to look: around both changes of the clock as well.
    #[test]
    fn ticks_are_the_same_from_wherever_they_are_looked_for(
        expression in prop::sample::select(vec!["*/7 * * * *", "30 2 * * *", "0 */2 * * *", "15,45 1-3 * * *", "*/40 * 2 * * *"]),
        zone in prop::sample::select(vec![BERLIN, NEW_YORK, "Australia/Lord_Howe", "UTC"]),
        change in prop::sample::select(vec![
            "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z", "2026-10-03T15:30:00Z",
        ]),
        from in 0..4 * 3600_u64, window in 1..6 * 3600_u64,
    ) {
        let start = Timestamp::from_millis(at(change).as_millis() - 2 * 3600 * 1000);
        let ticks = Ticks::new(&When::cron_in(expression, zone), start).unwrap();
        let walked: Vec<_> = std::iter::successors(ticks.next(start), |tick| ticks.next(*tick)).take(2000).collect();
        prop_assert!(walked.windows(2).all(|pair| pair[0] < pair[1]));
        let (from, to) = (start.after(secs(from)), start.after(secs(from + window)));
        let within: Vec<_> = walked.iter().filter(|tick| (from..=to).contains(*tick) && **tick > from).collect();
        prop_assume!(walked.last().is_some_and(|last| *last > to));
        prop_assert_eq!(ticks.next(from), walked.iter().copied().find(|tick| *tick > from));
        let due = ticks.due(from, to);
        prop_assert_eq!(due.map(|due| due.tick), within.last().map(|tick| **tick));
        if let Some(due) = due {
            prop_assert_eq!(due.missed, (within.len() as u64 - 1).min(100));
        }
    }
}
