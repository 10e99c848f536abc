//! Admission: a place taken and given back, against the bare atomics it cannot beat and the limiters it should.

use std::hint::{black_box, spin_loop};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use core_affinity::CoreId;
use crossbeam_utils::CachePadded;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use heijunka::{Class, Limits, Regulator};
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use heijunka_compare::team::nanos_per_operation;
use parking_lot::Mutex;

/// Places enough never to refuse, in every row: what is measured is the way in and out.
const PLACES: u32 = 1_000_000;

/// Takes a place and gives it back.
trait Admit: Sync {
    fn cycle(&self);
}

/// The floor without a check: one subtraction, one addition.
struct Pair(CachePadded<AtomicU64>);

impl Admit for Pair {
    #[inline]
    fn cycle(&self) {
        // Acquire and Release: as a lock would, which is what admission is.
        self.0.fetch_sub(1, Ordering::Acquire);
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// The floor with a check: a compare-and-swap loop below a limit, one subtraction.
struct CasLoop(CachePadded<AtomicU64>);

impl Admit for CasLoop {
    #[inline]
    fn cycle(&self) {
        let mut taken = self.0.load(Ordering::Relaxed);
        while taken < u64::from(PLACES) {
            match self.0.compare_exchange_weak(taken, taken + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    self.0.fetch_sub(1, Ordering::Release);
                    return;
                }
                Err(now) => taken = now,
            }
        }
        spin_loop();
    }
}

impl Admit for tokio::sync::Semaphore {
    #[inline]
    fn cycle(&self) {
        drop(self.try_acquire());
    }
}

impl Admit for async_lock::Semaphore {
    #[inline]
    fn cycle(&self) {
        drop(self.try_acquire());
    }
}

/// A rate limiter gives nothing back: it only has half of the work to do.
impl Admit for DefaultDirectRateLimiter {
    #[inline]
    fn cycle(&self) {
        let _ = self.check();
    }
}

impl Admit for CachePadded<Mutex<u32>> {
    #[inline]
    fn cycle(&self) {
        {
            let mut taken = self.lock();
            if *taken >= PLACES {
                return;
            }
            *taken += 1;
        }
        *self.lock() -= 1;
    }
}

impl Admit for Regulator {
    #[inline]
    fn cycle(&self) {
        drop(self.try_acquire(Class::NORMAL));
    }
}

/// A regulator that is full, and so refuses: read, counted, told why.
struct Full<'a>(&'a Regulator);

impl Admit for Full<'_> {
    #[inline]
    fn cycle(&self) {
        let refused = self.0.try_acquire(Class::NORMAL).is_err();
        black_box(refused);
    }
}

fn governor() -> DefaultDirectRateLimiter {
    // A cell each nanosecond, and four seconds' worth of burst: never refuses.
    let rate = NonZeroU32::MIN.saturating_add(999_999_999);
    RateLimiter::direct(Quota::per_second(rate).allow_burst(NonZeroU32::MAX))
}

/// One row: `ours` against `other`, on a thread per core.
fn row(suite: &mut Suite, name: &str, limit: f64, cores: &[CoreId], ours: &impl Admit, other: &impl Admit) {
    let operations = suite.plan.scaled(200_000);
    suite.ratio(
        name,
        Goal::AtMost(limit),
        || sample(cores, operations, ours),
        || sample(cores, operations, other),
    );
}

fn sample(cores: &[CoreId], operations: u32, admission: &impl Admit) -> f64 {
    nanos_per_operation(cores, operations, |operations| {
        for _ in 0..operations {
            black_box(admission).cycle();
        }
    })
}

pub(crate) fn measure(suite: &mut Suite) {
    let limits = Limits::new(PLACES, PLACES, 0).expect("the limits are in order");
    let ours = &Regulator::new(limits);
    let all = suite.plan.cores.all();
    let one = &all[..1];

    row(suite, "admission/1-thread/fetch-pair", 1.3, one, ours, &Pair(CachePadded::default()));
    row(suite, "admission/all-cores/cas-loop", 1.3, &all, ours, &CasLoop(CachePadded::default()));
    for (threads, cores, limit) in [("1-thread", one, 0.75), ("all-cores", &all[..], 0.6)] {
        let name = |peer| format!("admission/{threads}/{peer}");
        let tokio = CachePadded::new(tokio::sync::Semaphore::new(PLACES as usize));
        row(suite, &name("tokio"), limit, cores, ours, &*tokio);
        let async_lock = CachePadded::new(async_lock::Semaphore::new(PLACES as usize));
        row(suite, &name("async-lock"), limit, cores, ours, &*async_lock);
        row(suite, &name("governor"), limit, cores, ours, &*CachePadded::new(governor()));
        row(suite, &name("parking_lot"), limit, cores, ours, &CachePadded::new(Mutex::new(0)));

        let full = Regulator::new(Limits::new(1, 1, 0).expect("the limits are in order"));
        let _only = full.try_acquire(Class::NORMAL).expect("the first one fits");
        row(suite, &name("refusal"), 0.5, cores, &Full(&full), ours);
    }
}
