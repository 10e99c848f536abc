//! What failover goes by.

use std::time::Duration;

/// When publishing moves from the primary broker to the fallback, and when it moves back.
///
/// Times of the law are those of the [`Clock`](crate::Clock) that the [`Failover`](super::Failover) was given; what a call may
/// take is real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailoverSettings {
    /// So many publishes in a row that fail move publishing to the other broker; 3 by default, 0 counts as 1.
    pub failures: u32,
    /// So many probes in a row that fail do so, too; 2 by default, 0 counts as 1.
    pub bad_probes: u32,
    /// How often a broker is probed; 5 s by default, at least 10 ms.
    pub probe_every: Duration,
    /// How long a probe may take; 2 s by default.
    pub probe_within: Duration,
    /// How long publishing stays with the fallback at least; 30 s by default.
    pub hold: Duration,
    /// The hold doubles, up to this, each time the primary fails again; 5 min by default.
    pub hold_most: Duration,
    /// Again means so soon after publishing moved back; 10 min by default.
    pub again_within: Duration,
    /// So many probes in a row must be good before a canary is published to the primary; 3 by default, 0 counts as 1.
    pub good_probes: u32,
    /// How long one broker may keep a consumer waiting while the other works; 1 s by default. The first call that takes longer is
    /// the last one, until a probe is answered.
    pub patience: Duration,
}

impl Default for FailoverSettings {
    fn default() -> Self {
        Self {
            failures: 3,
            bad_probes: 2,
            probe_every: Duration::from_secs(5),
            probe_within: Duration::from_secs(2),
            hold: Duration::from_secs(30),
            hold_most: Duration::from_secs(300),
            again_within: Duration::from_secs(600),
            good_probes: 3,
            patience: Duration::from_secs(1),
        }
    }
}

impl FailoverSettings {
    /// What would make no sense, set right.
    pub(super) fn sensible(self) -> Self {
        Self {
            failures: self.failures.max(1),
            bad_probes: self.bad_probes.max(1),
            good_probes: self.good_probes.max(1),
            probe_every: self.probe_every.max(Duration::from_millis(10)),
            hold_most: self.hold_most.max(self.hold),
            ..self
        }
    }
}
