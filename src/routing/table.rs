//! The epoch-published table, and the cached total that bounded load compares with. The atomics of routing.

use super::bound::overfull;
use super::ring::SlotMap;
use super::{Affinity, Target};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{CachePadded, EpochCell, Guard};
use crate::time::Moment;

/// A whole table: slots, targets, and what they sum up to. Replaced as a whole, never changed.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) slots: SlotMap,
    pub(super) targets: Box<[Target<T>]>,
    pub(super) affinity: Affinity,
    /// What all targets count for together, in halves of a unit of weight.
    halves: u32,
    total: CachePadded<TotalCache>,
}

/// The load of all targets together, at most 16 µs old: `time in units of 1.024 µs | total (24 bits)`.
///
/// Only a key whose pool has work waiting asks for it, and only the first to ask in 16 µs adds it up, so that a choice
/// costs the same however many pools there are.
#[derive(Debug, Default)]
struct TotalCache(AtomicU64);

const TICK_BITS: u32 = 40;
const TOTAL_BITS: u32 = 24;
const MAX_TOTAL: u64 = (1 << TOTAL_BITS) - 1;
const MAX_AGE: u64 = 16;

/// How much a target has to do: what bounded load compares.
pub trait Load {
    /// Pieces of work running or waiting there.
    fn in_flight(&self) -> u32;
    /// Pieces of work it can run at the same time.
    fn workers(&self) -> u32;
}

impl<T> Table<T> {
    pub(super) fn new(slots: SlotMap, targets: Box<[Target<T>]>, affinity: Affinity) -> Self {
        let halves = targets.iter().map(Target::halves).sum();
        Self { slots, targets, affinity, halves, total: CachePadded::default() }
    }
}

impl<T: Load> Table<T> {
    /// Whether bounded load sends keys of this target elsewhere.
    #[inline]
    pub(super) fn is_overfull(&self, target: &Target<T>, now: Moment) -> bool {
        let in_flight = target.value.in_flight();
        let workers = target.value.workers();
        in_flight > workers && overfull(in_flight, workers, self.total(now), target.halves(), self.halves)
    }

    #[allow(clippy::cast_possible_truncation, reason = "24 bits")]
    fn total(&self, now: Moment) -> u32 {
        let tick = now.as_nanos() >> 10;
        // Relaxed: one self-contained figure; an old one only makes the choice a little less even.
        let cached = self.total.0.load(Ordering::Relaxed);
        // The tick wraps after 13 days, so its age is taken modulo that.
        let age = tick.wrapping_sub(cached >> TOTAL_BITS) & ((1 << TICK_BITS) - 1);
        if cached != 0 && age < MAX_AGE {
            return (cached & MAX_TOTAL) as u32;
        }
        let sum =
            self.targets.iter().map(|target| u64::from(target.value.in_flight())).sum::<u64>().min(MAX_TOTAL);
        // Relaxed: as above; who stores last wins, and all are right.
        self.total.0.store(tick << TOTAL_BITS | sum, Ordering::Relaxed);
        sum as u32
    }
}

/// The published table.
pub(super) type Published<T> = EpochCell<Table<T>>;

/// What readers hold while they use a table.
pub(super) type TableGuard = Guard;
