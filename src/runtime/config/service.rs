//! The process that runs a configuration, `heijunka run`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::values;

/// The process that runs a configuration, `heijunka run`: TOML table `[service]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct ServiceConfig {
    /// The Unix socket it is controlled through, a path of up to 103 bytes. Default `heijunka.sock` in `$XDG_RUNTIME_DIR`, and if
    /// that is not set, `/tmp/heijunka-UID.sock`.
    pub socket: Option<PathBuf>,
    /// What a first SIGTERM or SIGINT does. Default [`OnSignal::Auto`].
    pub on_signal: OnSignal,
    /// The time all of the shutdown may take, 0 s to 24 h. Default 25 s.
    #[serde(deserialize_with = "values::lasting")]
    pub grace: Duration,
}

/// What a first SIGTERM or SIGINT does to the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSignal {
    /// It stops: what runs is finished, what waits stays with the broker.
    Stop,
    /// It drains: everything accepted is finished first.
    Drain,
    /// It drains if the broker is in memory, where what waits would be lost, and stops otherwise.
    #[default]
    Auto,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self { socket: None, on_signal: OnSignal::default(), grace: Duration::from_secs(25) }
    }
}
