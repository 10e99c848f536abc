//! The law of routing: from a set of pools to the table that says which pool a key belongs to.
//!
//! **A ring, compiled to slots.** Every pool throws points onto a ring of 2^64 positions, as many as its
//! weight asks for, and a key belongs to the pool whose point comes next clockwise. Points depend on nothing
//! but the pool's own name and weight, so a pool that comes or goes takes or leaves only its own arcs: about
//! its share of the keys moves, everything else stays warm. A search on every request would cost a dozen
//! cache misses, so the ring is sampled once, at 65 536 equally spaced positions, into a table that one shift
//! and one read look up.
//!
//! **Levelled while it is compiled.** The table is filled clockwise, and a pool that holds its cap is skipped
//! in favour of the next pool that has room; see [`quota`](super::quota). That closes what chance leaves
//! open.
//!
//! **Agreed upon.** Only integers and stable hashes are involved, and names are sorted first: every start,
//! every machine and every order of the same set gives the same table. No state is kept between two tables.
//!
//! What that gives, at worst, over 2 500 random sets of 2 to 50 pools for each line:
//!
//! | | the ring alone | levelled |
//! |---|---|---|
//! | share of a pool against its weight, equal weights | 0.88 to 1.12 | 0.92 to 1.05 |
//! | the same, weights 1 to 100 | 0.55 to 1.47 | 0.92 to 1.05 |
//! | slots that move when a pool comes or goes, against its share, equal weights | 1.10 | 1.08 (mean 1.01) |
//! | the same, weights 1 to 100 | 1.18 | 1.22 (mean 1.00) |
//!
//! **Halved.** A pool that is to have half of its keys throws the first half of its points and has half the quota, so
//! that the other half of its own keys moves and all others stay.
//!
//! Where pools differ a hundredfold, one that owns a few dozen slots drags others along, since rounding
//! shifts the bounds of all: up to 22 slots beyond 1.3 times its share were seen, less than one per pool of
//! the set.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::key::{GAMMA, splitmix64};
use super::quota::Quotas;
use crate::share::Share;

/// Slots of a table. The slot of a key is the top 16 bits of its hash. (Models, which make a table thousands of times, make do
/// with four.)
pub(crate) const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = if cfg!(heijunka_loom) { 2 } else { 16 };

/// Pools one table can name.
const MAX_POOLS: usize = 255;

/// The greatest weight of a pool; the least is 1.
const MAX_WEIGHT: u32 = 100;

/// Points on the ring per half a unit of weight: 1280 for a whole one.
///
/// Never scaled to the set at hand, for instance by the weights' common divisor: a pool that changed the
/// divisor would change the points of all others, and with them the place of nearly half the keys. The price
/// is that building costs time and memory by the sum of the weights: 3 ms and 0.5 MiB for fifty pools of
/// weight 1, 0.2 s and 50 MiB, given back at once, for fifty of weight 100.
const POINTS_PER_HALF: u64 = if cfg!(heijunka_loom) { 4 } else { 640 };

/// Sets the points apart from the keys of the same text ("heijunka" in ASCII). Changing it moves every key.
const SEED: u64 = 0x6865_696a_756e_6b61;

/// The pools a slot's keys may go to, the one they belong to first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(4))]
struct Slot {
    choices: [u8; 3],
    len: u8,
}

impl Slot {
    #[inline]
    fn choices(&self) -> &[u8] {
        // `len` is at most 3; saying so again spares the bounds check.
        &self.choices[..usize::from(self.len.min(3))]
    }

    fn push(&mut self, pool: u8) {
        self.choices[usize::from(self.len)] = pool;
        self.len += 1;
    }
}

/// Which pool every key belongs to, and its next choices. Immutable; 256 KiB.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SlotMap {
    slots: Box<[Slot; SLOTS]>,
}

impl SlotMap {
    /// Shares the slots out to `pools`, given as (name, weight, share). An empty set gives a map without choices.
    ///
    /// # Errors
    ///
    /// More than 255 pools, a weight outside 1 to 100, or a name given twice.
    pub(crate) fn build(pools: &[(&str, u32, Share)]) -> Result<SlotMap, PoolSetError> {
        let members = members(pools)?;
        let points = points(&members);
        let mut quotas = Quotas::new(SLOTS as u64, members.iter().map(|member| member.halves));
        let mut slots = empty_slots();

        let mut next = 0;
        for (slot, number) in slots.iter_mut().zip(0_u64..) {
            let position = number << (64 - SLOT_BITS);
            while points.get(next).is_some_and(|&point| point < position) {
                next += 1;
            }
            let clockwise = points[next..].iter().chain(&points[..next]).map(|&point| rank(point));
            let Some(owner) = clockwise.clone().find(|&rank| quotas.take(rank)) else {
                break; // There are no pools: with any, one always takes.
            };
            slot.push(members[owner].index);
            for rank in clockwise {
                if usize::from(slot.len) == members.len().min(slot.choices.len()) {
                    break;
                }
                if !slot.choices().contains(&members[rank].index) {
                    slot.push(members[rank].index);
                }
            }
        }
        Ok(SlotMap { slots })
    }

    /// The pools a key of this hash may go to, as indices into the set the map was built from: the pool it
    /// belongs to, then up to two others, all distinct. Empty only if the set was.
    ///
    /// The others are those the ring names next; the first of them is, nearly always, where the key would
    /// belong if its pool were not there. Wait-free: a shift and one read.
    #[inline]
    pub(crate) fn choices(&self, hash: u64) -> &[u8] {
        self.slots[(hash >> (64 - SLOT_BITS)) as usize].choices()
    }
}

impl Default for SlotMap {
    /// The map of an empty set: no slot has a choice.
    fn default() -> Self {
        Self { slots: empty_slots() }
    }
}

impl fmt::Debug for SlotMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotMap").finish_non_exhaustive()
    }
}

fn empty_slots() -> Box<[Slot; SLOTS]> {
    vec![Slot::default(); SLOTS].try_into().expect("as long as the array it becomes")
}

/// A pool of the set, with its place in the caller's slice.
struct Member<'a> {
    index: u8,
    name: &'a str,
    weight: u32,
    /// What it counts for: its weight, in halves.
    halves: u32,
}

/// The set in the order of its names.
fn members<'a>(pools: &[(&'a str, u32, Share)]) -> Result<Vec<Member<'a>>, PoolSetError> {
    if pools.len() > MAX_POOLS {
        return Err(PoolSetError::TooManyPools { given: pools.len() });
    }
    let mut members = Vec::with_capacity(pools.len());
    for (&(name, weight, share), index) in pools.iter().zip(0..) {
        members.push(Member { index, name, weight, halves: share.halves(weight) });
    }
    members.sort_unstable_by_key(|member| member.name);
    if let Some(wrong) = members.iter().find(|member| !(1..=MAX_WEIGHT).contains(&member.weight)) {
        return Err(PoolSetError::Weight { pool: wrong.name.to_owned(), weight: wrong.weight });
    }
    if let Some(twice) = members.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(PoolSetError::Duplicate { pool: twice[0].name.to_owned() });
    }
    Ok(members)
}

/// Every pool's points in ring order: the position in the upper 56 bits, the pool's rank by name in the lower
/// 8.
///
/// A pool's points are the outputs of `SplitMix64` seeded with the hash of its name, so that more weight adds
/// points and moves none.
fn points(members: &[Member<'_>]) -> Vec<u64> {
    let halves: u64 = members.iter().map(|member| u64::from(member.halves)).sum();
    let mut points = Vec::with_capacity(usize::try_from(halves * POINTS_PER_HALF).unwrap_or(0));
    for (member, rank) in members.iter().zip(0_u64..) {
        let stream = xxh3_64_with_seed(member.name.as_bytes(), SEED);
        let replicas = 0..u64::from(member.halves) * POINTS_PER_HALF;
        points.extend(replicas.map(|replica| {
            let position = splitmix64(stream.wrapping_add(GAMMA.wrapping_mul(replica)));
            position & !0xff | rank
        }));
    }
    points.sort_unstable();
    points
}

/// The rank of the pool that a point belongs to.
fn rank(point: u64) -> usize {
    usize::from(point.to_le_bytes()[0])
}

/// Why a set of pools cannot share keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolSetError {
    /// More than 255 pools.
    TooManyPools {
        /// How many there are.
        given: usize,
    },
    /// A weight outside 1 to 100.
    Weight {
        /// The pool that has it.
        pool: String,
        /// The weight.
        weight: u32,
    },
    /// Two pools of one name.
    Duplicate {
        /// The name.
        pool: String,
    },
}

impl fmt::Display for PoolSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolSetError::TooManyPools { given } => {
                write!(f, "{given} pools share one set of keys: at most {MAX_POOLS} can")
            }
            PoolSetError::Weight { pool, weight } => {
                write!(f, "pool `{pool}` has weight {weight}: a weight is 1 to {MAX_WEIGHT}")
            }
            PoolSetError::Duplicate { pool } => {
                write!(f, "pool `{pool}` is named twice in one set: each pool appears once")
            }
        }
    }
}

impl std::error::Error for PoolSetError {}

#[cfg(test)]
mod tests;
