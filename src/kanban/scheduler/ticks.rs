//! The ticks of a schedule: a cron expression or an interval, understood.

use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;

use super::error::ScheduleError;
use super::expression;
use super::schedule::When;
use crate::time::Timestamp;

/// When a schedule fires. Everything follows from [`next`](Self::next); no search goes backward, so that there is one opinion.
#[derive(Clone, Debug)]
pub(super) enum Ticks {
    Cron { cron: Box<Cron>, zone: TimeZone },
    Every { millis: u64 },
}

/// Ticks that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The latest.
    pub(super) tick: Timestamp,
    /// How many came before it; of a cron expression counted up to [`COUNTED`].
    pub(super) missed: u64,
    /// Whether it follows the time that was asked about without another one between.
    pub(super) is_next: bool,
}

/// Ticks that were missed are counted one by one so far.
const COUNTED: u64 = 100;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl Ticks {
    /// Understands it, or says what is wrong. It must fire at least once after `now`.
    pub(super) fn new(when: &When, now: Timestamp) -> Result<Self, ScheduleError> {
        match when {
            When::Every(every) => {
                let whole = every.subsec_nanos().is_multiple_of(1_000_000);
                match u64::try_from(every.as_millis()) {
                    Ok(millis) if whole && (SHORTEST..=LONGEST).contains(every) => {
                        Ok(Ticks::Every { millis })
                    }
                    _ => Err(ScheduleError::Interval(*every)),
                }
            }
            When::Cron { expression, zone } => {
                let cron = Box::new(expression::parse(expression)?);
                let ticks = Ticks::Cron { cron, zone: find_zone(zone)? };
                match ticks.next(now) {
                    Some(_) => Ok(ticks),
                    None => Err(ScheduleError::Never(expression.clone())),
                }
            }
        }
    }

    /// The first tick after this time; none if there is none before the year 5000.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.as_millis();
        match self {
            Ticks::Every { millis } => (after / millis + 1).checked_mul(*millis).map(Timestamp::from_millis),
            Ticks::Cron { cron, zone } => {
                let second = i64::try_from(after / 1000).ok()?;
                let start = jiff::Timestamp::from_second(second).ok()?.to_zoned(zone.clone());
                let next = cron.find_next_occurrence(&start, false).ok()?;
                let next = u64::try_from(next.timestamp().as_second()).ok()? * 1000;
                // Nothing may depend on another crate's search to make progress.
                (next > after).then_some(Timestamp::from_millis(next))
            }
        }
    }

    /// The latest tick after the one and up to the other time, if there is one.
    pub(super) fn due(&self, after: Timestamp, now: Timestamp) -> Option<Due> {
        let up_to_now = |time: Timestamp| self.next(time).filter(|tick| *tick <= now);
        let mut tick = up_to_now(after)?;
        if let Ticks::Every { millis } = self {
            let latest = now.as_millis() / millis * millis;
            let missed = (latest - tick.as_millis()) / millis;
            return Some(Due { tick: Timestamp::from_millis(latest), missed, is_next: missed == 0 });
        }
        for missed in 0..COUNTED {
            match up_to_now(tick) {
                Some(next) => tick = next,
                None => return Some(Due { tick, missed, is_next: missed == 0 }),
            }
        }
        Some(Due { tick: self.latest(tick, now), missed: COUNTED, is_next: false })
    }

    /// The latest tick up to now, of which `tick` is one, by halving.
    fn latest(&self, tick: Timestamp, now: Timestamp) -> Timestamp {
        let next_of =
            |second: u64| self.next(Timestamp::from_millis(second * 1000)).filter(|tick| *tick <= now);
        // Something comes by now after the one, nothing after the other.
        let (mut some, mut none) = (tick.as_millis() / 1000 - 1, now.as_millis() / 1000);
        while none - some > 1 {
            let middle = some + (none - some) / 2;
            match next_of(middle) {
                Some(_) => some = middle,
                None => none = middle,
            }
        }
        next_of(some).unwrap_or(tick)
    }
}

fn find_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| ScheduleError::Zone(name.chars().take(100).collect()))
}
