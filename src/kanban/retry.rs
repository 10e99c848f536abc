//! The settle law: what becomes of an item, on its arrival and after its handler ended.

#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::time::Duration;

use super::broker::Delivery;
use super::outcome::Outcome;
use crate::time::Timestamp;

/// How often, and when, an item is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// A handler fails so often at most, then the item is dead (`attempts`); 5 by default, 0 counts as 1.
    pub max_attempts: u32,
    /// An item is delivered so often at most, then it is dead (`poison`): what ends whole processes never fails in one. The
    /// last time it runs alone, where the broker keeps notes, so that what was on loan together with it is not taken for it;
    /// whatever comes to the limit without having run alone does so once. 20 by default, which leaves room for items given back, as
    /// some brokers count these.
    pub max_deliveries: u32,
    /// After the first failure it waits for up to this, after each further one for up to twice as long; 1 s by default.
    pub base: Duration,
    /// The longest it waits so; 10 min by default, 30 days at most.
    pub cap: Duration,
    /// A handler's time; 1 min by default.
    pub timeout: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            max_deliveries: 20,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(600),
            timeout: Duration::from_secs(60),
        }
    }
}

/// What is done with an item that arrives after its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expired {
    /// It goes to the dead letters. In TOML `"dead_letter"`.
    #[default]
    DeadLetter,
    /// It is removed, counted and logged. In TOML `"drop"`.
    Drop,
}

/// How it went on the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The handler said so.
    Outcome(Outcome),
    /// The handler panicked, with this message.
    Panicked(String),
    /// The handler did not end in time.
    TimedOut(String),
    /// It was not run, or kept from ending by something that is not its fault.
    Interrupted,
}

/// What an end says about that which the domain depends on: for its breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Success,
    Failure,
    Nothing,
}

impl Ended {
    /// In a word, such as `timed_out`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Ended::Outcome(Outcome::Done) => "done",
            Ended::Outcome(Outcome::Retry { .. }) => "retry",
            Ended::Outcome(Outcome::DeadLetter { .. }) => "dead_letter",
            Ended::Panicked(_) => "panicked",
            Ended::TimedOut(_) => "timed_out",
            Ended::Interrupted => "interrupted",
        }
    }

    pub(crate) fn says(&self) -> Says {
        match self {
            Ended::Outcome(Outcome::Done) => Says::Success,
            Ended::Outcome(Outcome::Retry { .. }) | Ended::Panicked(_) | Ended::TimedOut(_) => Says::Failure,
            Ended::Outcome(Outcome::DeadLetter { .. }) | Ended::Interrupted => Says::Nothing,
        }
    }
}

/// What becomes of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is done: recorded, then removed.
    Done,
    /// It comes again after this time, with one failure more.
    Retry { after: Duration, error: String },
    /// It comes again at once, and this cost nothing.
    Release,
    /// It is dead.
    Dead(Cause),
}

/// Why an item is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// In a word, as [`Death::reason`](super::Death::reason).
    pub(crate) reason: &'static str,
    /// The last error.
    pub(crate) error: String,
    /// How often its handler was tried.
    pub(crate) attempts: u32,
}

/// What is done with an item that was just delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is run, after so many failures.
    Run { failures: u32 },
    /// It was delivered again and again without an end, as what ends the process is; so is what was on loan with it.
    Suspect {
        /// Its handler has failed so often.
        failures: u32,
        /// Whether it was delivered as often as it may be already.
        over: bool,
        /// Why it is dead, if it is what ends the process.
        cause: Cause,
    },
    /// It is dead, without being run.
    Dead(Cause),
    /// It is removed, without being run: its deadline has passed, and that is what was wished for.
    Drop,
}

/// The longest wait between two attempts, whoever asks for it.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// What to do with a delivery before it is run.
pub(crate) fn arrival(
    delivery: &Delivery,
    now: Timestamp,
    settings: &RetrySettings,
    expired: Expired,
) -> Arrival {
    let failures = delivery.failures.unwrap_or(delivery.deliveries.saturating_sub(1));
    let dead = |reason, error| Arrival::Dead(Cause { reason, error, attempts: failures });
    if let Some(fault) = &delivery.fault {
        return dead("undecodable", fault.clone());
    }
    let suspect = |over| {
        let times = delivery.deliveries - 1;
        let error = format!("delivered {times} times and not settled: its handler may end the process");
        let cause = Cause { reason: "poison", error, attempts: failures };
        Arrival::Suspect { failures, over, cause }
    };
    if delivery.deliveries > settings.max_deliveries {
        return suspect(true);
    }
    // Only what is known to be failures: an item that was given back now and then is not dead for that.
    if delivery.failures.is_some_and(|failures| failures >= settings.max_attempts.max(1)) {
        return dead("attempts", format!("its handler has failed {failures} times already"));
    }
    if delivery.item.is_expired(now) {
        return late(failures, expired);
    }
    // The last delivery there is, and not each one before it ended in a failure.
    if delivery.deliveries == settings.max_deliveries
        && delivery.failures.is_some_and(|failures| failures.saturating_add(1) < delivery.deliveries)
    {
        return suspect(false);
    }
    Arrival::Run { failures }
}

/// What to do with an item whose deadline passed before it could run.
pub(crate) fn late(failures: u32, expired: Expired) -> Arrival {
    match expired {
        Expired::DeadLetter => Arrival::Dead(Cause {
            reason: "expired",
            error: "its deadline passed before it could run".to_owned(),
            attempts: failures,
        }),
        Expired::Drop => Arrival::Drop,
    }
}

/// What to do with an item after an attempt that `ended` so, `failures` having gone before it. `dice` is from 0 to 1 and
/// spreads attempts that failed at the same time.
pub(crate) fn decide(
    ended: Ended,
    failures: u32,
    deadline: Option<Timestamp>,
    now: Timestamp,
    settings: &RetrySettings,
    dice: f64,
) -> Decision {
    let attempts = failures.saturating_add(1);
    let dead = |reason, error| Decision::Dead(Cause { reason, error, attempts });
    let (after, error) = match ended {
        Ended::Outcome(Outcome::Done) => return Decision::Done,
        Ended::Outcome(Outcome::DeadLetter { reason }) => return dead("permanent", reason),
        Ended::Interrupted => return Decision::Release,
        Ended::Outcome(Outcome::Retry { after, error }) => (after, error),
        Ended::Panicked(message) => (None, format!("the handler panicked: {message}")),
        Ended::TimedOut(error) => {
            (None, format!("the handler did not end within {:?}: {error}", settings.timeout))
        }
    };
    if attempts >= settings.max_attempts {
        return dead("attempts", error);
    }
    let after = after.map_or_else(|| backoff(attempts, settings, dice), |after| after.min(LONGEST));
    if deadline.is_some_and(|deadline| now.after(after) >= deadline) {
        return dead("expired", error);
    }
    Decision::Retry { after, error }
}

/// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015): after the `n`th failure anything
/// up to `base * 2^(n-1)`, or `cap` if that is less.
fn backoff(n: u32, settings: &RetrySettings, dice: f64) -> Duration {
    // Below 2^52, so that a shift by up to 63 fits.
    let base = settings.base.min(LONGEST).as_nanos();
    let ceiling = (base << n.saturating_sub(1).min(63)).min(settings.cap.min(LONGEST).as_nanos());
    let ceiling = Duration::from_nanos(u64::try_from(ceiling).unwrap_or(u64::MAX));
    let dice = if dice.is_nan() { 0.0 } else { dice.clamp(0.0, 1.0) };
    ceiling.mul_f64(dice).min(ceiling)
}
