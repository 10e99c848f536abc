//! Which schedules are refused, and what is said of them.

use std::time::Duration;

use proptest::prelude::*;

use super::super::error::ScheduleError;
use super::super::ticks::Ticks;
use super::*;
use crate::kanban::item::ItemError;

fn refused(when: &When) -> ScheduleError {
    let now = at("2026-11-22T00:00:00Z");
    Ticks::new(when, now).expect_err("it was accepted")
}

#[test]
fn a_wrong_field_is_named_with_what_would_be_right() {
    let cases = [
        ("60 * * * *", "minute", "60"),
        ("0 24 * * *", "hour", "24"),
        ("0 0 32 * *", "day of the month", "32"),
        ("0 0 * 13 *", "month", "13"),
        ("0 0 * * 8", "day of the week", "8"),
        ("61 0 0 * * *", "second", "61"),
        ("*/0 * * * *", "minute", "*/0"),
        ("5-1 * * * *", "minute", "5-1"),
        ("MON * * * *", "minute", "MON"),
        ("0 0 * MON *", "month", "MON"),
        ("0 0 * * MONDAY", "day of the week", "MONDAY"),
        ("0 0 0 * * größer", "day of the week", "größer"),
        ("a * * * *", "minute", "a"),
    ];
    for (expression, field, text) in cases {
        let error = refused(&When::cron(expression));
        let ScheduleError::Field { field: named, text: quoted, right } = &error else {
            panic!("{expression}: {error}")
        };
        assert_eq!((*named, quoted.as_str()), (field, text), "{expression}");
        assert!(error.to_string().contains(right), "{error}");
    }
}

#[test]
fn what_is_no_expression_at_all_is_told_what_one_is() {
    for expression in ["", "* * * *", "0 0 0 1 1 * 2030", "@never", "@daily @daily", &"1,".repeat(200)] {
        let error = refused(&When::cron(expression));
        assert!(matches!(error, ScheduleError::Expression { .. }), "{expression}: {error}");
    }
    let told = refused(&When::cron("* * *")).to_string();
    assert!(told.contains("3 fields") && told.contains("minute, hour"), "{told}");
}

#[test]
fn an_expression_that_never_fires_is_refused() {
    for expression in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 31 2 *"] {
        assert_eq!(refused(&When::cron(expression)), ScheduleError::Never(expression.to_owned()));
    }
    let leap = Ticks::new(&When::cron("0 0 29 2 *"), at("2026-11-22T00:00:00Z")).unwrap();
    assert_eq!(leap.next(at("2026-11-22T00:00:00Z")), Some(at("2028-02-29T00:00:00Z")));
}

#[test]
fn what_people_write_is_understood() {
    let now = at("2026-11-22T10:00:30Z");
    let cases = [
        ("*/15 * * * * *", "2026-11-22T10:00:45Z"),
        ("0 3 * * *", "2026-11-23T03:00:00Z"),
        ("0 0 3 * * *", "2026-11-23T03:00:00Z"),
        ("30 8 * * MON-FRI", "2026-11-23T08:30:00Z"),
        ("30 8 * * mon", "2026-11-23T08:30:00Z"),
        ("0 0 1 JAN ?", "2027-01-01T00:00:00Z"),
        ("0 12 L * *", "2026-11-30T12:00:00Z"),
        ("0 12 * * 5#2", "2026-12-11T12:00:00Z"),
        ("0 12 * * 5#L", "2026-11-27T12:00:00Z"),
        ("0 12 28W * *", "2026-11-27T12:00:00Z"),
        ("0 0 1 * +MON", "2027-02-01T00:00:00Z"),
        ("0 0 1 * MON", "2026-11-23T00:00:00Z"),
        ("0 0 * * 7", "2026-11-29T00:00:00Z"),
        ("  @daily ", "2026-11-23T00:00:00Z"),
        ("@HOURLY", "2026-11-22T11:00:00Z"),
    ];
    for (expression, next) in cases {
        let ticks = Ticks::new(&When::cron(expression), now).unwrap();
        assert_eq!(ticks.next(now), Some(at(next)), "{expression}");
    }
}

#[test]
fn a_zone_that_does_not_exist_is_refused() {
    for zone in ["Europe/Atlantis", "", "../../etc/passwd", "CEST", "+01:00"] {
        let error = refused(&When::cron_in("0 0 * * *", zone));
        assert_eq!(error, ScheduleError::Zone(zone.to_owned()));
    }
}

#[test]
fn intervals_have_bounds_and_are_aligned_to_the_epoch() {
    for wrong in [0, 99_000_000, 100_000_001, 366 * 86_400_000_000_000 + 1_000_000] {
        let wrong = Duration::from_nanos(wrong);
        assert_eq!(refused(&When::Every(wrong)), ScheduleError::Interval(wrong));
    }
    let ticks = Ticks::new(&When::Every(secs(7)), Timestamp::default()).unwrap();
    assert_eq!(ticks.next(Timestamp::from_millis(1)), Some(Timestamp::from_millis(7000)));
    assert_eq!(ticks.next(Timestamp::from_millis(7000)), Some(Timestamp::from_millis(14_000)));
    assert_eq!(ticks.next(Timestamp::from_millis(u64::MAX)), None);
}

#[test]
fn what_would_make_wrong_items_is_refused_when_it_is_added() {
    let refused = |change: fn(&mut Schedule)| {
        let mut schedule = every(60);
        change(&mut schedule);
        Entry::new(schedule, Origin::Runtime, at("2026-11-22T00:00:00Z"), MAX_PAYLOAD).expect_err("accepted")
    };
    let name = refused(|schedule| schedule.name = crate::Name::new(&"n".repeat(51)).unwrap());
    assert!(matches!(name, ScheduleError::NameTooLong(_)));
    assert_eq!(refused(|schedule| schedule.batch = 0), ScheduleError::Batch(0));
    assert_eq!(refused(|schedule| schedule.batch = 10_001), ScheduleError::Batch(10_001));
    let large = refused(|schedule| schedule.payload = vec![0; MAX_PAYLOAD + 1].into());
    assert_eq!(large, ScheduleError::Item(ItemError::TooLarge { bytes: MAX_PAYLOAD + 1, most: MAX_PAYLOAD }));
    let key = refused(|schedule| schedule.key = Some("k".repeat(257)));
    assert_eq!(key, ScheduleError::Item(ItemError::Key));
    let header = refused(|schedule| drop(schedule.headers.insert("heijunka-x".to_owned(), String::new())));
    assert!(matches!(header, ScheduleError::Item(ItemError::HeaderName(_))));
    let deadline = refused(|schedule| schedule.deadline = Some(Duration::ZERO));
    assert_eq!(deadline, ScheduleError::Item(ItemError::Expired));
}

#[test]
fn schedules_are_written_as_people_would_write_them() {
    let mut schedule = Schedule::new("nightly", "mail", When::cron_in("0 3 * * *", "Europe/Berlin")).unwrap();
    schedule.payload = "text".into();
    schedule.deadline = Some(Duration::from_millis(90_500));
    schedule.headers.insert("a".to_owned(), "b".to_owned());
    let written = serde_json::to_value(&schedule).unwrap();
    assert_eq!(written["when"]["cron"]["zone"], "Europe/Berlin");
    assert_eq!((&written["payload"], &written["deadline"]), (&"text".into(), &"1m 30s 500ms".into()));
    assert_eq!(serde_json::from_value::<Schedule>(written).unwrap(), schedule);
    schedule.payload = vec![0xff, 0].into();
    let written = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&written).unwrap(), schedule);

    let short = r#"{"name": "beat", "domain": "mail", "when": {"every": "30s"}}"#;
    let expected = Schedule::new("beat", "mail", When::Every(secs(30))).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(short).unwrap(), expected);
    let typo = short.replace("domain\"", "domain\": \"mail\", \"cannary\"");
    assert!(serde_json::from_str::<Schedule>(&typo).is_err());
    assert!(!format!("{schedule:?}").contains("255"), "payloads are not shown");
}

proptest! {
    /// Whatever is written, there is an answer, and it comes.
    #[test]
    fn no_expression_panics(expression in "[0-9*/,#LW?+@A-Z -]{0,24}|(([0-9*]|[0-9]-[0-9]|\\*/[0-9]|L|[0-9]{1,2}W|[0-7]#[1-6L]) ?){5,6}|.{0,12}") {
        let now = at("2026-11-22T00:00:00Z");
        if let Ok(ticks) = Ticks::new(&When::cron_in(expression, "Europe/Berlin"), now) {
            let next = ticks.next(now).unwrap();
            prop_assert!(next > now);
            prop_assert!(ticks.due(now, next).is_some_and(|due| due.tick == next && due.is_next));
        }
    }
}
