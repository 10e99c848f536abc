//! `heijunka dlq`.

use crate::world::World;

#[test]
fn they_are_listed_in_a_table() {
    let world = World::new();
    let ran = world.run(&["dlq", "list", "--domain", "mail", "--after", "2"]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 3), "{}", ran.err);
    assert!(ran.out.contains("item-3") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    assert!(ran.out.ends_with("1 of 7 dead letters; more with --after 3\n"), "{}", ran.out);
    assert_eq!(world.run(&["dlq", "list", "--json"]).json()["letters"][1]["serial"], 3);
}

#[test]
fn one_is_shown_in_whole() {
    let world = World::new();
    let ran = world.run(&["dlq", "show", "3"]);
    for part in ["attempts   5\n", "died       2026-01-01T00:00:00.000Z\n", "5 bytes\n", "\nhello\n"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "nothing commands the terminal");
    assert_eq!(world.run(&["dlq", "show", "9"]).refusal(), "there is no dead letter 9");
}

#[test]
fn replays_tell_what_became_of_each() {
    let world = World::new();
    let all = world.run(&["dlq", "replay", "--all"]);
    assert_eq!((all.code, all.out.as_str()), (Some(1), "2 dead letters replayed, 1 left out\n"));
    assert!(all.err.contains("item-2"), "{}", all.err);
    let some = ["dlq", "replay", "--domain", "mail", "--dry-run", "--per-second", "2.5", "--force"];
    let some = world.run(&some);
    assert_eq!(
        (some.code, some.out.as_str()),
        (Some(0), "1 dead letter would be replayed\n"),
        "{}",
        some.err
    );
    let named = world.run(&["dlq", "replay", "1", "2", "3"]);
    assert_eq!((named.code, named.out.as_str()), (Some(1), "2 dead letters replayed, 1 failed\n"));
    assert!(named.err.contains("no dead letter 2"), "{}", named.err);
    assert_eq!(world.run(&["dlq", "replay", "2"]).code, Some(2));
}

#[test]
fn nothing_is_dropped_unless_it_is_said_what() {
    let world = World::new();
    assert_eq!(world.run(&["dlq", "drop"]).code, Some(2));
    assert_eq!(world.run(&["dlq", "drop", "1", "--all"]).code, Some(2));
    assert_eq!(world.run(&["dlq", "drop", "--all"]).out, "2 dead letters dropped\n");
    let ran = world.run(&["dlq", "drop", "1", "9", "3"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "2 dead letters dropped, 1 failed\n"), "{}", ran.err);
    let ran = world.run(&["dlq", "drop", "1", "--dry-run"]);
    assert_eq!(ran.out, "1 dead letter would be dropped\n");
}
