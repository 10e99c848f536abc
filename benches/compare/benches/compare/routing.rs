//! Routing: a 64-bit key to its pool, against binary search over the same ring and against a published ring.

use std::hash::Hash;
use std::hint::black_box;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use core_affinity::CoreId;
use crossbeam_epoch::Atomic;
use hashring::HashRing;
use heijunka::{Key, Router, Target};
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use heijunka_compare::team::nanos_per_operation;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Pools of weight 1.
const POOLS: u8 = 8;
/// Points of each of them on the ring.
const POINTS: u32 = 1280;

/// Finds the pool a key belongs to.
trait Route: Sync {
    fn route(&self, key: u64) -> u8;
}

impl Route for Router<u8> {
    #[inline]
    fn route(&self, key: u64) -> u8 {
        let pin = self.pin();
        self.route(Key::from(key), &pin).first().copied().unwrap_or(0)
    }
}

/// The points of the ring in order, each with its pool.
struct Ring(Vec<(u64, u8)>);

impl Ring {
    fn new() -> Self {
        let point = |pool, replica: u32| (xxh3_64_with_seed(&replica.to_le_bytes(), u64::from(pool)), pool);
        let mut points: Vec<_> =
            (0..POOLS).flat_map(|pool| (0..POINTS).map(move |replica| point(pool, replica))).collect();
        points.sort_unstable();
        Self(points)
    }

    /// The pool of the first point at or after the key's hash, which is the same one that ours uses.
    #[inline]
    fn find(&self, key: u64) -> u8 {
        let hash = Key::from(key).as_u64();
        let next = self.0.partition_point(|&(point, _)| point < hash);
        self.0.get(next).unwrap_or(&self.0[0]).1
    }
}

/// The ring behind an epoch-reclaimed pointer.
struct EpochRing(Atomic<Ring>);

impl Route for EpochRing {
    #[inline]
    fn route(&self, key: u64) -> u8 {
        let guard = crossbeam_epoch::pin();
        // SAFETY: the pointer is set once, before any thread could read it, and never changed.
        unsafe { self.0.load(Ordering::Acquire, &guard).deref() }.find(key)
    }
}

impl Drop for EpochRing {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody reads any more, and the pointer was made from an `Owned`.
        drop(unsafe { std::mem::take(&mut self.0).into_owned() });
    }
}

impl Route for ArcSwap<Ring> {
    #[inline]
    fn route(&self, key: u64) -> u8 {
        self.load().find(key)
    }
}

/// A virtual node, as the crate's documentation shows them.
#[derive(Hash)]
struct Virtual {
    pool: u8,
    replica: u32,
}

impl Route for HashRing<Virtual> {
    #[inline]
    fn route(&self, key: u64) -> u8 {
        self.get(&key).map_or(0, |node| node.pool)
    }
}

fn published() -> HashRing<Virtual> {
    let nodes = (0..POOLS).flat_map(|pool| (0..POINTS).map(move |replica| Virtual { pool, replica }));
    let mut ring = HashRing::new();
    ring.batch_add(nodes.collect());
    ring
}

/// One row: `ours` against `other`.
fn row(suite: &mut Suite, peer: &str, ours: &impl Route, other: &impl Route) {
    let (cores, operations) = (suite.plan.cores.all(), suite.plan.scaled(200_000));
    let name = format!("routing/{peer}");
    let one = &cores[..1];
    suite.ratio(
        &name,
        Goal::AtMost(0.5),
        || sample(one, operations, ours),
        || sample(one, operations, other),
    );
}

fn sample(cores: &[CoreId], operations: u32, router: &impl Route) -> f64 {
    nanos_per_operation(cores, operations, |operations| {
        let mut key = 0_u64;
        for _ in 0..operations {
            // Each key depends on the last answer: requests follow each other, lookups do not overlap.
            key = key.wrapping_add(0x9E37_79B9_7F4A_7C15 + u64::from(black_box(router).route(key)));
        }
        black_box(key);
    })
}

pub(crate) fn measure(suite: &mut Suite) {
    let targets = (0..POOLS).map(|pool| Target::new(format!("pool-{pool}"), 1, pool));
    let ours = Router::new(targets).expect("eight names, eight weights");
    row(suite, "epoch-binary-search", &ours, &EpochRing(Atomic::new(Ring::new())));
    row(suite, "hashring", &ours, &published());
    row(suite, "arc-swap-binary-search", &ours, &ArcSwap::from_pointee(Ring::new()));
}
