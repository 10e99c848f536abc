//! Alternating rounds and their medians.

/// Measures `ours` and `other` in turn, `rounds` times, each going first in every second round.
pub fn alternate<S>(
    rounds: usize,
    mut ours: impl FnMut() -> S,
    mut other: impl FnMut() -> S,
) -> (Vec<S>, Vec<S>) {
    let mut samples = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    for round in 0..rounds {
        if round % 2 == 0 {
            samples.0.push(ours());
            samples.1.push(other());
        } else {
            samples.1.push(other());
            samples.0.push(ours());
        }
    }
    samples
}

/// The value below which the share `of` (0 to 1) of the samples lies; 0.5 is the median. 0 without samples.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the product lies within the length"
)]
pub fn quantile(samples: impl IntoIterator<Item = f64>, of: f64) -> f64 {
    let mut sorted: Vec<f64> = samples.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    sorted[(last as f64 * of.clamp(0.0, 1.0)).round() as usize]
}

/// The middle one of the samples, 0 if there are none.
#[must_use]
pub fn median(samples: impl IntoIterator<Item = f64>) -> f64 {
    quantile(samples, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_alternate_and_take_turns_in_going_first() {
        let order = std::cell::RefCell::new(String::new());
        let (ours, other) = alternate(3, || order.borrow_mut().push('a'), || order.borrow_mut().push('b'));
        assert_eq!((ours.len(), other.len()), (3, 3));
        assert_eq!(order.into_inner(), "abbaab");
    }

    #[test]
    fn the_median_shrugs_off_an_outlier() {
        assert!((median([3.0, 1.0, 1e9, 2.0, 4.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median([]).abs() < f64::EPSILON);
    }

    #[test]
    fn quantiles_reach_both_ends() {
        let samples = [4.0, 1.0, 3.0, 2.0, 5.0];
        for (of, expected) in [(0.0, 1.0), (0.25, 2.0), (0.75, 4.0), (1.0, 5.0)] {
            assert!((quantile(samples, of) - expected).abs() < f64::EPSILON);
        }
    }
}
