//! What the options' values look like.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How fast the trace's clock runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// The gaps between arrivals are divided by this factor; the work is not.
    Times(f64),
    /// No waiting at all.
    Max,
}

impl Speed {
    /// When an arrival `at` after the first is due, counted from the first; `None` means at once.
    pub(crate) fn due(self, at: Duration) -> Option<Duration> {
        match self {
            Speed::Times(factor) => {
                Some(Duration::try_from_secs_f64(at.as_secs_f64() / factor).unwrap_or(Duration::MAX))
            }
            Speed::Max => None,
        }
    }
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let factor = text.strip_suffix(['x', 'X']).unwrap_or(text).parse::<f64>();
        match factor {
            Ok(factor) if (1e-3..=1e9).contains(&factor) => Ok(Speed::Times(factor)),
            _ => Err("expected a factor such as 1x, 60x or 0.5x (0.001x to 1000000000x), or max"),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Times(factor) => write!(f, "{factor}x"),
            Speed::Max => f.write_str("max"),
        }
    }
}

/// Reads a duration such as `350us`, `50ms` or `1m 30s`, zero included.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|e| format!("expected a duration such as 350us, 50ms or 30s ({e})"))
}

/// Reads a duration that must not be zero.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected a duration above zero".into()),
        some => Ok(some),
    }
}

/// Reads the column separator: one ASCII character, or `tab`.
pub(crate) fn delimiter(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [b'"' | b'\n' | b'\r' | 0] => Err("a quote, line end or NUL cannot separate columns"),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("expected one ASCII character, or tab"),
    }
}

/// Reads arrivals per second: above zero, at most ten million.
pub(crate) fn rate(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e7 => Ok(rate),
        _ => Err("expected arrivals per second, above 0 and up to 10000000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_factors_or_max() {
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for wrong in ["", "x", "0x", "-1x", "nan", "inf", "fast"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn speed_divides_the_gaps() {
        assert_eq!(Speed::Times(60.0).due(Duration::from_secs(90)), Some(Duration::from_millis(1500)));
        assert_eq!(Speed::Max.due(Duration::from_secs(90)), None);
    }

    #[test]
    fn delimiters_are_single_bytes() {
        assert_eq!(delimiter(";"), Ok(b';'));
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        assert!(delimiter("").is_err());
        assert!(delimiter("\"").is_err());
        assert!(delimiter("€").is_err());
    }

    #[test]
    fn a_rate_is_positive_and_bounded() {
        assert_eq!(rate("2500"), Ok(2500.0));
        for wrong in ["0", "-1", "nan", "inf", "1e8", "many"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
