//! Time as a seam: a monotonic clock for services and one set by hand for tests.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A point in time: nanoseconds since the origin of the [`Clock`] that gave it.
///
/// Moments of different clocks must not be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this moment, 0 if `earlier` is later.
    #[must_use]
    pub const fn nanos_since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time from `earlier` to this moment, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// This moment less `duration`, not before the clock's origin.
    #[must_use]
    pub(crate) fn before(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// This moment plus `duration`, capped after 584 years.
    #[must_use]
    pub fn after(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A point in time as calendars have it: milliseconds since the beginning of 1970, in UTC.
///
/// What crosses processes and restarts carries these, since a [`Moment`] means nothing to another process. They come from the
/// system's clock, which may be set: durations within one process are measured by moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The timestamp `millis` milliseconds after the beginning of 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This plus `duration`, to the millisecond.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    /// What lies before 1970 becomes 1970.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::default().after(since)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        SystemTime::UNIX_EPOCH + Duration::from_millis(time.0.min(i64::MAX as u64))
    }
}

impl fmt::Display for Timestamp {
    /// As RFC 3339 has it, such as `2026-11-22T02:30:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis((*self).min(LAST_PRINTABLE).into()).fmt(f)
    }
}

/// The end of the year 9999, where RFC 3339 ends.
const LAST_PRINTABLE: Timestamp = Timestamp(253_402_300_799_999);

/// Gives the time. Cloning is cheap and clones agree with each other.
///
/// [`Clock::monotonic`] reads the processor's time-stamp counter where it is invariant (a few nanoseconds),
/// and the system's monotonic clock elsewhere.
#[derive(Clone, Debug)]
pub struct Clock {
    source: quanta::Clock,
    origin: u64,
    /// What calendars showed at the origin; `None` to ask the system each time.
    calendar: Option<Timestamp>,
    pace: Pace,
}

/// How fast a clock goes beside real time.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// So many times as fast.
    Times(u32),
    /// It stands still until it is moved.
    ByHand,
}

/// What the calendar of a clock moved by hand shows at its origin: the beginning of 2026.
const MANUAL_ORIGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A clock moved by hand is looked at so often by whoever waits for it.
const LOOK: Duration = Duration::from_millis(1);

/// The processor's counter. Made once: to make it asks the processor what it can, and under a hypervisor that takes 8 µs.
fn counter() -> quanta::Clock {
    static COUNTER: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);
    COUNTER.clone()
}

impl Clock {
    /// The real time. The first call of a process calibrates the counter, which takes up to 200 ms.
    #[must_use]
    pub fn monotonic() -> Self {
        Self::starting_now(counter(), Pace::Times(1))
    }

    /// A clock that goes `times` as fast as real time (0 counts as 1), so that what takes minutes can be watched in
    /// seconds: for tests and rehearsals.
    ///
    /// Work still takes its real time, which this clock shows as `times` as long.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let clock = heijunka::Clock::compressed(1000);
    /// let start = clock.now();
    /// std::thread::sleep(Duration::from_millis(1));
    /// assert!(clock.now().since(start) >= Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn compressed(times: u32) -> Self {
        Self::starting_now(counter(), Pace::Times(times.max(1)))
    }

    /// A clock that stands still until its [`ManualTime`] moves it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (clock, time) = heijunka::Clock::manual();
    /// let start = clock.now();
    /// time.advance(Duration::from_secs(3600));
    /// assert_eq!(clock.now().since(start), Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub fn manual() -> (Self, ManualTime) {
        let (source, mock) = quanta::Clock::mock();
        (Self::starting_now(source, Pace::ByHand), ManualTime(mock))
    }

    fn starting_now(source: quanta::Clock, pace: Pace) -> Self {
        let origin = source.raw();
        let calendar = match pace {
            Pace::Times(1) => None,
            Pace::Times(_) => Some(SystemTime::now().into()),
            Pace::ByHand => Some(MANUAL_ORIGIN),
        };
        Self { source, origin, calendar, pace }
    }

    /// What calendars show now: the system's clock, which may be set at any time. A clock that is compressed or moved by
    /// hand has a calendar that goes with it; the latter begins with the year 2026.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        match self.calendar {
            None => SystemTime::now().into(),
            Some(origin) => origin.after(Duration::from_nanos(self.now().as_nanos())),
        }
    }

    /// How much real time somebody may sleep who waits for `moment`.
    pub(crate) fn real_time_until(&self, moment: Moment) -> Duration {
        match self.pace {
            Pace::Times(times) => moment.since(self.now()) / times,
            Pace::ByHand => LOOK,
        }
    }

    /// The present moment. Wait-free; 10 ns or so with a time-stamp counter.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Moment {
        let real = self.source.delta_as_nanos(self.origin, self.source.raw());
        match self.pace {
            Pace::Times(1) | Pace::ByHand => Moment(real),
            Pace::Times(times) => Moment(real.saturating_mul(u64::from(times))),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::monotonic()
    }
}

/// Moves a [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct ManualTime(Arc<quanta::Mock>);

impl ManualTime {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.increment(by);
    }
}

/// A point in real time until which somebody waits, whatever the clock of the runtime shows.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    clock: Clock,
    since: Moment,
    at: Moment,
}

impl Deadline {
    pub(crate) fn after(patience: Duration) -> Self {
        let clock = Clock::monotonic();
        let since = clock.now();
        Self { at: since.after(patience), since, clock }
    }

    pub(crate) fn passed(&self) -> bool {
        self.left().is_zero()
    }

    /// How long ago the wait began.
    pub(crate) fn waited(&self) -> Duration {
        self.clock.now().since(self.since)
    }

    pub(crate) fn left(&self) -> Duration {
        self.at.since(self.clock.now())
    }
}
