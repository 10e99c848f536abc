//! Two brokers as one.

use std::time::Duration;

use serde::Deserialize;

use super::BrokerKind;
use crate::kanban::FailoverSettings;
use crate::runtime::config::values;

/// Which two brokers, and when publishing moves from one to the other: TOML table `[broker.failover]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct FailoverConfig {
    /// The broker that is published to while it works. Default [`BrokerKind::Nats`].
    pub primary: BrokerKind,
    /// The one that is published to meanwhile; another one. Default [`BrokerKind::Amqp`].
    pub fallback: BrokerKind,
    /// So many publishes in a row that fail move publishing, 1 to 1000. Default 3.
    pub failures: u32,
    /// So many probes in a row that fail do so, too, 1 to 1000. Default 2.
    pub bad_probes: u32,
    /// How often a broker is probed, 10 ms to 1 h. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub probe_every: Duration,
    /// How long a probe may take, 10 ms to 1 min. Default 2 s.
    #[serde(deserialize_with = "values::lasting")]
    pub probe_within: Duration,
    /// How long publishing stays with the fallback at least, 10 ms to `hold_most`. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub hold: Duration,
    /// The hold doubles, up to this, each time the primary fails again, 10 ms to 24 h. Default 5 min.
    #[serde(deserialize_with = "values::lasting")]
    pub hold_most: Duration,
    /// Again means so soon after publishing moved back, 0 to 24 h. Default 10 min.
    #[serde(deserialize_with = "values::lasting")]
    pub again_within: Duration,
    /// So many probes in a row must be good before publishing moves back, 1 to 1000. Default 3.
    pub good_probes: u32,
    /// How long one broker may keep consumers waiting while the other works, 10 ms to 1 min. Default 1 s.
    #[serde(deserialize_with = "values::lasting")]
    pub patience: Duration,
}

impl FailoverConfig {
    /// What the failover itself goes by.
    #[must_use]
    pub fn settings(&self) -> FailoverSettings {
        let Self { failures, bad_probes, probe_every, probe_within, hold, .. } = *self;
        let Self { hold_most, again_within, good_probes, patience, .. } = *self;
        FailoverSettings {
            failures,
            bad_probes,
            probe_every,
            probe_within,
            hold,
            hold_most,
            again_within,
            good_probes,
            patience,
        }
    }
}

impl Default for FailoverConfig {
    fn default() -> Self {
        let FailoverSettings { failures, bad_probes, probe_every, probe_within, hold, .. } =
            FailoverSettings::default();
        let FailoverSettings { hold_most, again_within, good_probes, patience, .. } =
            FailoverSettings::default();
        Self {
            primary: BrokerKind::Nats,
            fallback: BrokerKind::Amqp,
            failures,
            bad_probes,
            probe_every,
            probe_within,
            hold,
            hold_most,
            again_within,
            good_probes,
            patience,
        }
    }
}
