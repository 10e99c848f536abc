//! The law of slowing down: the deeper the queue, the fewer ticks are published.

/// From how many ready items of a lane on its schedules slow down, unless told: K14 of the requirements.
pub(super) const ABOVE: u64 = 100;

/// Ticks are thinned out so far, and no further.
pub(super) const SLOWEST: u32 = 16;

/// Of how many ticks one is published: doubled as soon as the queue is deeper than `above`, and with each doubling of its depth.
pub(super) fn factor(depth: u64, above: u64) -> u32 {
    let (mut factor, mut limit) = (1, above.max(1));
    while depth > limit && factor < SLOWEST {
        factor *= 2;
        limit = limit.saturating_mul(2);
    }
    factor
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_interval_doubles_with_the_depth_up_to_sixteen_times() {
        let steps = [(0, 1), (100, 1), (101, 2), (200, 2), (201, 4), (400, 4), (401, 8), (800, 8), (801, 16)];
        for (depth, expected) in steps.into_iter().chain([(1600, 16), (1601, 16), (u64::MAX, 16)]) {
            assert_eq!(factor(depth, ABOVE), expected, "{depth}");
        }
        assert_eq!((factor(1, 0), factor(2, 0)), (1, 2), "no limit is less than one item");
        assert_eq!(factor(u64::MAX, u64::MAX), 1);
    }
}
