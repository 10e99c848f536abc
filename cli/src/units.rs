//! Figures as people read them: three significant digits and the unit that suits.

use std::fmt;
use std::time::Duration;

/// Prints a duration as `0`, `870 ns`, `1.24 µs`, `35.0 ms`, `12.3 s`, and from two minutes on as `1h 2m 3s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Human(pub(crate) Duration);

impl Human {
    pub(crate) fn nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let text = match nanos {
            0 => "0".into(),
            1..1_000 => format!("{nanos} ns"),
            1_000..1_000_000 => scaled(nanos, 1e3, "µs"),
            1_000_000..1_000_000_000 => scaled(nanos, 1e6, "ms"),
            1_000_000_000..120_000_000_000 => scaled(nanos, 1e9, "s"),
            _ => humantime::format_duration(Duration::from_secs(self.0.as_secs())).to_string(),
        };
        f.pad(&text)
    }
}

fn scaled(nanos: u128, unit: f64, name: &str) -> String {
    let value = nanos as f64 / unit;
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {name}")
}

/// Prints a count with thin groups of three: `1 234 567`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// A number and its noun.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", Count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        let shown = |nanos| Human::nanos(nanos).to_string();
        assert_eq!(shown(0), "0");
        assert_eq!(shown(870), "870 ns");
        assert_eq!(shown(1_240), "1.24 µs");
        assert_eq!(shown(99_960), "100 µs");
        assert_eq!(shown(999_600), "1000 µs");
        assert_eq!(shown(35_000_000), "35.0 ms");
        assert_eq!(shown(12_300_000_000), "12.3 s");
        assert_eq!(shown(3_723_000_000_000), "1h 2m 3s");
        assert_eq!(format!("{:>8}|", Human::nanos(870)), "  870 ns|");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(Count(0).to_string(), "0");
        assert_eq!(Count(999).to_string(), "999");
        assert_eq!(Count(1_234_567).to_string(), "1 234 567");
        assert_eq!(Count(123_456).to_string(), "123 456");
    }
}
