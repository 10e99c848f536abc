//! What the law of bursts says, and why.

use std::fmt;
use std::time::Duration;

use super::detector::Detection;

/// How far the handling of bursts has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The first minute, in which nobody knows what load is usual.
    #[default]
    Learning,
    /// Nothing unusual; the next burst starts a surge.
    Watching,
    /// A burst is being answered: every pool has more workers, and none may shrink.
    Surging,
    /// The pools give their surge workers back, one at a time.
    Returning,
    /// The last one was given back a moment ago.
    Cooling,
    /// Switched off: bursts are seen and not answered.
    Off,
}

impl Phase {
    /// The name used in status and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Learning => "learning",
            Phase::Watching => "watching",
            Phase::Surging => "surging",
            Phase::Returning => "returning",
            Phase::Cooling => "cooling",
            Phase::Off => "off",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a [`Decision`] is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// The usual load is not known yet.
    Learning,
    /// No burst.
    Quiet,
    /// No burst, and it is switched off.
    Off,
    /// A burst: the surge starts.
    Detected,
    /// The lease runs.
    Leased,
    /// The lease ended, the burst did not: another lease.
    Renewed,
    /// The lease ended, and so had the burst: the return starts.
    Gone,
    /// The burst lasts, but no renewal is left: the return starts, and the load may become the usual one.
    Spent,
    /// Switched off during a surge: the return starts.
    SwitchedOff,
    /// Workers are being given back.
    Returning,
    /// The time between surges runs.
    Cooling,
    /// A burst, not answered: it is switched off.
    DeniedOff,
    /// A burst, not answered: the workers of the last one are still being given back.
    DeniedReturning,
    /// A burst, not answered: the time between surges runs.
    DeniedCooling,
    /// The burst that used up its renewals lasts, and is not answered a second time.
    DeniedLasting,
}

impl Rule {
    /// Whether a burst was seen and not answered.
    pub(crate) const fn denies(self) -> bool {
        matches!(self, Rule::DeniedOff | Rule::DeniedReturning | Rule::DeniedCooling | Rule::DeniedLasting)
    }
}

/// What is to be done about bursts now. Written out, it is one line that says why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decision {
    /// How far it has come.
    pub(crate) phase: Phase,
    /// Surge workers that each pool should have now.
    pub(crate) extra: u32,
    /// Why.
    pub(crate) rule: Rule,
    /// What was seen of the load.
    pub(crate) detection: Detection,
    /// Until the baseline is known, the lease or the cooldown ends, or the next worker is given back; zero if nothing is waited for.
    pub(crate) left: Duration,
    /// Surge workers that all pools together have.
    pub(crate) surge_workers: u32,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Decision { extra, rule, detection, surge_workers, .. } = self;
        let left = self.left.as_secs_f64().ceil();
        let burst = format_args!("burst within {} s", detection.window.unwrap_or_default().as_secs());
        match rule {
            Rule::Learning => {
                let current = detection.current;
                return write!(f, "learning the usual load for another {left} s: {current:.1}/s now");
            }
            Rule::Quiet => f.write_str("no burst"),
            Rule::Off => f.write_str("switched off"),
            Rule::Detected => write!(f, "{burst}: {extra} more workers per pool for {left} s"),
            Rule::Leased => write!(f, "surge: {extra} more workers per pool for another {left} s"),
            Rule::Renewed => write!(f, "the burst lasts: {extra} more workers per pool for another {left} s"),
            Rule::Gone => write!(f, "the burst is over: returning to {extra} more workers per pool"),
            Rule::Spent => {
                write!(
                    f,
                    "the burst lasts, its renewals are used up: returning to {extra} more workers per pool"
                )
            }
            Rule::SwitchedOff => write!(f, "switched off: returning to {extra} more workers per pool"),
            Rule::Returning if extra == 0 => {
                write!(f, "returning: {surge_workers} surge workers are still out")
            }
            Rule::Returning => {
                write!(f, "returning: {extra} more workers per pool, one less in {left} s")
            }
            Rule::Cooling => write!(f, "cooldown for another {left} s"),
            Rule::DeniedOff => write!(f, "{burst} denied: switched off"),
            Rule::DeniedReturning => {
                write!(f, "{burst} denied: {surge_workers} surge workers are still to be returned")
            }
            Rule::DeniedCooling => write!(f, "{burst} denied: cooldown for another {left} s"),
            Rule::DeniedLasting => {
                f.write_str("burst denied: it has used up its renewals, and must end or become usual")
            }
        }?;
        write!(f, "; {detection}")
    }
}
