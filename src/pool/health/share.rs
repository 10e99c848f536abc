//! What health means for routing: who gets less, and when nobody does.

use super::Health;
use crate::share::Share;

/// Degraded pools keep half of their weight and critical ones none, unless more than half of the pools are critical: then
/// the rest could not carry it all, health is ignored, and the second value says so.
pub(crate) fn weights(health: &[Health]) -> (Vec<Share>, bool) {
    let critical = health.iter().filter(|health| **health == Health::Critical).count();
    let ignored = critical * 2 > health.len();
    let share = |health: &Health| match health {
        _ if ignored => Share::Full,
        Health::Healthy => Share::Full,
        Health::Degraded => Share::Half,
        Health::Critical => Share::None,
    };
    (health.iter().map(share).collect(), ignored)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::tests::any_health;
    use super::*;

    proptest! {
        #[test]
        fn somebody_is_always_left(health in vec(any_health(), 1..20)) {
            let (shares, ignored) = weights(&health);
            prop_assert_eq!(shares.len(), health.len());
            let left = shares.iter().filter(|share| **share != Share::None).count();
            prop_assert!(left * 2 >= shares.len(), "at least half of them");
            prop_assert!(!ignored || left == shares.len());
        }

        #[test]
        fn a_pool_keeps_no_more_than_a_better_one(health in vec(any_health(), 2..20)) {
            let (shares, _) = weights(&health);
            let of = |share: Share| [Share::None, Share::Half, Share::Full].iter().position(|it| *it == share);
            for a in 0..health.len() {
                for b in 0..health.len() {
                    prop_assert!(health[a] < health[b] || of(shares[a]) <= of(shares[b]));
                }
            }
        }
    }

    #[test]
    fn health_counts_until_most_pools_are_critical() {
        use Health::{Critical, Degraded, Healthy};
        let (full, half, none) = (Share::Full, Share::Half, Share::None);
        assert_eq!(weights(&[]), (vec![], false));
        assert_eq!(weights(&[Healthy, Degraded, Critical]), (vec![full, half, none], false));
        assert_eq!(weights(&[Critical, Degraded]), (vec![none, half], false), "half of them is not most");
        assert_eq!(weights(&[Critical, Degraded, Critical]), (vec![full; 3], true));
        assert_eq!(weights(&[Critical]), (vec![full], true));
    }
}
