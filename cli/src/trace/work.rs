//! How much work a job is.

use std::time::Duration;

/// The most a single job may be: beyond, a unit or a column is wrong.
pub(super) const MAX_WORK: Duration = Duration::from_secs(3600);

/// Reads one cell: a number of `unit`s, or a duration. `None` if it is neither or negative.
pub(super) fn parse(text: &str, unit: Duration) -> Option<Duration> {
    let Ok(number) = text.parse::<f64>() else {
        return humantime::parse_duration(text).ok();
    };
    if number.is_nan() || number.is_sign_negative() && number != 0.0 {
        return None;
    }
    // Too large for a Duration is too large for a job: the caller's limit reports it.
    Some(Duration::try_from_secs_f64(number.abs() * unit.as_secs_f64()).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_units_and_durations_stand_for_themselves() {
        let unit = Duration::from_micros(20);
        assert_eq!(parse("3", unit), Some(Duration::from_micros(60)));
        assert_eq!(parse("0.5", unit), Some(Duration::from_micros(10)));
        assert_eq!(parse("350us", unit), Some(Duration::from_micros(350)));
        assert_eq!(parse("-0", unit), Some(Duration::ZERO));
        assert!(parse("1e300", unit).is_some_and(|work| work > MAX_WORK));
        for wrong in ["", "-1", "nan", "much", "3 apples", "-5us"] {
            assert_eq!(parse(wrong, unit), None, "{wrong}");
        }
    }
}
