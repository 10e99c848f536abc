//! An independent judge of a limiter: shadow counters, and limits whose epoch is known.
//!
//! A thread raises the shadow after it got a permit and lowers it before it gives the permit back, so that the shadow
//! never exceeds what is really in flight. Why the bound it is compared with is certain:
//!
//! 1. Before each attempt a thread reads `settled`, the last epoch whose limits are set, and tells it in `seen`.
//! 2. The changer begins epoch e + 1 only when every thread has seen e: what set e then happened before every attempt
//!    that is going on, so each obeys the limits of e or of e + 1, none older and none newer.
//! 3. An attempt that has seen e therefore happens among attempts under e - 1, e and e + 1; the last one that the
//!    shadow counts has found at least that many in flight, under one of these three limits.
//! 4. More than the largest of the three is an over-admission, in any interleaving and any memory order that the
//!    limiter's own acquire and release allow; epochs come in runs of equal limits, where the three are one.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

/// The limits of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) hard: u32,
    pub(crate) normal: u32,
    pub(crate) sub: u32,
}

impl Bounds {
    fn max(self, other: Bounds) -> Bounds {
        Bounds {
            hard: self.hard.max(other.hard),
            normal: self.normal.max(other.normal),
            sub: self.sub.max(other.sub),
        }
    }
}

/// What a permit is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Priority,
    Normal,
    /// Normal, and under the sub-limit.
    Pulled,
}

/// What is on trial.
pub(crate) trait Limiter: Sync {
    type Permit<'a>
    where
        Self: 'a;

    /// Takes a permit, or not; dropping it gives it back.
    fn try_acquire(&self, kind: Kind) -> Option<Self::Permit<'_>>;
    fn set(&self, bounds: Bounds);
}

pub(crate) struct Oracle {
    /// The epochs' limits, over and over.
    course: Vec<Bounds>,
    settled: AtomicU64,
    /// One per thread; `DONE` when it has ended.
    seen: Box<[CachePadded<AtomicU64>]>,
    total: CachePadded<AtomicU32>,
    normal: CachePadded<AtomicU32>,
    sub: CachePadded<AtomicU32>,
    pub(crate) admitted: AtomicU64,
    pub(crate) over_admitted: AtomicU64,
}

const DONE: u64 = u64::MAX;

impl Oracle {
    /// For a limiter that has the first of these limits; each lasts for `run` epochs.
    pub(crate) fn new(threads: usize, course: &[Bounds], run: usize) -> Self {
        let course = course.iter().flat_map(|bounds| std::iter::repeat_n(*bounds, run)).collect();
        Self {
            course,
            // Epoch 0 has one before it.
            settled: AtomicU64::new(1),
            seen: (0..threads).map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
            total: CachePadded::default(),
            normal: CachePadded::default(),
            sub: CachePadded::default(),
            admitted: AtomicU64::new(0),
            over_admitted: AtomicU64::new(0),
        }
    }

    fn limits_of(&self, epoch: u64) -> Bounds {
        self.course[usize::try_from(epoch).expect("64 bits") % self.course.len()]
    }

    /// Changes the limits until all threads have ended; returns how many epochs there were.
    pub(crate) fn change(&self, limiter: &impl Limiter) -> u64 {
        for epoch in self.settled.load(Ordering::Relaxed).. {
            let oldest = || self.seen.iter().map(|seen| seen.load(Ordering::Acquire)).min().unwrap_or(DONE);
            while oldest() < epoch {
                std::thread::yield_now();
            }
            if oldest() == DONE {
                return epoch;
            }
            limiter.set(self.limits_of(epoch + 1));
            self.settled.store(epoch + 1, Ordering::Release);
        }
        unreachable!("2^64 epochs")
    }

    /// Makes `attempts` as this thread, holding up to `hold` permits at a time.
    pub(crate) fn attempt(&self, thread: usize, attempts: u64, hold: usize, limiter: &impl Limiter) {
        let mut random = Random(thread as u64 + 1);
        let mut permits: Vec<Option<_>> = (0..hold).map(|_| None).collect();
        let mut admitted = 0_u64;
        for _ in 0..attempts {
            let epoch = self.settled.load(Ordering::Acquire);
            self.seen[thread].store(epoch, Ordering::Release);
            let draw = random.next();
            let place = &mut permits[draw % hold];
            if let Some((kind, permit)) = place.take() {
                self.lower(kind);
                drop(permit);
            }
            let kind = [Kind::Priority, Kind::Normal, Kind::Pulled][(draw >> 32) % 3];
            if let Some(permit) = limiter.try_acquire(kind) {
                admitted += 1;
                self.raise(kind, epoch);
                *place = Some((kind, permit));
            }
        }
        for (kind, permit) in permits.into_iter().flatten() {
            self.lower(kind);
            drop(permit);
        }
        self.admitted.fetch_add(admitted, Ordering::Relaxed);
        self.seen[thread].store(DONE, Ordering::Release);
    }

    // AcqRel, here and below: the counts of a shadow are ordered with the permits they stand for.
    fn raise(&self, kind: Kind, epoch: u64) {
        let [before, now, after] = [epoch - 1, epoch, epoch + 1].map(|epoch| self.limits_of(epoch));
        let most = before.max(now).max(after);
        let raise = |shadow: &AtomicU32| shadow.fetch_add(1, Ordering::AcqRel) + 1;
        let mut over = raise(&self.total) > most.hard;
        if kind != Kind::Priority {
            over |= raise(&self.normal) > most.normal;
        }
        if kind == Kind::Pulled {
            over |= raise(&self.sub) > most.sub;
        }
        if over {
            self.over_admitted.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lower(&self, kind: Kind) {
        let lower = |shadow: &AtomicU32| shadow.fetch_sub(1, Ordering::AcqRel);
        lower(&self.total);
        if kind != Kind::Priority {
            lower(&self.normal);
        }
        if kind == Kind::Pulled {
            lower(&self.sub);
        }
    }
}

/// Xorshift (G. Marsaglia, 2003): cheap, and the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)).expect("64 bits")
    }
}
