//! The law of bounded load: when a pool has more than its part.

/// Bounded load: whether a pool has so much in flight that keys which may go elsewhere should.
///
/// It has if more is in flight than it has workers *and* more than 1.25 times its part, by weight, of what is
/// in flight in all pools together. The first keeps a key at home as long as a worker is free for it, however
/// idle the other pools are. The second is the bound of Mirrokni, Thorup and Zadimoghaddam, "Consistent
/// Hashing with Bounded Loads" (SODA 2018; 2016 as a preprint), with c = 1 + ε = 1.25: less would send more
/// keys away from warm data, more would let a crowd of hot keys pile up higher. Not all pools can be above it
/// at once, so some pool always has room.
///
/// `total_in_flight` and `weight_sum` run over the pools of the group, this one included.
#[inline]
pub(crate) fn overfull(
    in_flight: u32,
    workers: u32,
    total_in_flight: u32,
    weight: u32,
    weight_sum: u32,
) -> bool {
    // in flight > 5/4 x total x weight / sum of weights, multiplied out; 67 bits hold either side.
    let load = 4 * u128::from(in_flight) * u128::from(weight_sum);
    let bound = 5 * u128::from(total_in_flight) * u128::from(weight);
    in_flight > workers && load > bound
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_stays_home_while_a_worker_is_free(
            workers: u32, in_flight: u32, total: u32, weight in 1..=100_u32, others in 0..=25_400_u32,
        ) {
            prop_assert!(!overfull(in_flight.min(workers), workers, total, weight, weight + others));
        }

        #[test]
        fn more_in_flight_never_makes_room(
            workers: u32, a: u32, b: u32, total: u32, weight in 1..=100_u32, others in 0..=25_400_u32,
        ) {
            let full = |in_flight| overfull(in_flight, workers, total, weight, weight + others);
            prop_assert!(full(a.max(b)) || !full(a.min(b)));
        }

        /// Pigeonhole: they cannot all have more than their part of what they have together.
        #[test]
        fn some_pool_always_has_room(
            pools in vec((0..=u32::MAX / 255, 0..=50_u32, 1..=100_u32), 1..=255),
        ) {
            let total = pools.iter().map(|pool| pool.0).sum();
            let weights = pools.iter().map(|pool| pool.2).sum();
            let full = |&(in_flight, workers, weight)| overfull(in_flight, workers, total, weight, weights);
            prop_assert!(!pools.iter().all(full));
        }
    }

    #[test]
    fn the_bound_is_a_quarter_above_the_weighted_part() {
        // 100 in flight on four equal pools: 25 each, 31.25 allowed.
        assert!(!overfull(31, 2, 100, 1, 4));
        assert!(overfull(32, 2, 100, 1, 4));
        assert!(!overfull(32, 32, 100, 1, 4));
        // Half the weight, half of 100: 62.5 allowed.
        assert!(!overfull(62, 2, 100, 3, 6));
        assert!(overfull(63, 2, 100, 3, 6));
        // The edges of the arithmetic: as a whole group, at its part, and far above it.
        let max = u32::MAX;
        assert!(!overfull(max, 0, max, max, max));
        assert!(overfull(max, 0, max, 1, max));
        assert!(!overfull(0, 0, 0, 1, 1));
    }
}
