//! The law of significance: whether so many arrivals can be chance.

/// By how many standard deviations `count` arrivals within `seconds` are more than a rate explains that was itself
/// measured, as `baseline` arrivals per second over `measured` seconds; 0 if they are not more.
///
/// The statistic of Li and Ma for a count beside a background of unknown rate ("Analysis methods for results in gamma-ray
/// astronomy", Astrophysical Journal 272, 1983, equation 17). Unlike (n - λ)/√λ it holds for a small λ, takes into account
/// how well the baseline is known, and is finite for a baseline of 0. It grows with the count.
pub(super) fn significance(count: u64, seconds: f64, baseline: f64, measured: f64) -> f64 {
    let (count, before) = (count as f64, baseline * measured);
    if count <= baseline * seconds {
        return 0.0;
    }
    let all = count + before;
    let expected = all * (seconds / (seconds + measured));
    let expected_before = all * (measured / (seconds + measured));
    let surprise = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    (2.0 * (surprise(count, expected) + surprise(before, expected_before))).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn more_arrivals_are_never_less_significant(
            a in 0..100_000_u64, b in 0..100_000_u64, seconds in 1..=60_u32, baseline in 0.0..1e4, measured in 60..=600_u32,
        ) {
            let of = |count| significance(count, f64::from(seconds), baseline, f64::from(measured));
            prop_assert!(of(a.min(b)) <= of(a.max(b)) + 1e-6);
        }

        #[test]
        fn a_baseline_known_better_makes_it_clearer(
            count in 1..10_000_u64, seconds in 1..=60_u32, baseline in 0.0..1e2, measured in 60..300_u32,
        ) {
            let of = |measured: u32| significance(count, f64::from(seconds), baseline, f64::from(measured));
            prop_assert!(of(measured) <= of(2 * measured) + 1e-6);
        }

        #[test]
        fn it_is_finite_and_no_more_than_the_usual_figure(
            count: u64, seconds in 1..=60_u32, baseline in 0.001..1e6, measured in 60..=600_u32,
        ) {
            let lambda: f64 = baseline * f64::from(seconds);
            let usual = ((count as f64 - lambda) / lambda.sqrt()).max(0.0);
            let it = significance(count, f64::from(seconds), baseline, f64::from(measured));
            prop_assert!(it.is_finite() && it <= usual * 1.000_001 + 1e-3, "{it} > {usual}");
        }
    }

    #[test]
    fn known_figures() {
        let close = |a: f64, b: f64| (a - b).abs() < 0.005;
        // Much, against a well-known baseline: the usual (1100 - 1000)/√1000 = 3.16, and a little less.
        assert!(close(significance(1100, 1.0, 1000.0, 1e9), 3.11));
        // Two where a tenth is expected: (2 - 0.1)/√0.1 would say 6, yet it happens once in 200 times.
        assert!(close(significance(2, 1.0, 0.1, 1e9), 2.86));
        // Equal times, 100 against nothing: √(2 x 100 x ln 2).
        assert!(close(significance(100, 60.0, 0.0, 60.0), 11.77));
        assert!(significance(0, 1.0, 0.0, 60.0).abs() < f64::EPSILON);
    }
}
