//! The law: which of two brokers is published to. Pure: what was seen and when goes in, where to publish comes out.
//!
//! ```text
//!            failures or bad probes in a row, the fallback well
//!  Primary ----------------------------------------------------> Fallback (hold)
//!     ^                                                          |   ^    |
//!     |   the fallback fails as well, and the primary is well    |   |    | hold over, good probes in a row
//!     +----------------------------------------------------------+   |    v
//!     |                          canary failed (hold doubled), or a  |  Canary
//!     |                                          probe of the primary+----+
//!     +------------------------------------------------------------- canary confirmed
//! ```

use std::fmt;
use std::time::Duration;

use super::settings::FailoverSettings;
use crate::time::Moment;

/// Which of the two brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerRole {
    /// The one that is published to while it works.
    Primary,
    /// The one that is published to while the primary fails.
    Fallback,
}

impl BrokerRole {
    /// Both, each at its own position.
    pub const ALL: [Self; 2] = [BrokerRole::Primary, BrokerRole::Fallback];

    /// The name used in metrics and reports: `primary` or `fallback`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BrokerRole::Primary => "primary",
            BrokerRole::Fallback => "fallback",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            BrokerRole::Primary => BrokerRole::Fallback,
            BrokerRole::Fallback => BrokerRole::Primary,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for BrokerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where publishing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailoverState {
    /// With the primary.
    Primary,
    /// With the fallback, until the hold is over and probes of the primary were good.
    Fallback {
        /// The end of the hold.
        hold_until: Moment,
    },
    /// With the fallback still, but the next publish goes to the primary, and its confirmation moves all of them back.
    Canary {
        /// Since when the canary is under way.
        out: Option<Moment>,
    },
}

impl FailoverState {
    /// The names of all states.
    pub const NAMES: [&'static str; 3] = ["primary", "fallback", "canary"];

    /// The name used in metrics and reports: `primary`, `fallback` or `canary`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FailoverState::Primary => "primary",
            FailoverState::Fallback { .. } => "fallback",
            FailoverState::Canary { .. } => "canary",
        }
    }
}

/// Why publishing moved, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Publishes(u32),
    Probes(u32),
    HoldOver(u32),
    CanaryConfirmed,
    CanaryFailed,
    ProbeFailed,
    FallbackFailed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Publishes(n) => write!(f, "{n} publishes in a row failed"),
            Why::Probes(n) => write!(f, "{n} probes in a row failed"),
            Why::HoldOver(n) => write!(f, "the hold is over and {n} probes in a row were good"),
            Why::CanaryConfirmed => f.write_str("the primary confirmed the canary"),
            Why::CanaryFailed => f.write_str("the primary did not confirm the canary"),
            Why::ProbeFailed => f.write_str("a probe of the primary failed"),
            Why::FallbackFailed => f.write_str("the fallback failed as well, and the primary works"),
        }
    }
}

/// A step of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: FailoverState,
    pub(super) to: FailoverState,
    pub(super) why: Why,
}

/// Where a publish goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) to: BrokerRole,
    /// It is the one whose confirmation decides.
    pub(super) canary: bool,
    /// What the law counted its changes to: a failure of before one says nothing after it.
    pub(super) turn: u64,
}

/// A canary of which nothing was heard for so long is lost, and another one may go.
const LOST: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(super) struct Law {
    settings: FailoverSettings,
    state: FailoverState,
    hold: Duration,
    failed_back: Option<Moment>,
    heard: [Heard; 2],
    turn: u64,
}

/// What was heard of a broker, each in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    failures: u32,
    bad_probes: u32,
    good_probes: u32,
}

impl Heard {
    fn is_bad(self) -> bool {
        self.failures > 0 || self.bad_probes > 0
    }
}

impl Law {
    pub(super) fn new(settings: FailoverSettings) -> Self {
        let settings = settings.sensible();
        Self {
            settings,
            state: FailoverState::Primary,
            hold: settings.hold,
            failed_back: None,
            heard: [Heard::default(); 2],
            turn: 0,
        }
    }

    pub(super) fn state(&self) -> FailoverState {
        self.state
    }

    pub(super) fn hold(&self) -> Duration {
        self.hold
    }

    /// The broker that is published to.
    pub(super) fn active(&self) -> BrokerRole {
        if self.state == FailoverState::Primary { BrokerRole::Primary } else { BrokerRole::Fallback }
    }

    /// Whether the last that was heard of it is bad.
    pub(super) fn is_bad(&self, role: BrokerRole) -> bool {
        self.heard[role.index()].is_bad()
    }

    /// Where the next publish goes.
    pub(super) fn route(&mut self, now: Moment) -> Route {
        let mut route = Route { to: self.active(), canary: false, turn: self.turn };
        if let FailoverState::Canary { out } = &mut self.state
            && out.is_none_or(|since| now.since(since) >= LOST)
        {
            *out = Some(now);
            (route.to, route.canary) = (BrokerRole::Primary, true);
        }
        route
    }

    /// A broker confirmed a publish, or failed to; `turn` is that of the publish's route.
    pub(super) fn published(
        &mut self,
        role: BrokerRole,
        turn: u64,
        good: bool,
        now: Moment,
    ) -> Option<Change> {
        let heard = &mut self.heard[role.index()];
        if good {
            (heard.failures, heard.bad_probes) = (0, 0);
        } else if turn == self.turn {
            heard.failures = heard.failures.saturating_add(1);
            heard.good_probes = 0;
        } else {
            return None;
        }
        if role == BrokerRole::Primary && matches!(self.state, FailoverState::Canary { .. }) {
            return Some(if good {
                self.fail_back(Why::CanaryConfirmed, now)
            } else {
                self.canary_failed(now)
            });
        }
        self.judge(now)
    }

    /// A broker answered a probe, or did not. To be told at the pace of [`FailoverSettings::probe_every`].
    pub(super) fn probed(&mut self, role: BrokerRole, good: bool, now: Moment) -> Option<Change> {
        let active = self.active();
        let heard = &mut self.heard[role.index()];
        if good {
            heard.good_probes = heard.good_probes.saturating_add(1);
            heard.bad_probes = 0;
            // Nothing is published to it that could make up for failures of before.
            if role != active && heard.good_probes >= self.settings.good_probes {
                heard.failures = 0;
            }
        } else {
            heard.bad_probes = heard.bad_probes.saturating_add(1);
            heard.good_probes = 0;
        }
        if role == BrokerRole::Primary && !good && matches!(self.state, FailoverState::Canary { .. }) {
            return Some(self.go(FailoverState::Fallback { hold_until: now }, Why::ProbeFailed));
        }
        self.judge(now)
    }

    fn judge(&mut self, now: Moment) -> Option<Change> {
        let [primary, fallback] = self.heard;
        match self.state {
            FailoverState::Primary => {
                let why = self.has_failed(primary)?;
                // Out of the frying pan into the fire: not so.
                (!fallback.is_bad()).then(|| self.trip(why, now))
            }
            FailoverState::Fallback { .. } | FailoverState::Canary { .. }
                if self.has_failed(fallback).is_some() && !primary.is_bad() =>
            {
                Some(self.fail_back(Why::FallbackFailed, now))
            }
            FailoverState::Fallback { hold_until }
                if hold_until <= now && primary.good_probes >= self.settings.good_probes =>
            {
                Some(self.go(FailoverState::Canary { out: None }, Why::HoldOver(primary.good_probes)))
            }
            FailoverState::Fallback { .. } | FailoverState::Canary { .. } => None,
        }
    }

    fn has_failed(&self, heard: Heard) -> Option<Why> {
        if heard.failures >= self.settings.failures {
            Some(Why::Publishes(heard.failures))
        } else {
            (heard.bad_probes >= self.settings.bad_probes).then_some(Why::Probes(heard.bad_probes))
        }
    }

    fn trip(&mut self, why: Why, now: Moment) -> Change {
        let again = self.failed_back.is_some_and(|at| now.since(at) <= self.settings.again_within);
        self.hold = if again { self.doubled() } else { self.settings.hold };
        self.heard[BrokerRole::Primary.index()].good_probes = 0;
        self.go(FailoverState::Fallback { hold_until: now.after(self.hold) }, why)
    }

    fn canary_failed(&mut self, now: Moment) -> Change {
        self.hold = self.doubled();
        self.go(FailoverState::Fallback { hold_until: now.after(self.hold) }, Why::CanaryFailed)
    }

    fn fail_back(&mut self, why: Why, now: Moment) -> Change {
        self.failed_back = Some(now);
        self.go(FailoverState::Primary, why)
    }

    fn doubled(&self) -> Duration {
        self.hold.saturating_mul(2).min(self.settings.hold_most)
    }

    fn go(&mut self, to: FailoverState, why: Why) -> Change {
        self.turn += 1;
        Change { from: std::mem::replace(&mut self.state, to), to, why }
    }
}
