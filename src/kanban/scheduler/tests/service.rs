//! The scheduler with its thread, on a clock moved by hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::super::outlet::Outlet;
use super::super::schedule::Overlap;
use super::super::{ScheduleError, Scheduler, Settings};
use super::*;
use crate::kanban::item::Lane;
use crate::time::{Clock, Deadline, ManualTime};

/// Keeps items and notes for as long as the test lasts, and fails as told.
#[derive(Default)]
struct Shelf {
    items: Mutex<Vec<Item>>,
    notes: Mutex<BTreeMap<String, Vec<u8>>>,
    keeps_no_notes: Mutex<bool>,
    notes_fail: Mutex<bool>,
    panics: Mutex<u32>,
    events: Mutex<Vec<Event>>,
}

impl Outlet for Shelf {
    fn publish(&self, items: Vec<Item>) -> Vec<Result<Stored, PublishError>> {
        let panics = std::mem::take(&mut *self.panics.lock());
        assert!(panics == 0, "told to panic");
        let mut kept = self.items.lock();
        let store = |item: Item| {
            let new = kept.iter().all(|other| other.id != item.id);
            kept.extend(new.then_some(item));
            Ok(if new { Stored::New } else { Stored::Duplicate })
        };
        items.into_iter().map(store).collect()
    }

    fn depth(&self, _: &Lane) -> Option<Depth> {
        Some(Depth { ready: 1, ..Depth::default() })
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>) -> Result<(), BrokerError> {
        if *self.keeps_no_notes.lock() {
            return Err(BrokerError::Unsupported("notes"));
        }
        if *self.notes_fail.lock() {
            return Err(unavailable());
        }
        match note {
            Some(note) => drop(self.notes.lock().insert(name.to_owned(), note.to_vec())),
            None => drop(self.notes.lock().remove(name)),
        }
        Ok(())
    }

    fn notes(&self) -> Result<Vec<(String, Bytes)>, BrokerError> {
        if *self.keeps_no_notes.lock() {
            return Err(BrokerError::Unsupported("notes"));
        }
        if *self.notes_fail.lock() {
            return Err(unavailable());
        }
        Ok(self.notes.lock().iter().map(|(name, note)| (name.clone(), note.clone().into())).collect())
    }
}

impl Shelf {
    fn start(self: &Arc<Self>, clock: &Clock, configured: Vec<Schedule>) -> Result<Scheduler, ScheduleError> {
        let own = self.clone();
        let events = Arc::new(move |event| own.events.lock().push(event));
        Scheduler::start(configured, Settings::default(), self.clone(), clock.clone(), events)
    }

    fn ids(&self) -> Vec<String> {
        self.items.lock().iter().map(|item| item.id.as_str().to_owned()).collect()
    }

    fn told(&self, text: &str) -> usize {
        self.events.lock().iter().filter(|event| event.decision.contains(text)).count()
    }
}

/// Waits until it is so.
fn until(mut so: impl FnMut() -> bool) {
    let patience = Deadline::after(Duration::from_secs(30));
    while !so() {
        assert!(!patience.passed(), "it did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn end(scheduler: &Scheduler) {
    assert!(scheduler.stop(&Deadline::after(Duration::from_secs(30))));
}

fn named(name: &str, seconds: u64) -> Schedule {
    let schedule = Schedule::new(name, "mail", When::Every(secs(seconds))).unwrap();
    Schedule { overlap: Overlap::Allow, ..schedule }
}

fn setup() -> (Arc<Shelf>, Clock, ManualTime) {
    let (clock, time) = Clock::manual();
    (Arc::new(Shelf::default()), clock, time)
}

#[test]
fn it_publishes_as_time_passes_and_can_be_changed_meanwhile() {
    let (shelf, clock, time) = setup();
    let scheduler = shelf.start(&clock, vec![named("minute", 60)]).unwrap();
    scheduler.add(named("hour", 3600)).unwrap();
    assert_eq!(
        scheduler.add(named("hour", 60)),
        Err(ScheduleError::Exists(crate::Name::new("hour").unwrap()))
    );
    time.advance(secs(60));
    until(|| shelf.ids().len() == 1);
    scheduler.pause("minute").unwrap();
    time.advance(secs(3540));
    until(|| shelf.ids().len() == 2);
    scheduler.resume("minute").unwrap();
    time.advance(secs(60));
    until(|| shelf.ids().len() == 3);
    scheduler.cancel("minute").unwrap();
    let id = scheduler.run_now("hour").unwrap();
    until(|| shelf.ids().last().is_some_and(|last| last == id.as_str()));
    assert_eq!(shelf.ids().len(), 4);
    let left: Vec<_> = scheduler.list().into_iter().map(|status| status.schedule.name).collect();
    assert_eq!(left, [crate::Name::new("hour").unwrap()]);
    for result in [scheduler.cancel("minute"), scheduler.pause("minute"), scheduler.resume("minute")] {
        assert_eq!(result, Err(ScheduleError::Unknown("minute".to_owned())));
    }
    end(&scheduler);
    assert_eq!(scheduler.add(named("late", 60)), Err(ScheduleError::Stopped));
    assert_eq!(scheduler.run_now("hour"), Err(ScheduleError::Stopped));
}

#[test]
fn the_broker_remembers_what_was_added_and_what_was_dealt_with() {
    let (shelf, clock, time) = setup();
    let configured = || vec![named("configured", 60), named("gone", 60)];
    let scheduler = shelf.start(&clock, configured()).unwrap();
    scheduler.add(named("added", 60)).unwrap();
    scheduler.add(named("paused", 60)).unwrap();
    scheduler.pause("paused").unwrap();
    scheduler.add(named("cancelled", 60)).unwrap();
    scheduler.cancel("cancelled").unwrap();
    time.advance(secs(60));
    until(|| shelf.ids().len() == 3);
    end(&scheduler);
    assert_eq!(shelf.notes.lock().len(), 4);
    shelf.notes.lock().insert("schedule_odd".to_owned(), b"{}".to_vec());
    shelf.notes.lock().insert("other".to_owned(), b"{}".to_vec());

    let scheduler = shelf.start(&clock, vec![named("configured", 60)]).unwrap();
    let list = scheduler.list();
    let of = |name: &str| list.iter().find(|status| status.schedule.name.as_str() == name);
    assert_eq!(list.len(), 3);
    assert_eq!(
        (of("configured").unwrap().origin, of("added").unwrap().origin),
        (Origin::Config, Origin::Runtime)
    );
    assert!(of("paused").is_some_and(|status| status.paused));
    assert_eq!((shelf.told("forgotten"), shelf.told("left alone")), (1, 1));
    assert!(shelf.notes.lock().contains_key("schedule_odd"));
    assert!(!shelf.notes.lock().contains_key("schedule_gone"));
    assert_eq!(scheduler.list()[0].last, scheduler.list()[1].last);
    time.advance(secs(60));
    until(|| shelf.ids().len() == 5);
    end(&scheduler);
    assert_eq!(shelf.items.lock().len(), 5, "nothing was published again");
}

#[test]
fn a_broker_without_notes_is_told_of_once() {
    let (shelf, clock, time) = setup();
    *shelf.keeps_no_notes.lock() = true;
    let scheduler = shelf.start(&clock, vec![named("a", 60)]).unwrap();
    scheduler.add(named("b", 60)).unwrap();
    scheduler.pause("b").unwrap();
    time.advance(secs(60));
    until(|| !shelf.ids().is_empty());
    end(&scheduler);
    assert_eq!(shelf.told("keeps no notes"), 1);
}

#[test]
fn what_cannot_be_kept_is_not_done() {
    let (shelf, clock, _time) = setup();
    let scheduler = shelf.start(&clock, vec![named("a", 60)]).unwrap();
    *shelf.notes_fail.lock() = true;
    assert_eq!(scheduler.add(named("b", 60)), Err(ScheduleError::NotKept(unavailable())));
    assert_eq!(scheduler.pause("a"), Err(ScheduleError::NotKept(unavailable())));
    assert_eq!(scheduler.cancel("a"), Err(ScheduleError::NotKept(unavailable())));
    let list = scheduler.list();
    assert_eq!((list.len(), list[0].paused), (1, false));
    end(&scheduler);
    assert_eq!(shelf.start(&clock, Vec::new()).err(), Some(ScheduleError::NotKept(unavailable())));
}

#[test]
fn a_thread_that_dies_begins_anew() {
    let (shelf, clock, time) = setup();
    let scheduler = shelf.start(&clock, vec![named("a", 60)]).unwrap();
    *shelf.panics.lock() = 1;
    time.advance(secs(60));
    until(|| shelf.ids().len() == 1);
    assert_eq!(shelf.told("died and starts again"), 1);
    time.advance(secs(60));
    until(|| shelf.ids().len() == 2);
    end(&scheduler);
}

#[test]
fn the_canary_lets_the_batch_out_through_the_consumer() {
    let (shelf, clock, time) = setup();
    let canary = Schedule { canary: true, batch: 3, ..named("c", 60) };
    let scheduler = shelf.start(&clock, vec![canary]).unwrap();
    assert!(!scheduler.canary_holds("mail"));
    time.advance(secs(60));
    until(|| shelf.ids().len() == 1);
    assert!(scheduler.canary_holds("mail"));
    let id = shelf.items.lock()[0].id.clone();
    scheduler.finished(&ItemId::unique(), true);
    scheduler.finished(&id, true);
    assert!(!scheduler.canary_holds("mail"));
    until(|| shelf.ids().len() == 3);
    end(&scheduler);
}

#[test]
fn there_are_at_most_a_thousand() {
    let (shelf, clock, _time) = setup();
    let all = (0..1000).map(|number| named(&format!("s{number}"), 3600)).collect();
    let scheduler = shelf.start(&clock, all).unwrap();
    assert_eq!(scheduler.add(named("more", 60)), Err(ScheduleError::TooMany));
    end(&scheduler);
    assert_eq!(shelf.notes.lock().len(), 1000, "all of it is written down at the end");
    let twice = shelf.start(&clock, vec![named("a", 60), named("a", 60)]);
    assert_eq!(twice.err(), Some(ScheduleError::Exists(crate::Name::new("a").unwrap())));
}
