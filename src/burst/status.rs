//! The handling of bursts at a glance.

use super::surge::State;
use super::{Burst, Detection, Ledger, Phase, Settings};
use crate::time::Moment;

/// The handling of bursts, as it was at its last step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BurstStatus {
    /// Whether bursts are answered.
    pub enabled: bool,
    /// Whether a surge is going on: its workers are lent, or still being returned.
    pub in_surge: bool,
    /// How far it has come.
    pub phase: Phase,
    /// The usual load, in arrivals per second: the average of what is older than a minute and belonged to no surge, where the
    /// last 10 minutes or so count most. 0 in the first minute, while it is not known.
    pub baseline_load: f64,
    /// The present load, in arrivals per second: of the last 6 seconds.
    pub current_load: f64,
    /// The present load over the usual one; 0 while that is not known. Always finite: where next to nothing is usual, it is
    /// compared with what the floor stands for.
    pub load_ratio: f64,
    /// The ratio that makes a burst.
    pub threshold: f64,
    /// Surge workers that each pool should have now.
    pub extra: u32,
    /// When the lease ends, during one.
    pub lease_end: Option<Moment>,
    /// When the next surge is possible, during a cooldown.
    pub cooldown_end: Option<Moment>,
    /// How often the present lease was renewed.
    pub renewals: u32,
    /// Surges since the start.
    pub surge_count: u64,
    /// What they cost, in seconds of an ordinary worker.
    pub total_cost: f64,
    /// What they cost and were good for, in full.
    pub ledger: Ledger,
}

impl BurstStatus {
    pub(crate) fn new(burst: &Burst, settings: &Settings, ledger: &Ledger, last: Detection) -> Self {
        let phase = burst.phase(settings.enabled);
        let (lease_end, cooldown_end, renewals) = match burst.surge.state {
            State::Surging { until, renewals, .. } => (Some(until), None, renewals),
            State::Cooling { until, .. } => (None, Some(until), 0),
            State::Idle | State::Returning { .. } => (None, None, 0),
        };
        Self {
            enabled: settings.enabled,
            in_surge: matches!(phase, Phase::Surging | Phase::Returning),
            phase,
            baseline_load: last.baseline,
            current_load: last.current,
            load_ratio: last.ratio,
            threshold: settings.threshold,
            extra: burst.surge.extra(),
            lease_end,
            cooldown_end,
            renewals,
            surge_count: ledger.surges,
            total_cost: ledger.cost,
            ledger: ledger.clone(),
        }
    }
}
