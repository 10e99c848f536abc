//! One setting with its path, and what it is told when it is out of its range or at odds with another.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::Fault;
use super::path::Path;

/// In flight is counted in 21 bits.
const MOST_IN_FLIGHT: u32 = (1 << 21) - 1;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds of a whole number, for every setting that is one.
pub(super) fn whole_bounds(path: &Path) -> Option<RangeInclusive<u32>> {
    match path.keys()[..] {
        ["admission", "soft" | "hard"] | ["admission", "sub_limits", _] => Some(1..=MOST_IN_FLIGHT),
        ["pools", _, "min_workers" | "max_workers"]
        | ["burst", "workers"]
        | ["kanban", "target_min" | "target_max"] => Some(1..=50),
        ["pools", _, "weight"] => Some(1..=100),
        ["pools", _, "lane"] | ["kanban", "slots"] | ["broker", "nats", "window"] => Some(1..=65_536),
        ["broker", "nats", "replicas"] => Some(1..=5),
        ["broker", "amqp", "port" | "window"] => Some(1..=65_535),
        ["control", "journal"] => Some(16..=100_000),
        ["scaling", "cores"] => Some(1..=1024),
        ["health", "replacements"] => Some(0..=6),
        ["burst", "floor"] | ["broker", "max_items" | "max_dead_letters"] => Some(1..=1_000_000_000),
        ["burst", "renewals"] => Some(0..=100),
        ["kanban", "pull" | "window"]
        | ["broker", "failover", "failures" | "bad_probes" | "good_probes"]
        | ["kanban", "breaker", "failures"]
        | ["kanban", "retry", "max_attempts"]
        | ["domains", _, "retry", "max_attempts"] => Some(1..=1000),
        ["kanban", "prefetch"] => Some(0..=1000),
        ["kanban", "items_per_worker"] => Some(1..=1_000_000),
        ["kanban", "seen", "capacity"] => Some(1..=100_000_000),
        ["kanban", "retry", "max_deliveries"]
        | ["domains", _, "retry", "max_deliveries"]
        | ["schedules", _, "batch"] => Some(1..=10_000),
        _ => None,
    }
}

/// The bounds of a number that need not be whole.
pub(super) fn number_bounds(path: &Path) -> Option<RangeInclusive<f64>> {
    match path.keys()[..] {
        ["burst", "threshold"] => Some(2.0..=1000.0),
        ["burst", "cost"] => Some(0.0..=1000.0),
        _ => None,
    }
}

/// The bounds of a duration.
fn duration_bounds(path: &Path) -> Option<RangeInclusive<Duration>> {
    match path.keys()[..] {
        ["pools", _, "spin"] => Some(Duration::from_micros(1)..=SECOND),
        ["pools", _, "queue_delay"] => Some(Duration::from_micros(1)..=60 * SECOND),
        ["pools", _, "stall_after"]
        | ["kanban", "stall_after"]
        | ["kanban", "retry", "cap" | "timeout"]
        | ["domains", _, "retry", "cap" | "timeout"] => Some(Duration::from_millis(1)..=DAY),
        ["control", "tick"] => Some(Duration::from_millis(10)..=10 * SECOND),
        ["scaling", "calm"] | ["broker", "lease"] => Some(SECOND..=HOUR),
        ["health", "every"] | ["balance", "cooldown"] | ["burst", "return_every"] => {
            Some(Duration::from_millis(100)..=HOUR)
        }
        ["burst", "lease"] => Some(SECOND..=DAY),
        ["burst", "cooldown"] | ["service", "grace"] | ["broker", "failover", "again_within"] => {
            Some(Duration::ZERO..=DAY)
        }
        ["kanban", "publish_timeout" | "settle_timeout"] => Some(Duration::from_millis(10)..=600 * SECOND),
        ["broker", "nats", "lease"] => Some(Duration::from_millis(100)..=HOUR),
        ["broker", "nats", "connect_timeout"] => Some(Duration::from_millis(10)..=300 * SECOND),
        ["broker", "amqp", "lease"] => Some(Duration::from_millis(100)..=DAY),
        ["broker", "amqp", "connect_timeout"] => Some(Duration::from_millis(100)..=60 * SECOND),
        ["broker", "amqp", "heartbeat"] => Some(SECOND..=60 * SECOND),
        ["broker", "failover", "hold" | "hold_most"] => Some(Duration::from_millis(10)..=DAY),
        ["broker", "failover", "probe_within" | "patience"] => Some(Duration::from_millis(10)..=60 * SECOND),
        ["kanban", "sample"] | ["kanban", "breaker", "open"] | ["broker", "failover", "probe_every"] => {
            Some(Duration::from_millis(10)..=HOUR)
        }
        ["kanban", "retry", "base"] | ["domains", _, "retry", "base"] => {
            Some(Duration::from_millis(1)..=HOUR)
        }
        ["kanban", "seen", "ttl"] => Some(SECOND..=30 * DAY),
        ["schedules", _, "every"] => Some(Duration::from_millis(100)..=30 * DAY),
        ["schedules", _, "deadline"] => Some(Duration::from_millis(1)..=30 * DAY),
        _ => None,
    }
}

/// The bounds of a size, in bytes.
fn size_bounds(path: &Path) -> Option<RangeInclusive<u64>> {
    match path.keys()[..] {
        ["broker", "amqp", "max_frame"] => Some(8 << 10..=16 << 20),
        ["broker", "max_bytes"] => Some(1 << 20..=1 << 40),
        ["kanban", "payload"] => Some(1..=64 << 20),
        ["domains", _, "exec", "output"] => Some(0..=16 << 20),
        _ => None,
    }
}

/// A value with its path, and whether it is what the setting has unless it is set.
pub(super) struct Setting<T> {
    pub(super) path: Path,
    pub(super) value: T,
    is_default: bool,
}

impl<T: Copy + PartialOrd> Setting<T>
where
    Self: Display,
{
    pub(super) fn new(table: &Path, key: &str, value: T) -> Self {
        Self { path: table.clone().key(key), value, is_default: false }
    }

    pub(super) fn or_default(self, default: T) -> Self {
        Self { is_default: self.value == default, ..self }
    }

    pub(super) fn at_most(&self, other: &Self) -> Result<(), Fault> {
        if self.value <= other.value {
            return Ok(());
        }
        Err(self.against(other, "above", "at most"))
    }

    pub(super) fn below(&self, other: &Self) -> Result<(), Fault> {
        if self.value < other.value {
            return Ok(());
        }
        Err(self.against(other, "not below", "less than"))
    }

    fn against(&self, other: &Self, wrong: &str, right: &str) -> Fault {
        let default = if self.is_default { " (the default)" } else { "" };
        let fault = format!("is {self}{default}, {wrong} {} ({other})", other.path);
        Fault::new(self.path.clone(), fault, format!("set it to {right} {other}")).against(other.path.clone())
    }

    /// Refuses what lies on either side of the bounds; what lies on neither side is no number.
    fn within(
        &self,
        bounds: Option<RangeInclusive<T>>,
        kind: &str,
        say: fn(T) -> String,
    ) -> Result<(), Fault> {
        let Some((from, to)) = bounds.map(RangeInclusive::into_inner) else { return Ok(()) };
        let side = match self.value {
            within if within >= from && within <= to => return Ok(()),
            low if low < from => format!(", below {}", say(from)),
            high if high > to => format!(", above {}", say(to)),
            _ => String::new(),
        };
        let cure = format!("set it to {kind} from {} to {}", say(from), say(to));
        Err(Fault::new(self.path.clone(), format!("is {self}{side}"), cure))
    }

    /// The same for what has a unit.
    fn between(&self, bounds: Option<RangeInclusive<T>>, say: fn(T) -> String) -> Result<(), Fault> {
        match bounds.map(RangeInclusive::into_inner) {
            Some((from, to)) if self.value < from || self.value > to => {
                let cure = format!("set it to {} at least and {} at most", say(from), say(to));
                Err(Fault::new(self.path.clone(), format!("is {self}"), cure))
            }
            _ => Ok(()),
        }
    }
}

impl Setting<u32> {
    pub(super) fn in_bounds(&self) -> Result<(), Fault> {
        self.within(whole_bounds(&self.path), "a whole number", |whole| whole.to_string())
    }
}

impl Setting<f64> {
    pub(super) fn in_bounds(&self) -> Result<(), Fault> {
        self.within(number_bounds(&self.path), "a number", decimal)
    }

    /// Above 0 and up to 1.
    pub(super) fn is_proportion(&self) -> Result<(), Fault> {
        let bounded = self.value > 0.0 && self.value <= 1.0;
        if bounded { Ok(()) } else { Err(self.no_share("a share above 0 and up to 1", "0.8 or \"80%\"")) }
    }

    /// From 0 to below 1.
    pub(super) fn is_reserve(&self) -> Result<(), Fault> {
        let bounded = (0.0..1.0).contains(&self.value);
        if bounded { Ok(()) } else { Err(self.no_share("a share from 0 to below 1", "0.2 or \"20%\"")) }
    }

    fn no_share(&self, right: &str, example: &str) -> Fault {
        let percent = decimal((self.value * 10_000.0).round() / 100.0);
        let fault = format!("is {self} ({percent} %), not {right}");
        Fault::new(self.path.clone(), fault, format!("set it to one, such as {example}"))
    }
}

impl Setting<Duration> {
    pub(super) fn in_bounds(&self) -> Result<(), Fault> {
        self.between(duration_bounds(&self.path), lasting)
    }
}

impl Setting<u64> {
    pub(super) fn in_bounds(&self) -> Result<(), Fault> {
        self.between(size_bounds(&self.path), size)
    }
}

impl Display for Setting<u32> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl Display for Setting<f64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.value))
    }
}

impl Display for Setting<Duration> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lasting(self.value))
    }
}

impl Display for Setting<u64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size(self.value))
    }
}

/// A number as people write it, and one that would fill the line in powers of ten.
fn decimal(number: f64) -> String {
    let short = number == 0.0 || !number.is_finite() || (1e-6..1e12).contains(&number.abs());
    if short { number.to_string() } else { format!("{number:e}") }
}

fn lasting(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// A size in the largest unit it is whole in.
fn size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = units.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    whole.map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}
