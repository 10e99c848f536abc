//! How many slots each pool may own: the law that keeps shares close to the weights.
//!
//! A ring alone leaves shares off by several per cent, and a light pool among heavy ones by half its share.
//! So every pool has a *cap* just above its weighted share and a *floor* just below, and slots are given away
//! one by one: a pool at its cap takes no more, and once the slots left are only just as many as the pools
//! below their floors still lack, only those pools take any.
//!
//! Both bounds then hold for every order in which slots are offered, and somebody always takes: floors sum to
//! at most the number of slots and caps to at least that. What is left below the floors never exceeds what is
//! left to give; as long as it is less, a pool below its cap exists, and when it is equal, one below its
//! floor.

/// A pool owns at most this many hundredths of its weighted share, or the share rounded up if that is more.
const CAP: u64 = 105;

/// A pool owns at least this many hundredths of its weighted share, or the share rounded down if that is
/// less.
///
/// Looser than the cap on purpose: every floor that binds pulls slots from elsewhere. With 95, a light pool
/// among heavy ones moves a tenth more than its share on average when it comes or goes; with 92, a third of
/// that.
const FLOOR: u64 = 92;

/// Slots still to be given away, and who may take them.
pub(super) struct Quotas {
    pools: Vec<Quota>,
    /// Slots not yet given away.
    left: u64,
    /// What the pools below their floors lack, in total. Never more than `left`.
    lacking: u64,
}

struct Quota {
    owned: u64,
    floor: u64,
    cap: u64,
}

impl Quotas {
    /// Shares `slots` out to pools of these weights.
    pub(super) fn new(slots: u64, weights: impl Iterator<Item = u32> + Clone) -> Self {
        let sum: u64 = weights.clone().map(u64::from).sum();
        let pools: Vec<Quota> = weights
            .map(|weight| {
                let share = slots * u64::from(weight);
                Quota {
                    owned: 0,
                    floor: (share / sum).min((share * FLOOR).div_ceil(sum * 100)),
                    cap: share.div_ceil(sum).max(share * CAP / (sum * 100)),
                }
            })
            .collect();
        let lacking = pools.iter().map(|pool| pool.floor).sum();
        Self { pools, left: slots, lacking }
    }

    /// Offers the next slot to `pool`; true if it is the pool's from now on.
    pub(super) fn take(&mut self, pool: usize) -> bool {
        let quota = &mut self.pools[pool];
        let below_floor = quota.owned < quota.floor;
        let takes = below_floor || (quota.owned < quota.cap && self.lacking < self.left);
        if takes {
            quota.owned += 1;
            self.left -= 1;
            self.lacking -= u64::from(below_floor);
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the weights and in whatever order slots are offered: all are taken, and every pool ends
        /// within its bounds, or within one slot of its exact share where the share is too small for per
        /// cents.
        #[test]
        fn every_pool_ends_close_to_its_share(
            weights in prop::collection::vec(prop_oneof![1..=100_u32, Just(1), Just(100)], 1..=255),
            slots in 1..2_000_u64,
            offers in prop::collection::vec(0..255_usize, 1..100),
        ) {
            let sum: u32 = weights.iter().sum();
            let mut quotas = Quotas::new(slots, weights.iter().copied());
            for n in 0..slots {
                // Few distinct offers: the favoured pools run into their caps at once.
                let first = offers[usize::try_from(n).unwrap() % offers.len()];
                let taker = (0..weights.len()).find(|step| quotas.take((first + step) % weights.len()));
                prop_assert!(taker.is_some(), "nobody took slot {} of {}", n, slots);
            }
            for (quota, weight) in quotas.pools.iter().zip(&weights) {
                let share = slots as f64 * f64::from(*weight) / f64::from(sum);
                let owned = quota.owned as f64;
                // The slack is for the rounding of the products: 0.92 x 16.3043... is 15, and a little more as a float.
                prop_assert!(owned <= (share * 1.05).max(share + 1.0) + 1e-9, "{} of {}", owned, share);
                prop_assert!(owned >= (share * 0.92).min(share - 1.0) - 1e-9, "{} of {}", owned, share);
            }
        }
    }
}
