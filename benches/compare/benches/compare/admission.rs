//! Admission: a place taken and given back, against the bare atomics it cannot beat and the limiters it should.

use std::hint::{black_box, spin_loop};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
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
        drop(black_box(self.try_acquire()));
    }
}

impl Admit for async_lock::Semaphore {
    #[inline]
    fn cycle(&self) {
        drop(black_box(self.try_acquire()));
    }
}

/// A rate limiter gives nothing back: it only has half of the work to do.
impl Admit for DefaultDirectRateLimiter {
    #[inline]
    fn cycle(&self) {
        let _ = black_box(self.check());
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

fn governor() -> DefaultDirectRateLimiter {
    // A cell each nanosecond, and four seconds' worth of burst: never refuses.
    let rate = NonZeroU32::MIN.saturating_add(999_999_999);
    RateLimiter::direct(Quota::per_second(rate).allow_burst(NonZeroU32::MAX))
}

fn sample(suite: &Suite, cores: &[core_affinity::CoreId], admission: &impl Admit) -> f64 {
    nanos_per_operation(cores, suite.scaled(500_000), |operations| {
        for _ in 0..operations {
            black_box(admission).cycle();
        }
    })
}

pub(crate) fn measure(suite: &mut Suite) {
    let (one, all) = (suite.one(), suite.cores.all());
    let places = PLACES as usize;
    let _ = (one, all);
    let pair = Pair(CachePadded::default());
    let cas = CasLoop(CachePadded::default());
    let tokio = CachePadded::new(tokio::sync::Semaphore::new(places));
    let async_lock = CachePadded::new(async_lock::Semaphore::new(places));
    let governor = CachePadded::new(governor());
    let mutex = CachePadded::new(Mutex::new(0_u32));
    for (c, cores) in [&one[..], &all[..]].iter().enumerate() {
        for r in 0..5 {
        println!("{c} {r} pair {:.1} cas {:.1} tokio {:.1} async-lock {:.1} governor {:.1} mutex {:.1}",
         sample(suite, cores, &pair), sample(suite, cores, &cas), sample(suite, cores, &*tokio),
         sample(suite, cores, &*async_lock), sample(suite, cores, &*governor), sample(suite, cores, &mutex));
         }
    }
    let _ = Goal::AtMost(1.3);
}
