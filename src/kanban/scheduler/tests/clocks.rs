//! Clocks that jump, and processes that restart: no tick twice, no silence for longer than what was published already.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::covered::Covered;
use super::super::schedule::{Misfire, Overlap};
use super::*;

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 365 * 24 * HOUR;

fn overlapping(schedule: Schedule) -> Simulated {
    Simulated::new(at("2026-06-01T00:00:00Z"), [Schedule { overlap: Overlap::Allow, ..schedule }])
}

#[test]
fn a_clock_set_back_an_hour_publishes_nothing_twice_and_goes_on_afterwards() {
    let mut world = overlapping(every(60));
    let start = world.wall;
    world.pass(7200);
    world.jump(-HOUR);
    world.pass(3600);
    assert_eq!(world.stored.len(), 120, "that hour was published already");
    assert_eq!(world.status().next, Some(start.after(secs(7260))));
    world.pass(120);
    assert_eq!(world.ticks_since(start), (1..=122).map(|minute| minute * 60).collect::<Vec<_>>());
    assert_eq!(world.status().skipped.missed, 0);
}

#[test]
fn a_clock_set_forward_has_missed_ticks() {
    let mut world = overlapping(every(60));
    let start = world.wall;
    world.pass(60);
    world.jump(10 * HOUR);
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60, 36_060, 36_120]);
    assert_eq!(world.status().skipped.missed, 599);
}

#[test]
fn a_clock_that_was_wrong_by_years_is_not_waited_for() {
    let mut world = overlapping(every(60));
    let start = world.wall;
    world.pass(600);
    world.jump(10 * YEAR);
    world.pass(600);
    let ahead = world.stored.len();
    world.jump(-10 * YEAR);
    world.pass(600);
    // What passed meanwhile in the wrong year is missed in the right one, but for its latest.
    assert_eq!(world.stored.len(), ahead + 11);
    assert_eq!(world.stored.iter().collect::<BTreeSet<_>>().len(), world.stored.len());
    world.jump(-20 * YEAR);
    world.pass(600);
    assert_eq!(world.stored.len(), ahead + 21, "the past is as good as any time");
    assert!(world.wall < start);
    assert!(world.status().next.is_some_and(|next| next <= world.wall.after(secs(60))));
}

#[test]
fn a_schedule_of_every_year_is_not_published_twice_by_a_month() {
    let yearly = Schedule::new("job", "mail", When::cron("0 0 1 1 *")).unwrap();
    let mut world = overlapping(yearly);
    world.jump(240 * 24 * HOUR);
    world.pass(5);
    assert_eq!(world.stored.len(), 1);
    world.jump(-60 * 24 * HOUR);
    world.pass(5);
    assert_eq!(world.status().next, Some(at("2028-01-01T00:00:00Z")));
    world.jump(60 * 24 * HOUR);
    world.pass(5);
    assert_eq!(world.stored.len(), 1);
}

#[test]
fn a_changed_plan_has_missed_nothing() {
    let mut world = overlapping(every(60));
    world.pass(60);
    let note = {
        let name = crate::Name::new("job").unwrap();
        world.book.entries[&name].record(&world.book.watches, world.now)
    };
    let changed = Schedule::new("job", "mail", When::cron("0 0 * * *")).unwrap();
    let mut entry = Entry::new(changed, Origin::Config, world.wall, MAX_PAYLOAD).unwrap();
    let later = at("2026-06-05T12:00:00Z");
    entry.restore(&note, &mut world.book.watches, later, world.now);
    assert_eq!(entry.look(later), None);
    assert_eq!(entry.course.next(), Some(at("2026-06-06T00:00:00Z")));
}

#[test]
fn records_of_nonsense_are_refused() {
    let world = overlapping(every(60));
    let name = crate::Name::new("job").unwrap();
    let note = world.book.entries[&name].record(&world.book.watches, world.now);
    let written = String::from_utf8(note.write()).unwrap();
    assert_eq!(Record::read("schedule_job", written.as_bytes()), Ok(note));
    assert!(Record::read("schedule_other", written.as_bytes()).is_err());
    for wrong in ["\"covered\":[]", "\"covered\":[[5,4]]", "\"covered\":[[1,5],[5,6]]", "\"covered\":7"] {
        let from = written.find("\"covered\":").unwrap();
        let to = from + written[from..].find("]]").unwrap() + 2;
        let nonsense = format!("{}{wrong}{}", &written[..from], &written[to..]);
        assert!(Record::read("schedule_job", nonsense.as_bytes()).is_err(), "{nonsense}");
    }
    assert!(Record::read("schedule_job", b"").is_err());
}

/// What happens to a process and its clock.
#[derive(Clone, Debug)]
enum Happening {
    Pass(u64),
    Jump(i64),
    Restart(u64),
    Fail(bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..2000_u64).prop_map(Happening::Pass),
        2 => (-2 * HOUR..2 * HOUR).prop_map(Happening::Jump),
        1 => prop::sample::select(vec![-10 * YEAR, -YEAR, -25 * HOUR, 25 * HOUR, YEAR, 10 * YEAR]).prop_map(Happening::Jump),
        1 => (0..100_000_u64).prop_map(Happening::Restart),
        1 => prop::bool::ANY.prop_map(Happening::Fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever happens, each tick is published at most once, is one, and is not from the future; and as soon as the clock shows a
    /// time that it has never shown, ticks are published again.
    #[test]
    fn each_tick_is_published_at_most_once(
        happenings in prop::collection::vec(happening(), 1..12),
        interval in prop::sample::select(vec![60_u64, 600, 3600]),
        by_calendar in prop::bool::ANY,
        once in prop::bool::ANY,
    ) {
        let expression = match interval { 60 => "* * * * *", 600 => "*/10 * * * *", _ => "0 * * * *" };
        let when = if by_calendar { When::cron(expression) } else { When::Every(secs(interval)) };
        let misfire = if once { Misfire::Once } else { Misfire::Skip };
        let mut world = overlapping(Schedule { misfire, ..Schedule::new("job", "mail", when).unwrap() });
        let mut latest_ever = world.wall;
        for happening in happenings {
            match happening {
                Happening::Pass(seconds) => world.pass(seconds),
                Happening::Jump(millis) => {
                    world.jump(millis);
                    world.round();
                }
                Happening::Restart(seconds) => world.restart(seconds),
                Happening::Fail(fails) => world.failure = fails.then(|| PublishError::NotStored(unavailable())),
            }
            latest_ever = latest_ever.max(world.wall);
            prop_assert_eq!(world.items.len(), world.stored.len(), "published twice: {:?}", world.stored);
        }
        for id in &world.stored {
            let (_, tick, _) = super::super::id::read(id).unwrap();
            prop_assert_eq!(tick.as_millis() % (interval * 1000), 0);
            prop_assert!(tick <= latest_ever);
        }
        world.failure = None;
        world.jump(i64::try_from(latest_ever.since(world.wall).as_millis()).unwrap());
        world.pass(10);
        let before = world.stored.len();
        world.pass(3 * interval);
        prop_assert_eq!(world.stored.len(), before + 3, "not wedged");
    }

    /// What was dealt with is in the ranges, which stay sorted, few and apart.
    #[test]
    fn ranges_stay_sound(ticks in prop::collection::vec((0..40_u64, prop::bool::ANY, 0..1000_u64), 1..60)) {
        let day = |days: u64, millis: u64| Timestamp::from_millis(days * 86_400_000 + millis);
        let mut covered = Covered::beginning(day(20, 0));
        for (days, is_next, millis) in ticks {
            let tick = day(days, millis);
            let reach = covered.reach(tick);
            prop_assert!(reach <= tick && covered.contains(reach));
            if reach < tick {
                covered.cover(tick, is_next);
            }
            prop_assert!(covered.contains(tick) && covered.is_sound(), "{covered:?}");
            prop_assert!(covered.end_at(tick) >= tick);
        }
    }
}
