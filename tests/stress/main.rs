//! H6 and H7 under stress: whatever races, nobody is admitted over the limits, and all permits come back.
//!
//! `HEIJUNKA_STRESS_ATTEMPTS` sets how many attempts all threads make together: 2 million unless told.

mod oracle;

use std::sync::atomic::{AtomicU32, Ordering};

use heijunka::{Class, Limits, Permit, Regulator, SubLimitId};
use oracle::{Bounds, Kind, Limiter, Oracle};

/// Wide, narrow, and some that cross: one falls while another rises.
const COURSE: [Bounds; 4] = [
    Bounds { hard: 24, normal: 18, sub: 6 },
    Bounds { hard: 5, normal: 3, sub: 2 },
    Bounds { hard: 16, normal: 2, sub: 12 },
    Bounds { hard: 9, normal: 8, sub: 1 },
];

/// Epochs with the same limits: long enough for sharp bounds, short enough for many changes.
const RUN: usize = 4;

struct OnTrial {
    regulator: Regulator,
    sub: SubLimitId,
}

impl OnTrial {
    fn new(bounds: Bounds) -> Self {
        let regulator = Regulator::with_sub_limits(limits(bounds), [("pulled", bounds.sub)]);
        let sub = regulator.sub_limit("pulled").unwrap();
        Self { regulator, sub }
    }
}

fn limits(bounds: Bounds) -> Limits {
    Limits::new(bounds.hard, bounds.hard, bounds.hard - bounds.normal).unwrap()
}

impl Limiter for OnTrial {
    type Permit<'a> = Permit<&'a Regulator>;

    fn try_acquire(&self, kind: Kind) -> Option<Self::Permit<'_>> {
        let class = match kind {
            Kind::Priority => Class::PRIORITY,
            Kind::Normal => Class::NORMAL,
            Kind::Pulled => Class::NORMAL.capped_by(self.sub),
        };
        self.regulator.try_acquire(class).ok()
    }

    fn set(&self, bounds: Bounds) {
        self.regulator.set_limits(limits(bounds));
        self.regulator.set_sub_limit(self.sub, bounds.sub);
    }
}

/// The popular mistake: it checks, and then adds.
struct Leaky {
    hard: AtomicU32,
    in_flight: AtomicU32,
}

struct LeakyPermit<'a>(&'a Leaky);

impl Drop for LeakyPermit<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Limiter for Leaky {
    type Permit<'a> = LeakyPermit<'a>;

    fn try_acquire(&self, _: Kind) -> Option<LeakyPermit<'_>> {
        if self.in_flight.load(Ordering::Acquire) >= self.hard.load(Ordering::Relaxed) {
            return None;
        }
        // So that the race is lost within a test's time, also on one core.
        std::thread::yield_now();
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Some(LeakyPermit(self))
    }

    fn set(&self, bounds: Bounds) {
        self.hard.store(bounds.hard, Ordering::Relaxed);
    }
}

/// Runs the limiter through the course, with more threads than cores so that they are interrupted anywhere.
fn try_out(limiter: &impl Limiter, course: &[Bounds], attempts: u64) -> (Oracle, u64) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) + 2;
    let oracle = Oracle::new(threads, course, RUN);
    let epochs = std::thread::scope(|scope| {
        for thread in 0..threads {
            let (oracle, each) = (&oracle, attempts / threads as u64);
            scope.spawn(move || oracle.attempt(thread, each, 12, limiter));
        }
        oracle.change(limiter)
    });
    (oracle, epochs)
}

fn attempts() -> u64 {
    match std::env::var("HEIJUNKA_STRESS_ATTEMPTS") {
        Ok(text) => text.replace('_', "").parse().expect("HEIJUNKA_STRESS_ATTEMPTS is a whole number"),
        Err(_) => 2_000_000,
    }
}

#[test]
fn h07_no_attempt_is_ever_admitted_over_the_limits() {
    let limiter = OnTrial::new(COURSE[0]);
    let (oracle, epochs) = try_out(&limiter, &COURSE, attempts());
    let admitted = oracle.admitted.into_inner();
    let status = limiter.regulator.status();
    let refused = status.refused.total();
    println!("{admitted} admitted, {refused} refused, limits changed {epochs} times");
    assert_eq!(oracle.over_admitted.into_inner(), 0);
    assert_eq!((status.in_flight, status.normal_in_flight, status.sub_limits[0].in_flight), (0, 0, 0));
    assert!(admitted > 0 && refused > 0 && epochs > COURSE.len() as u64, "the limits were felt");
}

#[test]
fn the_same_oracle_catches_a_limiter_that_leaks() {
    // Only the hard limit: the mistake needs no more.
    let course = COURSE.map(|bounds| Bounds { normal: u32::MAX, sub: u32::MAX, ..bounds });
    let mut tries = 0..200;
    let caught = tries.any(|_| {
        let leaky = Leaky { hard: AtomicU32::new(course[0].hard), in_flight: AtomicU32::new(0) };
        let (oracle, _) = try_out(&leaky, &course, 20_000);
        oracle.over_admitted.into_inner() > 0
    });
    assert!(caught);
}

/// Each thread holds at most two permits, all together less than a third of the limit, however they are scheduled.
#[test]
fn h19_below_a_third_of_the_limit_nothing_is_ever_refused() {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) + 2;
    let limit = u32::try_from(threads * 2 * 3 + 1).unwrap();
    let regulator = Regulator::new(Limits::new(limit, limit, 0).unwrap());
    let each = attempts() / threads as u64;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut held = [None, None];
                for n in 0..each {
                    let place = &mut held[usize::from(n % 2 == 0)];
                    // The one from two rounds ago goes first.
                    *place = None;
                    *place = regulator.try_acquire(Class::NORMAL).ok();
                }
            });
        }
    });
    let refused = regulator.status().refused.total();
    assert_eq!(refused, 0, "of {} attempts, all below a third of the limit", attempts());
}
