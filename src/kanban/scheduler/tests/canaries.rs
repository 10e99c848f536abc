//! Canaries, and what a restart finds of a tick that had begun, under virtual time.

use super::super::schedule::Overlap;
use super::super::watch::Canary;
use super::laws::simulated;
use super::*;

#[test]
fn a_batch_goes_out_once_its_canary_succeeded() {
    let (mut world, start) = simulated(Schedule { canary: true, batch: 4, ..every(60) });
    world.pass(60);
    let canary = format!("job:{}", start.after(secs(60)).as_millis());
    assert_eq!(world.stored, std::slice::from_ref(&canary));
    assert_eq!(world.items[&canary].headers["canary"], "true");
    assert_eq!(world.status().canary, Canary::Waiting);
    assert!(world.book.watches.holds("mail", world.now));
    assert!(!world.book.watches.holds("other", world.now));
    world.pass(70);
    assert_eq!(
        (world.stored.len(), world.status().skipped.unfinished),
        (1, 1),
        "the next tick waits as well"
    );
    world.finish(&canary, true);
    assert!(!world.book.watches.holds("mail", world.now));
    world.round();
    assert_eq!(world.stored[1..], [1, 2, 3].map(|number| format!("{canary}:{number}")));
    assert!(!world.items[&world.stored[1]].headers.contains_key("canary"));
    assert_eq!(world.status().canary, Canary::Succeeded);
    world.pass(60);
    assert_eq!(world.stored.len(), 4, "the batch is not finished");
    world.finish_all();
    world.pass(60);
    assert_eq!(world.stored.len(), 5);
}

#[test]
fn a_canary_that_fails_keeps_its_batch_in_and_the_pool_as_it_is() {
    let (mut world, _) = simulated(Schedule { canary: true, batch: 4, ..every(60) });
    world.pass(60);
    let canary = world.stored[0].clone();
    world.finish(&canary, false);
    world.pass(30);
    assert_eq!(world.stored.len(), 1);
    assert_eq!((world.status().canary, world.status().skipped.canary), (Canary::Failed, 1));
    assert!(world.book.watches.holds("mail", world.now), "it has not been seen to succeed");
    assert!(world.events.iter().any(|event| event.decision.contains("failed")));
    world.pass(30);
    assert_eq!(world.stored.len(), 2, "the next tick tries again");
    let canary = world.stored[1].clone();
    world.finish(&canary, true);
    world.round();
    assert_eq!((world.stored.len(), world.status().canary), (5, Canary::Succeeded));
    world.finish(&canary, false);
    assert_eq!(world.status().canary, Canary::Succeeded, "what ended has ended");
}

#[test]
fn a_canary_that_is_not_heard_of_holds_for_an_hour() {
    let (mut world, _) = simulated(Schedule { canary: true, batch: 4, ..every(86_400) });
    world.pass(86_400);
    assert_eq!(world.stored.len(), 1);
    world.pass(3599);
    assert!(world.book.watches.holds("mail", world.now));
    assert_eq!(world.status().skipped.canary, 0);
    world.pass(6);
    assert!(!world.book.watches.holds("mail", world.now));
    assert_eq!(world.status().skipped.canary, 1);
    world.pass(86_400);
    assert_eq!(world.stored.len(), 2);
}

#[test]
fn a_tick_that_may_overlap_takes_the_place_of_a_canary_that_is_waited_for() {
    let schedule = Schedule { canary: true, batch: 2, overlap: Overlap::Allow, ..every(60) };
    let (mut world, start) = simulated(schedule);
    world.pass(120);
    assert_eq!(world.ticks_since(start), [60, 120]);
    assert_eq!(world.status().skipped.canary, 1);
    let late = world.stored[0].clone();
    world.finish(&late, true);
    world.round();
    assert_eq!(world.stored.len(), 2, "nobody waits for the first any more");
}

#[test]
fn a_restart_goes_on_with_what_was_begun() {
    let (mut world, start) = simulated(Schedule { canary: true, batch: 3, ..every(60) });
    world.pass(60);
    let canary = world.stored[0].clone();
    world.restart(5);
    world.pass(5);
    assert_eq!(world.ticks_since(start), [60, 60], "the same again: its id makes it one");
    world.finish(&canary, true);
    world.round();
    assert_eq!(world.items.len(), 3);
    world.restart(60);
    world.pass(5);
    assert_eq!(world.items.len(), 3, "its items are not finished");
    assert!(world.status().unfinished);
    world.finish_all();
    world.restart(60);
    world.round();
    assert_eq!(world.items.len(), 4);
}

#[test]
fn a_restart_between_a_canary_and_the_end_of_its_batch_publishes_the_rest() {
    let (mut world, start) = simulated(Schedule { canary: true, batch: 3, ..every(600) });
    world.pass(600);
    let canary = world.stored[0].clone();
    world.failure = Some(PublishError::NotStored(unavailable()));
    world.finish(&canary, true);
    world.round();
    world.failure = None;
    world.restart(5);
    assert!(!world.book.watches.holds("mail", world.now));
    world.round();
    assert_eq!(world.ticks_since(start), [600, 600, 600]);
    assert_eq!(world.stored[1..], [format!("{canary}:1"), format!("{canary}:2")], "and not the canary");
    world.finish(&format!("{canary}:1"), true);
    world.restart(5);
    assert!(world.status().unfinished);
    world.finish(&format!("{canary}:2"), true);
    assert!(!world.status().unfinished, "what was finished before is remembered");
}
