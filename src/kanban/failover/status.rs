//! What there is to see of a failover.

use std::time::Duration;

use super::law::{BrokerRole, FailoverState};
use crate::time::Timestamp;

/// Which of two brokers is published to, why, and how both fare.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailoverStatus {
    /// Where publishing stands.
    pub state: FailoverState,
    /// Since when.
    pub since: Timestamp,
    /// Why; `start` if it never moved.
    pub reason: String,
    /// How long publishing is held with the fallback when the primary fails: doubled when it does so again soon.
    pub hold: Duration,
    /// How often publishing moved to the fallback.
    pub trips: u64,
    /// How often it moved back.
    pub fail_backs: u64,
    /// Canaries that the primary did not confirm.
    pub canaries_failed: u64,
    /// The two brokers, as in [`BrokerRole::ALL`].
    pub brokers: [FailoverBroker; 2],
}

/// One of the two brokers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailoverBroker {
    /// Which.
    pub role: BrokerRole,
    /// Its kind: `nats`, `amqp`.
    pub name: &'static str,
    /// What it fails with; `None` while it works.
    pub fault: Option<String>,
    /// Whether consumers leave it alone for now, since it failed them.
    pub resting: bool,
    /// Items it confirmed, those that were there already included.
    pub stored: u64,
    /// Items it did not confirm when they were sent; the other may have taken them.
    pub failed: u64,
    /// Items of unknown outcome that were sent to it once more under the same id.
    pub repeated: u64,
    /// Items pulled from it.
    pub pulled: u64,
    /// Probes that were answered.
    pub good_probes: u64,
    /// Probes that were not.
    pub bad_probes: u64,
}

impl FailoverStatus {
    /// The broker that is published to.
    #[must_use]
    pub fn active(&self) -> &FailoverBroker {
        &self.brokers[usize::from(self.state != FailoverState::Primary)]
    }
}
