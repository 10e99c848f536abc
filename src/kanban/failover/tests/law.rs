//! The law, step by step, and against a reference that only counts what happened.

use std::time::Duration;

use proptest::prelude::*;

use crate::kanban::failover::law::{BrokerRole, Change, FailoverState, Law, Why};
use crate::kanban::failover::settings::FailoverSettings;
use crate::time::Moment;

use BrokerRole::{Fallback, Primary};

fn at(seconds: u64) -> Moment {
    Moment::default().after(Duration::from_secs(seconds))
}

/// A law with words that are short.
struct Bench {
    law: Law,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        Self { law: Law::new(FailoverSettings::default()), now: 0 }
    }

    fn publish(&mut self, good: bool) -> (BrokerRole, Option<Change>) {
        let route = self.law.route(at(self.now));
        (route.to, self.law.published(route.to, route.turn, good, at(self.now)))
    }

    fn probe(&mut self, role: BrokerRole, good: bool) -> Option<Change> {
        self.now += 5;
        self.law.probed(role, good, at(self.now))
    }

    fn trip(&mut self) {
        for _ in 0..3 {
            self.publish(false);
        }
        assert_eq!(self.law.active(), Fallback);
    }

    fn hold(&self) -> u64 {
        self.law.hold().as_secs()
    }

    /// Waits out the hold with good probes, up to the canary.
    fn reach_canary(&mut self) {
        let until = self.now + self.hold();
        while !matches!(self.law.state(), FailoverState::Canary { .. }) {
            assert!(self.now < until + 20, "the hold was over long ago");
            self.probe(Primary, true);
        }
        assert!(self.now >= until, "it was to be held until {until}");
    }
}

#[test]
fn three_failures_in_a_row_trip_and_a_success_between_them_forgives() {
    let mut bench = Bench::new();
    for good in [false, false, true, false, false] {
        assert_eq!(bench.publish(good).1, None);
    }
    let change = bench.publish(false).1.unwrap();
    assert_eq!((change.why, bench.law.active()), (Why::Publishes(3), Fallback));
    assert_eq!(change.to, FailoverState::Fallback { hold_until: at(30) });
}

#[test]
fn two_bad_probes_in_a_row_trip() {
    let mut bench = Bench::new();
    assert_eq!(bench.probe(Primary, false), None);
    assert_eq!(bench.probe(Primary, true), None);
    assert_eq!(bench.probe(Primary, false), None);
    assert_eq!(bench.probe(Primary, false).unwrap().why, Why::Probes(2));
}

#[test]
fn a_canary_confirmed_moves_publishing_back_and_only_one_is_out() {
    let mut bench = Bench::new();
    bench.trip();
    bench.reach_canary();
    let canary = bench.law.route(at(bench.now));
    assert_eq!((canary.to, canary.canary), (Primary, true));
    // The others do not wait for it.
    let other = bench.law.route(at(bench.now));
    assert_eq!((other.to, other.canary), (Fallback, false));
    let change = bench.law.published(Primary, canary.turn, true, at(bench.now)).unwrap();
    assert_eq!((change.why, change.to), (Why::CanaryConfirmed, FailoverState::Primary));
}

#[test]
fn a_canary_that_was_never_heard_of_is_followed_by_another() {
    let mut bench = Bench::new();
    bench.trip();
    bench.reach_canary();
    assert!(bench.law.route(at(bench.now)).canary);
    assert!(!bench.law.route(at(bench.now + 59)).canary);
    assert!(bench.law.route(at(bench.now + 60)).canary);
}

#[test]
fn a_canary_that_fails_doubles_the_hold_and_a_bad_probe_does_not() {
    let mut bench = Bench::new();
    bench.trip();
    bench.reach_canary();
    let change = bench.publish(false).1.unwrap();
    assert_eq!((change.why, bench.hold(), bench.law.active()), (Why::CanaryFailed, 60, Fallback));
    bench.reach_canary();
    assert_eq!(bench.probe(Primary, false).unwrap().why, Why::ProbeFailed);
    assert_eq!(bench.hold(), 60);
    // The hold is over: three good probes are enough.
    assert_eq!(bench.probe(Primary, true), None);
    assert_eq!(bench.probe(Primary, true), None);
    assert_eq!(bench.probe(Primary, true).unwrap().why, Why::HoldOver(3));
}

#[test]
fn the_hold_doubles_up_to_five_minutes_and_is_forgotten_after_ten_good_ones() {
    let mut bench = Bench::new();
    for hold in [30, 60, 120, 240, 300, 300] {
        bench.trip();
        assert_eq!(bench.hold(), hold);
        bench.reach_canary();
        bench.publish(true);
        assert_eq!(bench.law.active(), Primary);
    }
    bench.now += 601;
    bench.trip();
    assert_eq!(bench.hold(), 30);
}

#[test]
fn it_does_not_move_to_a_broker_that_fails_as_well() {
    let mut bench = Bench::new();
    bench.probe(Fallback, false);
    for _ in 0..10 {
        assert_eq!(bench.publish(false), (Primary, None));
    }
    // What the fallback took in place of the primary proves that it works.
    assert_eq!(bench.law.published(Fallback, 0, true, at(50)).unwrap().why, Why::Publishes(10));
}

#[test]
fn a_fallback_that_fails_gives_way_to_a_primary_that_works() {
    let mut bench = Bench::new();
    bench.trip();
    for _ in 0..2 {
        assert_eq!(bench.publish(false), (Fallback, None));
    }
    let turn = bench.law.route(at(1)).turn;
    assert_eq!(bench.law.published(Primary, turn, true, at(1)), None);
    let (_, change) = bench.publish(false);
    assert_eq!(change.unwrap().why, Why::FallbackFailed);
}

#[test]
fn a_failure_that_began_before_the_last_change_says_nothing() {
    let mut bench = Bench::new();
    let old = bench.law.route(at(0));
    bench.trip();
    bench.reach_canary();
    assert_eq!(bench.law.published(Primary, old.turn, false, at(bench.now)), None);
    assert!(matches!(bench.law.state(), FailoverState::Canary { .. }));
}

/// What happens to a failover.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Publish {
        good: bool,
    },
    /// What one did not take was offered to the other.
    InPlace {
        good: bool,
    },
    Probe {
        role: BrokerRole,
        good: bool,
    },
    Passes(u16),
}

/// All that was heard, and the state: nothing is counted in advance.
struct Reference {
    heard: Vec<(BrokerRole, Heard)>,
    on_primary: bool,
    canary: Canary,
    hold: u64,
    hold_until: u64,
    failed_back: Option<u64>,
}

/// Whether an item may be sent to try, and since when one is out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Canary {
    No,
    May,
    Out(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    Publish(bool),
    Probe(bool),
    Tripped,
    /// So many good probes of an inactive broker that its failures are forgiven.
    Forgiven,
}

impl Reference {
    fn new() -> Self {
        Self {
            heard: vec![],
            on_primary: true,
            canary: Canary::No,
            hold: 30,
            hold_until: 0,
            failed_back: None,
        }
    }

    fn of(&self, role: BrokerRole) -> impl Iterator<Item = Heard> {
        self.heard.iter().rev().filter(move |(whose, _)| *whose == role).map(|(_, heard)| *heard)
    }

    fn failures(&self, role: BrokerRole) -> usize {
        let since =
            self.of(role).take_while(|heard| !matches!(heard, Heard::Publish(true) | Heard::Forgiven));
        since.filter(|heard| *heard == Heard::Publish(false)).count()
    }

    fn bad_probes(&self, role: BrokerRole) -> usize {
        let is_good = |heard: &Heard| matches!(heard, Heard::Publish(true) | Heard::Probe(true));
        self.of(role)
            .take_while(|heard| !is_good(heard))
            .filter(|heard| *heard == Heard::Probe(false))
            .count()
    }

    fn good_probes(&self, role: BrokerRole) -> usize {
        let is_bad =
            |heard: &Heard| matches!(heard, Heard::Publish(false) | Heard::Probe(false) | Heard::Tripped);
        self.of(role).take_while(|heard| !is_bad(heard)).filter(|heard| *heard == Heard::Probe(true)).count()
    }

    fn has_failed(&self, role: BrokerRole) -> bool {
        self.failures(role) >= 3 || self.bad_probes(role) >= 2
    }

    fn is_bad(&self, role: BrokerRole) -> bool {
        self.failures(role) + self.bad_probes(role) > 0
    }

    /// Whether the next publish is the canary, which is then out.
    fn sends_canary(&mut self, now: u64) -> bool {
        let free = match self.canary {
            Canary::No => false,
            Canary::May => true,
            Canary::Out(since) => now - since >= 60,
        };
        if free {
            self.canary = Canary::Out(now);
        }
        free
    }

    fn back(&mut self, now: u64) {
        (self.on_primary, self.canary, self.failed_back) = (true, Canary::No, Some(now));
    }

    fn hear(&mut self, role: BrokerRole, heard: Heard, now: u64) {
        self.heard.push((role, heard));
        let active = if self.on_primary { Primary } else { Fallback };
        if heard == Heard::Probe(true) && role != active && self.good_probes(role) >= 3 {
            self.heard.push((role, Heard::Forgiven));
        }
        if self.canary != Canary::No && role == Primary {
            match heard {
                Heard::Publish(true) => return self.back(now),
                Heard::Publish(false) => {
                    self.hold = (self.hold * 2).min(300);
                    (self.canary, self.hold_until) = (Canary::No, now + self.hold);
                    return;
                }
                Heard::Probe(false) => {
                    (self.canary, self.hold_until) = (Canary::No, now);
                    return;
                }
                _ => {}
            }
        }
        if self.on_primary {
            if self.has_failed(Primary) && !self.is_bad(Fallback) {
                let again = self.failed_back.is_some_and(|at| now - at <= 600);
                self.hold = if again { (self.hold * 2).min(300) } else { 30 };
                (self.on_primary, self.hold_until) = (false, now + self.hold);
                self.heard.push((Primary, Heard::Tripped));
            }
        } else if self.has_failed(Fallback) && !self.is_bad(Primary) {
            self.back(now);
        } else if self.canary == Canary::No && self.hold_until <= now && self.good_probes(Primary) >= 3 {
            self.canary = Canary::May;
        }
    }
}

fn happens() -> impl Strategy<Value = Happens> {
    let role = prop_oneof![Just(Primary), Just(Fallback)];
    prop_oneof![
        3 => any::<bool>().prop_map(|good| Happens::Publish { good }),
        1 => any::<bool>().prop_map(|good| Happens::InPlace { good }),
        4 => (role, prop::bool::weighted(0.6)).prop_map(|(role, good)| Happens::Probe { role, good }),
        2 => (0_u16..700).prop_map(Happens::Passes),
        // Long enough for a whole round.
        1 => Just(Happens::Passes(30)),
    ]
}

proptest! {
    #[test]
    fn the_law_is_what_a_count_of_all_that_happened_says(steps in prop::collection::vec(happens(), 0..300)) {
        let (mut law, mut reference, mut now) = (Law::new(FailoverSettings::default()), Reference::new(), 0);
        for step in steps {
            match step {
                Happens::Passes(seconds) => now += u64::from(seconds),
                Happens::Probe { role, good } => {
                    law.probed(role, good, at(now));
                    reference.hear(role, Heard::Probe(good), now);
                }
                Happens::Publish { good } => {
                    let route = law.route(at(now));
                    let canary = reference.sends_canary(now);
                    let expected = if reference.on_primary || canary { Primary } else { Fallback };
                    prop_assert_eq!((route.to, route.canary), (expected, canary));
                    law.published(route.to, route.turn, good, at(now));
                    reference.hear(route.to, Heard::Publish(good), now);
                }
                Happens::InPlace { good } => {
                    let route = law.route(at(now));
                    // Of a canary's call, too, it is the fallback that takes its place.
                    reference.sends_canary(now);
                    law.published(route.to.other(), route.turn, good, at(now));
                    reference.hear(route.to.other(), Heard::Publish(good), now);
                }
            }
            let state = match law.state() {
                FailoverState::Primary => (true, false, 0),
                FailoverState::Fallback { hold_until } => (false, false, hold_until.as_nanos() / 1_000_000_000),
                FailoverState::Canary { .. } => (false, true, 0),
            };
            let expected = match (reference.on_primary, reference.canary != Canary::No) {
                (false, false) => (false, false, reference.hold_until),
                (on_primary, canary) => (on_primary, canary, 0),
            };
            prop_assert_eq!(state, expected, "after {:?} at {}", step, now);
            prop_assert!(reference.on_primary || law.hold().as_secs() == reference.hold);
            prop_assert!((30..=300).contains(&law.hold().as_secs()));
        }
    }
}
