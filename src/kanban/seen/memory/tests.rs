//! The store beside one that remembers everything.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::kanban::name::{ItemId, Name};

const LEASE: Duration = Duration::from_secs(30);
const TTL: Duration = Duration::from_secs(3600);

fn key(number: usize) -> SeenKey {
    SeenKey { domain: Name::new("mail").unwrap(), id: ItemId::new(&format!("item-{number}")).unwrap() }
}

#[test]
fn k08_what_is_done_does_not_run_again_for_an_hour() {
    let (clock, time) = Clock::manual();
    let seen = MemorySeen::new(10, TTL, clock);
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::New));
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::Running));
    seen.done(&key(1)).unwrap();
    time.advance(Duration::from_nanos(3_599_999_999_999));
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::Done));
    let other = SeenKey { domain: Name::new("text").unwrap(), ..key(1) };
    assert_eq!(seen.begin(&other, LEASE), Ok(Seen::New), "the same id in another domain is another item");
    time.advance(Duration::from_nanos(1));
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::New));
}

#[test]
fn a_running_one_is_known_for_its_lease() {
    let (clock, time) = Clock::manual();
    let seen = MemorySeen::new(10, TTL, clock);
    seen.begin(&key(1), LEASE).unwrap();
    time.advance(LEASE / 2);
    seen.extend(&key(1), LEASE);
    time.advance(LEASE / 2);
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::Running));
    seen.extend(&key(1), Duration::ZERO);
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::Running), "extending does not shorten");
    time.advance(LEASE / 2);
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::New), "whoever ran it is taken for dead");
    seen.forget(&key(1));
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::New));
    seen.extend(&key(2), LEASE);
    assert_eq!(seen.begin(&key(2), LEASE), Ok(Seen::Running), "somebody says that it runs");
    seen.done(&key(3)).unwrap();
    seen.extend(&key(3), LEASE);
    assert_eq!(seen.begin(&key(3), LEASE), Ok(Seen::Done), "too late");
}

#[test]
fn who_fails_late_does_not_undo_the_success_of_another() {
    let (clock, _) = Clock::manual();
    let seen = MemorySeen::new(10, TTL, clock);
    seen.begin(&key(1), LEASE).unwrap();
    seen.done(&key(1)).unwrap();
    seen.forget(&key(1));
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::Done));
}

#[test]
fn when_it_is_full_what_was_done_first_makes_room_and_is_counted() {
    let (clock, _) = Clock::manual();
    let seen = MemorySeen::new(3, TTL, clock);
    seen.begin(&key(0), LEASE).unwrap();
    for number in 1..=4 {
        seen.begin(&key(number), LEASE).unwrap();
        seen.done(&key(number)).unwrap();
    }
    assert_eq!((seen.len(), seen.evicted_early()), (3, 2));
    assert_eq!(seen.begin(&key(0), LEASE), Ok(Seen::Running), "a running one stays");
    assert_eq!(seen.begin(&key(3), LEASE), Ok(Seen::Done));
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::New), "forgotten: it would run twice");
}

#[test]
fn what_has_expired_makes_room_and_is_not_counted() {
    let (clock, time) = Clock::manual();
    let seen = MemorySeen::new(100, TTL, clock);
    for number in 0..100 {
        seen.done(&key(number)).unwrap();
    }
    time.advance(TTL);
    for number in 100..200 {
        assert_eq!(seen.begin(&key(number), LEASE), Ok(Seen::New));
    }
    assert_eq!((seen.len(), seen.evicted_early()), (100, 0));
}

#[test]
fn when_all_are_running_new_ones_are_refused_until_leases_pass() {
    let (clock, time) = Clock::manual();
    let seen = MemorySeen::new(2, TTL, clock);
    seen.begin(&key(1), LEASE).unwrap();
    seen.begin(&key(2), LEASE * 2).unwrap();
    let error = seen.begin(&key(3), LEASE).unwrap_err();
    assert!(error.to_string().contains("all of the 2 items"), "{error}");
    assert!(seen.done(&key(3)).is_err());
    assert_eq!(seen.begin(&key(1), LEASE), Ok(Seen::Running), "known ones are");
    assert_eq!(seen.done(&key(1)), Ok(()), "and may end");
    assert_eq!(seen.begin(&key(3), LEASE), Ok(Seen::New));
    assert!(seen.begin(&key(4), LEASE).is_err());
    time.advance(LEASE);
    assert_eq!(seen.begin(&key(4), LEASE), Ok(Seen::New), "3 did not come back");
    assert_eq!(seen.begin(&key(2), LEASE), Ok(Seen::Running));
    seen.forget(&key(2));
    assert_eq!(seen.begin(&key(5), LEASE), Ok(Seen::New));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(usize, u64),
    Extend(usize, u64),
    Done(usize),
    Forget(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..30, 1_u64..60).prop_map(|(key, lease)| Step::Begin(key, lease)),
        1 => (0_usize..30, 1_u64..60).prop_map(|(key, lease)| Step::Extend(key, lease)),
        4 => (0_usize..30).prop_map(Step::Done),
        1 => (0_usize..30).prop_map(Step::Forget),
        1 => (0_u64..40).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..400)
}

/// Remembers everything that the store said, for as long as it holds: `true` for done.
#[derive(Default)]
struct Model {
    marks: BTreeMap<usize, (bool, u64)>,
    now: u64,
    /// Done ones that were begun all the same.
    forgotten: u64,
}

impl Model {
    fn know(&self, key: usize) -> Option<bool> {
        self.marks.get(&key).filter(|mark| mark.1 > self.now).map(|mark| mark.0)
    }
}

proptest! {
    #[test]
    fn with_room_for_all_it_remembers_everything(steps in steps(), ttl in 1_u64..100) {
        agrees(&steps, ttl, 30)?;
    }

    /// It never forgets a running one, nor knows what it should not, and stays within its bounds.
    #[test]
    fn full_it_forgets_only_what_is_done(steps in steps(), ttl in 1_u64..100, capacity in 1_usize..20) {
        agrees(&steps, ttl, capacity)?;
    }
}

fn agrees(steps: &[Step], ttl: u64, capacity: usize) -> Result<(), TestCaseError> {
    let (clock, time) = Clock::manual();
    let seen = MemorySeen::new(capacity, Duration::from_secs(ttl), clock);
    let mut model = Model::default();
    let exact = capacity >= 30;
    for &step in steps {
        match step {
            Step::Begin(number, lease) => {
                let said = seen.begin(&key(number), Duration::from_secs(lease)).ok();
                match (model.know(number), said) {
                    (Some(false), said) => prop_assert_eq!(said, Some(Seen::Running)),
                    (Some(true), Some(Seen::Done)) => {}
                    (Some(true), said) => {
                        prop_assert!(!exact && said != Some(Seen::Running), "{:?}", said);
                        model.forgotten += 1;
                        model.marks.remove(&number);
                    }
                    (None, Some(said)) => prop_assert_eq!(said, Seen::New),
                    (None, None) => prop_assert!(!exact && seen.known.lock().running == capacity),
                }
                if said == Some(Seen::New) {
                    model.marks.insert(number, (false, model.now + lease));
                }
            }
            Step::Extend(number, lease) => {
                seen.extend(&key(number), Duration::from_secs(lease));
                let took =
                    matches!(seen.known.lock().marks.get(&seen.print(&key(number))), Some(Mark::Running(_)));
                prop_assert!(took || !exact || model.know(number) == Some(true));
                if took {
                    let until = model.marks.get(&number).map_or(0, |mark| if mark.0 { 0 } else { mark.1 });
                    model.marks.insert(number, (false, until.max(model.now + lease)));
                }
            }
            Step::Done(number) => {
                let said = seen.done(&key(number));
                prop_assert!(said.is_ok() || seen.known.lock().running == capacity && !exact);
                let known = seen.known.lock().marks.get(&seen.print(&key(number))).copied();
                prop_assert_eq!(said.is_ok(), matches!(known, Some(Mark::Done(_))));
                if let (Ok(()), Some(Mark::Done(until))) = (said, known) {
                    let until = until.as_nanos() / 1_000_000_000;
                    prop_assert!(until <= model.now + ttl && until > model.now);
                    prop_assert!(model.know(number) == Some(true) || until == model.now + ttl);
                    model.marks.insert(number, (true, until));
                }
            }
            Step::Forget(number) => {
                seen.forget(&key(number));
                if let Some((false, _)) = model.marks.get(&number) {
                    model.marks.remove(&number);
                }
            }
            Step::Wait(seconds) => {
                time.advance(Duration::from_secs(seconds));
                model.now += seconds;
            }
        }
        let known = seen.known.lock();
        prop_assert!(known.marks.len() <= capacity && known.done.len() <= capacity);
        let running = known.marks.values().filter(|mark| matches!(mark, Mark::Running(_))).count();
        prop_assert_eq!(known.running, running);
        prop_assert!(!exact || known.evicted_early == 0);
        prop_assert!(model.forgotten <= known.evicted_early);
    }
    Ok(())
}
