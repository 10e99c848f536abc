//! How evenly pools are loaded, as one figure and in a word.

use std::fmt;

/// How evenly pools are loaded: 1 if all alike, towards 0 the further they are apart.
///
/// One minus the coefficient of variation (population standard deviation over mean) of their utilisations,
/// clipped to 0..=1. Only proportions count: twice the load on every pool gives the same coefficient. Pools
/// that are all idle, or fewer than two of them, are balanced: 1.
///
/// Utilisations are fractions of time, 0 to 1 or a little more; less than 0 counts as 0. One that is
/// not finite was not measured, and is left out as if the pool were not there.
///
/// ```
/// # use heijunka::balance_coefficient;
/// assert_eq!(balance_coefficient([0.4, 0.4, 0.4]), 1.0);
/// assert_eq!(balance_coefficient([0.75, 0.25]), 0.5);
/// assert_eq!(balance_coefficient([1.0, 0.0]), 0.0);
/// ```
pub fn coefficient(utilisations: impl IntoIterator<Item = f64>) -> f64 {
    // Welford's algorithm: one pass, and exactly no deviation where all are equal.
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for utilisation in utilisations.into_iter().filter(|u| u.is_finite()).map(|u| u.max(0.0)) {
        count += 1.0;
        let delta = utilisation - mean;
        mean += delta / count;
        squares += delta * (utilisation - mean);
    }
    if count < 2.0 || mean <= 0.0 {
        return 1.0;
    }
    let deviation: f64 = f64::sqrt(squares / count);
    (1.0 - deviation / mean).clamp(0.0, 1.0)
}

/// What a balance [`coefficient`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BalanceStatus {
    /// 1.0: all pools alike.
    Perfect,
    /// 0.8 and above: the target.
    Good,
    /// 0.5 and above: worth a look; a rebalance may follow.
    Watch,
    /// Below 0.5: some pools work while others idle.
    Poor,
}

impl BalanceStatus {
    /// The coefficient from which balance is good: the target.
    pub const GOOD: f64 = 0.8;
    /// The coefficient from which balance is merely to be watched.
    pub const WATCH: f64 = 0.5;

    /// The status of a coefficient; not a number is poor.
    #[must_use]
    pub fn of(coefficient: f64) -> Self {
        if coefficient >= 1.0 {
            BalanceStatus::Perfect
        } else if coefficient >= Self::GOOD {
            BalanceStatus::Good
        } else if coefficient >= Self::WATCH {
            BalanceStatus::Watch
        } else {
            BalanceStatus::Poor
        }
    }

    /// The name used in status and metrics: `perfect`, `good`, `watch` or `poor`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BalanceStatus::Perfect => "perfect",
            BalanceStatus::Good => "good",
            BalanceStatus::Watch => "watch",
            BalanceStatus::Poor => "poor",
        }
    }
}

impl fmt::Display for BalanceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "equal pools give exactly 1.0: that is the claim")]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Utilisations in whole per cents: what differs does so by more than rounding.
    fn percents() -> impl Strategy<Value = Vec<u32>> {
        vec(0..=150_u32, 0..60)
    }

    fn of_percents(percents: &[u32], scale: f64) -> f64 {
        coefficient(percents.iter().map(|&p| f64::from(p) / 100.0 * scale))
    }

    proptest! {
        #[test]
        fn it_stays_within_0_and_1_whatever_is_measured(any in vec(prop::num::f64::ANY, 0..60)) {
            prop_assert!((0.0..=1.0).contains(&coefficient(any)));
        }

        #[test]
        fn equal_pools_are_perfect(utilisation in 0.0..2.0_f64, pools in 0..300_usize) {
            prop_assert_eq!(coefficient(vec![utilisation; pools]), 1.0);
        }

        #[test]
        fn unequal_pools_are_not(percents in percents()) {
            let equal = percents.windows(2).all(|pair| pair[0] == pair[1]);
            prop_assert_eq!(of_percents(&percents, 1.0) == 1.0, equal);
        }

        #[test]
        fn only_proportions_count(percents in percents(), scale in 0.001..1000.0_f64) {
            prop_assert!((of_percents(&percents, scale) - of_percents(&percents, 1.0)).abs() < 1e-9);
        }

        #[test]
        fn it_is_one_minus_the_coefficient_of_variation(percents in vec(1..=100_u32, 2..60)) {
            let n = percents.len() as f64;
            let mean = percents.iter().map(|&p| f64::from(p)).sum::<f64>() / n;
            let variance = percents.iter().map(|&p| (f64::from(p) - mean).powi(2)).sum::<f64>() / n;
            let expected = (1.0 - variance.sqrt() / mean).max(0.0);
            prop_assert!((of_percents(&percents, 1.0) - expected).abs() < 1e-9);
        }

        #[test]
        fn a_pool_without_a_measurement_is_left_out(percents in percents(), at in 0..60_usize) {
            let mut measured: Vec<f64> = percents.iter().map(|&p| f64::from(p)).collect();
            let without = coefficient(measured.iter().copied());
            measured.insert(at.min(measured.len()), f64::NAN);
            measured.push(f64::INFINITY);
            prop_assert_eq!(coefficient(measured), without);
        }
    }

    #[test]
    fn the_status_follows_the_coefficient() {
        let of = BalanceStatus::of;
        assert_eq!(of(1.0), BalanceStatus::Perfect);
        assert_eq!(of(0.999), BalanceStatus::Good);
        assert_eq!(of(0.8), BalanceStatus::Good);
        assert_eq!(of(0.799), BalanceStatus::Watch);
        assert_eq!(of(0.5), BalanceStatus::Watch);
        assert_eq!(of(0.499), BalanceStatus::Poor);
        assert_eq!(of(f64::NAN), BalanceStatus::Poor);
    }
}
