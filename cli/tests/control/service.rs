//! `heijunka schedule`, `status`, `drain` and `stop`.

use crate::world::World;

#[test]
fn a_schedule_arrives_as_it_was_told() {
    let world = World::new();
    let told = [
        "schedule",
        "add",
        "nightly",
        "--cron",
        "0 0 3 * * *",
        "--zone",
        "Europe/Berlin",
        "--domain",
        "mail",
    ];
    let more = ["--payload", "x", "--deadline", "10m", "--skip-missed", "--canary", "--batch", "7"];
    let ran = world.run(&[told.as_slice(), &more].concat());
    let schedule: heijunka::Schedule = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(schedule.when, heijunka::When::cron_in("0 0 3 * * *", "Europe/Berlin"));
    assert_eq!((schedule.batch, schedule.canary, schedule.misfire), (7, true, heijunka::Misfire::Skip));
    assert_eq!((schedule.payload.as_ref(), schedule.overlap), (b"x".as_slice(), heijunka::Overlap::Skip));
    assert_eq!(world.run(&["schedule", "add", "x", "--domain", "mail"]).code, Some(2));
    let bad = world.run(&["schedule", "add", "a b", "--domain", "mail", "--every", "1s"]);
    assert!(bad.refusal().contains("a b"));
}

#[test]
fn schedules_are_listed_paused_and_cancelled() {
    let world = World::new();
    assert_eq!(world.run(&["schedule", "list"]).out, "no schedules\n");
    assert_eq!(world.run(&["schedule", "pause", "a/b"]).out, "a/b\n");
    let ran = world.run(&["schedule", "cancel", "nigthly"]);
    assert_eq!(ran.refusal(), "there is no schedule \"nigthly\" (there is nightly)");
}

#[test]
fn the_status_is_told_in_lines_and_tables() {
    let world = World::new();
    let out = world.run(&["status"]).out;
    for part in [
        "process 42, running for 61.0 s",
        "no: the broker does not answer",
        "7 dead letters",
        "1 234",
        "2 of 4",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(world.run(&["status", "--json"]).json()["kanban"]["queues"][0]["ready"][1], 1234);
}

#[test]
fn a_drain_tells_how_it_ended() {
    let world = World::new();
    let ran = world.run(&["drain", "--within", "5s"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "drained, 0 items left in the broker\n"));
    let ran = world.run(&["drain"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.out.contains("1 item left in the broker, 1 of them lost") && ran.out.contains("item-7"),
        "{}",
        ran.out
    );
    assert_eq!(world.run(&["stop"]).out, "stopping\n");
}
