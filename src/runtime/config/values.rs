//! The values that are not plain TOML: shares, durations, sizes, and the two keys that make one [`Idle`].

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::{Kind, PoolConfig};
use crate::thread::Idle;

/// A share from 0 on: `0.2` or `"20%"`. Its bounds are the law's business.
pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    from.deserialize_any(Share("a share from 0 to below 1, such as 0.2 or \"20%\""))
}

/// A share up to 1: `0.8` or `"80%"`.
pub(super) fn proportion<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    from.deserialize_any(Share("a share above 0 and up to 1, such as 0.8 or \"80%\""))
}

/// With what it should be.
struct Share(&'static str);

impl Visitor<'_> for Share {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_f64<E: Error>(self, share: f64) -> Result<f64, E> {
        Ok(share)
    }

    fn visit_i64<E: Error>(self, share: i64) -> Result<f64, E> {
        Ok(share as f64)
    }

    fn visit_u64<E: Error>(self, share: u64) -> Result<f64, E> {
        Ok(share as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        percent.map(|percent| percent / 100.0).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A duration: `"50us"`.
pub(super) fn lasting<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_str(Lasting)
}

pub(super) fn some_lasting<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    lasting(from).map(Some)
}

struct Lasting;

impl Lasting {
    /// Longer texts are refused unread: near 2^64 seconds, humantime's sum overflows with a panic.
    const LONGEST: usize = 20;
}

impl Visitor<'_> for Lasting {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"50us\", in ns, us, ms, s, min, h or d")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        if text.len() > Self::LONGEST {
            return Err(E::invalid_value(Unexpected::Str(text), &self));
        }
        humantime::parse_duration(text).map_err(|error| match error {
            humantime::DurationError::UnknownUnit { unit, .. } if unit.is_empty() => {
                E::invalid_value(Unexpected::Other(&format!("{text:?}, without a unit")), &self)
            }
            humantime::DurationError::UnknownUnit { unit, .. } => E::invalid_value(
                Unexpected::Other(&format!("{text:?}, with the unknown unit {unit:?}")),
                &self,
            ),
            _ => E::invalid_value(Unexpected::Str(text), &self),
        })
    }
}

/// A size in bytes: `"64KiB"`, `"1MB"`, or a number.
pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    from.deserialize_any(Size)
}

struct Size;

impl Size {
    const UNITS: [(&'static str, u64); 9] = [
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];

    /// The size, or what is wrong with the text: nothing in particular if it is `None`.
    fn read(text: &str) -> Result<u64, Option<String>> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        if number.is_empty() || text.len() > Lasting::LONGEST {
            return Err(None);
        }
        if unit.is_empty() {
            return Err(Some("without a unit".to_owned()));
        }
        let Some((_, bytes)) = Self::UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)) else {
            return Err(Some(format!("with the unknown unit {unit:?}")));
        };
        let number = number.parse::<u64>().ok();
        let size = number.and_then(|number| number.checked_mul(*bytes));
        size.ok_or_else(|| Some("too large to be counted".to_owned()))
    }
}

impl Visitor<'_> for Size {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a size such as \"64KiB\", in B, KiB, MiB, GiB, TiB, kB, MB, GB or TB, or a number of bytes",
        )
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<u64, E> {
        u64::try_from(bytes).map_err(|_| E::invalid_value(Unexpected::Signed(bytes), &self))
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<u64, E> {
        Ok(bytes)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        Self::read(text).map_err(|wrong| match wrong {
            Some(wrong) => E::invalid_value(Unexpected::Other(&format!("{text:?}, {wrong}")), &self),
            None => E::invalid_value(Unexpected::Str(text), &self),
        })
    }
}

/// A pool as TOML has it: [`Idle`] spread over the keys `idle` and `spin`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct PoolTable {
    domain: Option<String>,
    min_workers: u32,
    max_workers: u32,
    weight: u32,
    lane: u32,
    kind: Kind,
    idle: Strategy,
    #[serde(deserialize_with = "some_lasting")]
    spin: Option<Duration>,
    pin: bool,
    #[serde(deserialize_with = "lasting")]
    queue_delay: Duration,
    #[serde(deserialize_with = "lasting")]
    stall_after: Duration,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Strategy {
    #[default]
    Backoff,
    Spin,
    Park,
}

impl Default for PoolTable {
    fn default() -> Self {
        let PoolConfig {
            domain,
            min_workers,
            max_workers,
            weight,
            lane,
            kind,
            idle: _,
            pin,
            queue_delay,
            stall_after,
        } = PoolConfig::default();
        Self {
            domain,
            min_workers,
            max_workers,
            weight,
            lane,
            kind,
            idle: Strategy::default(),
            spin: None,
            pin,
            queue_delay,
            stall_after,
        }
    }
}

impl TryFrom<PoolTable> for PoolConfig {
    type Error = &'static str;

    fn try_from(table: PoolTable) -> Result<Self, &'static str> {
        let PoolTable {
            domain,
            min_workers,
            max_workers,
            weight,
            lane,
            kind,
            idle,
            spin,
            pin,
            queue_delay,
            stall_after,
        } = table;
        let idle = match (idle, spin) {
            (Strategy::Backoff, spin) => Idle::Backoff { spin: spin.unwrap_or(Idle::DEFAULT_SPIN) },
            (Strategy::Spin, None) => Idle::Spin,
            (Strategy::Park, None) => Idle::Park,
            (Strategy::Spin | Strategy::Park, Some(_)) => {
                return Err(
                    "spin means nothing unless idle is \"backoff\"; remove it, or set idle to \"backoff\"",
                );
            }
        };
        Ok(Self { domain, min_workers, max_workers, weight, lane, kind, idle, pin, queue_delay, stall_after })
    }
}
