//! The law of surges: workers are lent for a while, and always come back.

use std::time::Duration;

use super::Settings;
use super::decision::Rule;
use super::detector::Detection;
use crate::law::Law;
use crate::time::Moment;

/// What the law looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) settings: Settings,
    pub(super) detection: Detection,
    /// Until the baseline is known, if it is not.
    pub(super) learns_for: Option<Duration>,
    pub(super) surge_workers: u32,
}

impl Seen {
    /// Whether the load is still unusual: half of what makes a burst, so that a load at the threshold does not come and go.
    /// For a threshold below 4 half would be next to the usual load or below it; the square root lies between the two.
    fn lasts(&self) -> bool {
        let threshold = self.settings.threshold;
        self.detection.ratio >= f64::max(threshold / 2.0, threshold.sqrt())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Idle,
    Surging {
        extra: u32,
        until: Moment,
        renewals: u32,
    },
    Returning {
        extra: u32,
        /// When the next worker goes.
        next: Moment,
        spent: bool,
    },
    Cooling {
        until: Moment,
        /// The burst used up its renewals, and has not been seen to end.
        spent: bool,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Surge {
    pub(super) state: State,
    /// When the last surge began to be returned.
    ended: Option<Moment>,
}

impl Surge {
    /// Whether what arrives now must not enter the baseline: until the last worker was asked back, unless the renewals are used up, which
    /// means that the burst may be the new usual load. A worker that does not come back does not keep the baseline frozen.
    pub(super) fn freezes(&self) -> bool {
        match self.state {
            State::Surging { .. } => true,
            State::Returning { extra, spent, .. } => extra > 0 && !spent,
            State::Idle | State::Cooling { .. } => false,
        }
    }

    pub(super) fn extra(&self) -> u32 {
        match self.state {
            State::Surging { extra, .. } | State::Returning { extra, .. } => extra,
            State::Idle | State::Cooling { .. } => 0,
        }
    }

    /// How long until the state may change by itself.
    pub(super) fn left(&self, now: Moment) -> Duration {
        match self.state {
            State::Surging { until, .. } | State::Cooling { until, .. } => until.since(now),
            State::Returning { extra: 1.., next, .. } => next.since(now),
            State::Idle | State::Returning { .. } => Duration::ZERO,
        }
    }

    /// Whether there is a burst, and not merely the rest of one that was answered: its window began after that surge.
    fn sees_a_burst(&self, seen: &Seen, now: Moment) -> bool {
        // A window may reach back one second more than its length, if it ends with the last complete second.
        const MORE: Duration = Duration::from_secs(1);
        let is_new = |window: Duration| self.ended.is_none_or(|ended| window + MORE <= now.since(ended));
        seen.learns_for.is_none() && seen.detection.window.is_some_and(is_new)
    }
}

impl Law for Surge {
    type Sample = Seen;
    type Decision = Rule;

    fn step(&mut self, seen: &Seen, now: Moment) -> Rule {
        let burst = self.sees_a_burst(seen, now);
        let (state, rule) = match self.state {
            State::Idle => idle(seen, burst, now),
            State::Surging { until, renewals, extra } => surging(seen, extra, until, renewals, now),
            State::Returning { extra, next, spent } => returning(seen, burst, extra, next, spent, now),
            State::Cooling { until, spent } => cooling(seen, burst, until, spent, now),
        };
        if matches!(rule, Rule::Gone | Rule::Spent | Rule::SwitchedOff) {
            self.ended = Some(now);
        }
        self.state = state;
        rule
    }
}

fn idle(seen: &Seen, burst: bool, now: Moment) -> (State, Rule) {
    let Settings { enabled, workers, lease, .. } = seen.settings;
    if burst && enabled {
        let until = now.after(lease);
        return (State::Surging { extra: workers, until, renewals: 0 }, Rule::Detected);
    }
    let rule = match (enabled, seen.learns_for) {
        (false, _) if burst => Rule::DeniedOff,
        (false, _) => Rule::Off,
        (true, Some(_)) => Rule::Learning,
        (true, None) => Rule::Quiet,
    };
    (State::Idle, rule)
}

fn surging(seen: &Seen, extra: u32, until: Moment, renewals: u32, now: Moment) -> (State, Rule) {
    let Settings { enabled, workers, lease, return_every, .. } = seen.settings;
    // Counted from the end of the last lease, so that all of them together are never longer than they may be.
    let renewed = until.after(lease);
    let rule = if !enabled {
        Rule::SwitchedOff
    } else if now < until {
        Rule::Leased
    } else if !seen.lasts() {
        Rule::Gone
    } else if renewals < seen.settings.renewals && now < renewed {
        Rule::Renewed
    } else {
        Rule::Spent
    };
    let state = match rule {
        Rule::Leased => State::Surging { extra: workers, until, renewals },
        Rule::Renewed => State::Surging { extra: workers, until: renewed, renewals: renewals + 1 },
        _ => State::Returning {
            extra: extra.min(workers).saturating_sub(1),
            next: now.after(return_every),
            spent: rule == Rule::Spent,
        },
    };
    (state, rule)
}

fn returning(seen: &Seen, burst: bool, extra: u32, next: Moment, spent: bool, now: Moment) -> (State, Rule) {
    let Settings { workers, return_every, cooldown, .. } = seen.settings;
    if extra == 0 && seen.surge_workers == 0 {
        let rule = if burst { Rule::DeniedCooling } else { Rule::Cooling };
        return (State::Cooling { until: now.after(cooldown), spent }, rule);
    }
    let extra = extra.min(workers);
    let state = if now < next {
        State::Returning { extra, next, spent }
    } else {
        State::Returning { extra: extra.saturating_sub(1), next: now.after(return_every), spent }
    };
    (state, if burst { Rule::DeniedReturning } else { Rule::Returning })
}

fn cooling(seen: &Seen, burst: bool, until: Moment, spent: bool, now: Moment) -> (State, Rule) {
    let spent = spent && seen.lasts();
    if now < until {
        (State::Cooling { until, spent }, if burst { Rule::DeniedCooling } else { Rule::Cooling })
    } else if spent {
        (State::Cooling { until, spent }, Rule::DeniedLasting)
    } else {
        idle(seen, burst, now)
    }
}
