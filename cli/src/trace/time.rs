//! Arrival times in the three forms traces use.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Nanoseconds since the Unix epoch, or since whatever zero the trace's plain numbers have.
pub(super) type Nanos = i128;

/// What a time may look like, for messages.
pub(super) const EXPECTED: &str =
    "RFC 3339 (2024-05-01T12:00:00.5Z), YYYY-MM-DD hh:mm:ss.fffffff, or a number of seconds";

/// Reads a time. Plain numbers count `unit` nanoseconds each; a date without an offset is UTC.
pub(super) fn parse(text: &str, unit: u128) -> Option<Nanos> {
    if let Some(number) = number(text, unit) {
        return Some(number);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_nanosecond());
    }
    let civil = text.parse::<DateTime>().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond())
}

/// Reads digits exactly: an `f64` keeps only 200 ns of a Unix time, and traces have 100 ns digits.
fn number(text: &str, unit: u128) -> Option<Nanos> {
    const FRACTION: usize = 18;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !plain(whole) || !plain(fraction) {
        return scientific(text, unit);
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(FRACTION)];
    let parts: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let nanos = whole.checked_mul(unit)?.checked_add(parts.checked_mul(unit)? / scale)?;
    let nanos = Nanos::try_from(nanos).ok()?;
    Some(if negative { -nanos } else { nanos })
}

/// `1.7e9` and the like, which programs print for large or small floats.
fn scientific(text: &str, unit: u128) -> Option<Nanos> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    let nanos = text.parse::<f64>().ok()? * unit as f64;
    // Some 3 000 years: beyond, nothing is a time, and the cast stays exact enough.
    #[allow(clippy::cast_possible_truncation, reason = "bounded in the line before")]
    (nanos.abs() < 1e20).then_some(nanos as Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u128 = 1_000_000_000;

    fn at(text: &str) -> Option<Nanos> {
        parse(text, SECOND)
    }

    #[test]
    fn rfc_3339() {
        assert_eq!(at("1970-01-01T00:00:01.5Z"), Some(1_500_000_000));
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(at("2023-11-16T18:17:03.9799600Z"), Some(1_700_158_623_979_960_000));
    }

    #[test]
    fn dates_without_an_offset_are_utc() {
        assert_eq!(at("2023-11-16 18:17:03.9799600"), at("2023-11-16T18:17:03.97996Z"));
        assert_eq!(at("2023-11-16 18:17:03"), Some(1_700_158_623_000_000_000));
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(at("0"), Some(0));
        assert_eq!(at("12.5"), Some(12_500_000_000));
        assert_eq!(at(".25"), Some(250_000_000));
        assert_eq!(at("-1.5"), Some(-1_500_000_000));
        assert_eq!(at("1700158623.979960123"), Some(1_700_158_623_979_960_123));
        assert_eq!(at("0.0000000009999"), Some(0));
        assert_eq!(at("1.5e3"), Some(1_500_000_000_000));
        assert_eq!(parse("1700158623979", 1_000_000), Some(1_700_158_623_979_000_000));
    }

    #[test]
    fn everything_else_is_no_time() {
        for wrong in
            ["", ".", "-", "noon", "1.2.3", "12s", "2023-13-01 00:00:00", "NaN", "inf", "1e30", "18:17:03"]
        {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        assert_eq!(at(&"9".repeat(60)), None);
    }
}
