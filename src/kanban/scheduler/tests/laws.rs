//! Misfires, overlaps, slowing down and retries, under virtual time.

use std::time::Duration;

use super::super::schedule::{Misfire, Overlap};
use super::super::status::Skipped;
use super::*;

const START: &str = "2026-06-01T00:00:00Z";

/// Simulated, with a schedule that is ready for its next tick at any time.
pub(super) fn simulated(schedule: Schedule) -> (Simulated, Timestamp) {
    let start = at(START);
    (Simulated::new(start, [schedule]), start)
}

#[test]
fn every_tick_is_published_once_with_its_id() {
    let mut schedule = every(60);
    schedule.overlap = Overlap::Allow;
    schedule.payload = "hello".into();
    schedule.key = Some("customer".to_owned());
    schedule.deadline = Some(secs(30));
    schedule.headers.insert("trace".to_owned(), "7".to_owned());
    let (mut world, start) = simulated(schedule);
    world.pass(59);
    assert!(world.stored.is_empty(), "the time of its creation is no tick");
    world.pass(181);
    assert_eq!(world.ticks_since(start), [60, 120, 180, 240]);
    let item = &world.items[&format!("job:{}", start.after(secs(60)).as_millis())];
    assert_eq!((item.payload.as_ref(), item.key.as_deref()), (&b"hello"[..], Some("customer")));
    assert_eq!(item.deadline, Some(start.after(secs(90))));
    assert_eq!(item.headers["trace"], "7");
    assert!(!item.headers.contains_key("canary"));
    let status = world.status();
    assert_eq!((status.published, status.last), (4, Some(start.after(secs(240)))));
    assert_eq!(status.next, Some(start.after(secs(300))));
}

#[test]
fn after_a_downtime_one_missed_tick_is_made_up_for_or_none() {
    for (misfire, expected, missed) in
        [(Misfire::Once, vec![60, 3600, 3660], 58), (Misfire::Skip, vec![60, 3660], 59)]
    {
        let (mut world, start) = simulated(Schedule { misfire, overlap: Overlap::Allow, ..every(60) });
        world.pass(70);
        world.restart(3630 - 70 - 15);
        world.pass(15);
        world.pass(60);
        assert_eq!(world.ticks_since(start), expected, "{misfire:?}");
        assert_eq!(world.status().skipped.missed, missed, "{misfire:?}");
        assert!(
            world.events.iter().any(|event| event.rule == "schedule" && event.decision.contains("missed"))
        );
    }
}

#[test]
fn a_tick_that_is_a_little_late_is_not_missed() {
    let (mut world, start) = simulated(Schedule { misfire: Misfire::Skip, ..every(60) });
    world.jump(70_000);
    world.round();
    assert_eq!(world.ticks_since(start), [60]);
    let (mut world, _) = simulated(Schedule { misfire: Misfire::Skip, ..every(60) });
    world.jump(70_001);
    world.round();
    assert!(world.stored.is_empty());
}

#[test]
fn a_tick_waits_for_nobody_but_the_one_before() {
    let (mut world, start) = simulated(every(60));
    world.pass(60);
    let first = world.stored[0].clone();
    world.pass(120);
    assert_eq!(world.ticks_since(start), [60]);
    assert_eq!(world.status().skipped.unfinished, 2);
    assert!(world.status().unfinished);
    world.finish("other:60000", true);
    world.finish("job:1", true);
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60], "others are not it");
    world.finish(&first, false);
    assert!(!world.status().unfinished);
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60, 300], "the next, and not those that were left out");
    assert_eq!(world.status().skipped.unfinished, 3);
}

#[test]
fn all_items_of_a_tick_must_be_finished() {
    let (mut world, start) = simulated(Schedule { batch: 3, ..every(60) });
    world.pass(60);
    let tick = start.after(secs(60)).as_millis();
    assert_eq!(world.stored, [format!("job:{tick}"), format!("job:{tick}:1"), format!("job:{tick}:2")]);
    world.finish(&format!("job:{tick}"), true);
    world.finish(&format!("job:{tick}:2"), true);
    world.pass(60);
    assert_eq!(world.stored.len(), 3);
    world.finish(&format!("job:{tick}:1"), true);
    world.pass(60);
    assert_eq!(world.stored.len(), 6);
}

#[test]
fn what_others_finish_is_seen_by_the_empty_lane_or_forgotten_after_an_hour() {
    let (mut world, start) = simulated(every(60));
    world.pass(60);
    world.depth = Some(Depth { unsettled: 1, ..Depth::default() });
    world.pass(60);
    world.depth = Some(Depth { delayed: 1, ..Depth::default() });
    world.pass(60);
    world.depth = None;
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60]);
    world.depth = Some(Depth::default());
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60, 300]);

    world.depth = None;
    world.pass(3540);
    assert_eq!(world.stored.len(), 2);
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60, 300, 3900]);
}

#[test]
fn a_deep_queue_thins_the_ticks_out_and_a_shallow_one_lets_them_through() {
    let (mut world, start) = simulated(Schedule { overlap: Overlap::Allow, ..every(1) });
    let mut expected = Vec::new();
    for (ready, factor) in [(100, 1), (101, 2), (400, 4), (401, 8), (5000, 16), (0, 1)] {
        world.depth = Some(Depth { ready, ..Depth::default() });
        let from = world.wall.since(start).as_secs();
        world.pass(64);
        expected.extend((1..=64 / factor).map(|tick| from + tick * factor));
        assert_eq!(world.ticks_since(start), expected, "at {ready}");
        assert_eq!(u64::from(world.status().slowed), factor);
    }
    assert_eq!(world.status().skipped.slowed, 32 + 48 + 56 + 60);
    let told: Vec<_> = world.events.iter().filter(|event| event.rule == "slow_down").collect();
    assert_eq!(told.len(), 5, "once per change: {told:?}");
    assert!(told[0].decision.contains("one tick of 2") && told[0].inputs.contains("101"), "{told:?}");
}

#[test]
fn an_unknown_depth_changes_nothing() {
    let (mut world, _) = simulated(Schedule { overlap: Overlap::Allow, ..every(1) });
    world.depth = Some(Depth { ready: 300, ..Depth::default() });
    world.pass(4);
    world.depth = None;
    world.pass(8);
    assert_eq!((world.status().slowed, world.stored.len()), (4, 3));
}

#[test]
fn what_is_not_stored_is_tried_again_with_the_same_ids_until_the_next_tick() {
    let (mut world, start) = simulated(Schedule { batch: 2, ..every(60) });
    world.failure = Some(PublishError::NotStored(unavailable()));
    world.pass(90);
    assert!(world.status().error.is_some_and(|error| error.contains("gone")));
    assert_eq!(world.status().last, None);
    world.failure = None;
    world.pass(5);
    assert_eq!(world.ticks_since(start), [60, 60]);
    assert_eq!((world.status().error, world.status().skipped), (None, Skipped::default()));
    world.finish_all();

    world.failure = Some(PublishError::NotStored(unavailable()));
    world.pass(200);
    world.failure = None;
    world.pass(5);
    assert_eq!(world.ticks_since(start), [60, 60, 240, 240], "the latest, when there is an answer again");
    assert_eq!(world.status().skipped.unpublished, 2);
}

#[test]
fn what_may_be_stored_is_tried_until_it_is_known() {
    let (mut world, start) = simulated(every(60));
    world.failure = Some(PublishError::Unknown(unavailable()));
    world.pass(150);
    world.failure = None;
    world.pass(6);
    assert_eq!(world.ticks_since(start), [60], "the same, as it may run already");
    assert_eq!(world.status().skipped.unfinished, 1);
}

#[test]
fn what_can_never_be_published_is_given_up_at_once() {
    let (mut world, start) = simulated(Schedule { deadline: Some(secs(30)), ..every(60) });
    world.pass(10);
    world.jump(89_000);
    world.pass(1);
    assert!(world.stored.is_empty(), "its deadline has passed");
    assert!(world.status().error.is_some_and(|error| error.contains("deadline")));
    assert_eq!(world.status().skipped.unpublished, 1);
    world.pass(20);
    assert_eq!(world.ticks_since(start), [120]);
}

#[test]
fn a_large_batch_does_not_keep_others_waiting() {
    let large = Schedule { batch: 10_000, ..every(60) };
    let small = (0..50)
        .map(|number| Schedule::new(&format!("small-{number}"), "mail", When::Every(secs(60))).unwrap());
    let mut world = Simulated::new(at(START), std::iter::once(large).chain(small));
    world.jump(60_000);
    world.round();
    assert!(world.stored.len() <= 1000);
    let small = world.stored.iter().filter(|id| id.starts_with("small")).count();
    assert_eq!(small, 50, "all of them at once");
    for _ in 0..100 {
        world.round();
    }
    assert_eq!(world.items.len(), 10_050);
    assert_eq!(world.stored.len(), 10_050, "none twice");
}

#[test]
fn five_hundred_at_midnight_go_out_together() {
    let schedules =
        (0..500).map(|number| Schedule::new(&format!("s{number}"), "mail", When::cron("0 0 * * *")).unwrap());
    let mut world = Simulated::new(at("2026-06-01T23:59:59Z"), schedules);
    world.pass(1);
    assert_eq!(world.items.len(), 500);
}

#[test]
fn large_payloads_go_out_a_few_at_a_time() {
    let mut world = Simulated::new(at(START), []);
    world.book.max_payload = 10 << 20;
    let schedule = Schedule { batch: 10, payload: vec![7; 10 << 20].into(), ..every(60) };
    let entry = Entry::new(schedule, Origin::Runtime, world.wall, 10 << 20).unwrap();
    world.book.entries.insert(crate::Name::new("job").unwrap(), entry);
    world.jump(60_000);
    world.round();
    assert_eq!(world.stored.len(), 2);
    (0..4).for_each(|_| world.round());
    assert_eq!(world.items.len(), 10);
}

#[test]
fn paused_time_is_not_missed() {
    let (mut world, start) = simulated(Schedule { overlap: Overlap::Allow, ..every(60) });
    world.pass(60);
    let wall = world.wall;
    world.book.entry("job").unwrap().set_paused(true, wall);
    world.pass(600);
    assert_eq!(world.status().next, None);
    world.restart(100);
    world.pass(100);
    assert_eq!((world.stored.len(), world.status().paused), (1, true));
    let wall = world.wall;
    world.book.entry("job").unwrap().set_paused(false, wall);
    world.pass(60);
    assert_eq!(world.ticks_since(start), [60, 900]);
    assert_eq!(world.status().skipped, Skipped::default());
}

#[test]
fn a_schedule_can_be_run_at_any_time_but_not_twice_at_once() {
    let (mut world, start) = simulated(every(3600));
    world.pass(7);
    let id = world.book.run_now("job", world.wall, world.now).unwrap();
    world.round();
    assert_eq!(world.stored, [id.as_str()]);
    assert!(matches!(
        world.book.run_now("job", world.wall, world.now),
        Err(super::super::ScheduleError::Busy(_))
    ));
    world.finish(id.as_str(), true);
    world.pass(3593);
    assert_eq!(world.ticks_since(start), [7, 3600]);
    assert!(world.book.run_now("none", world.wall, world.now).is_err());
}

#[test]
fn retries_back_off_and_begin_anew_after_a_success() {
    use super::super::batch::Batch;
    let mut batch = Batch::new(Timestamp::default(), 1, false);
    let mut now = Moment::default();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        batch.failed(now);
        let next = batch.next().unwrap();
        assert_eq!(batch.wanted(10, next.before(Duration::from_nanos(1))).count(), 0);
        assert_eq!(batch.wanted(10, next).count(), 1);
        pauses.push(next.since(now).as_millis());
        now = next;
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    batch.recovered();
    batch.failed(now);
    assert_eq!(batch.next().unwrap().since(now).as_millis(), 100);
}
