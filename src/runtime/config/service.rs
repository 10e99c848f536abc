//! The process that runs a configuration, `heijunka run`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::{Secret, values};

/// The process that runs a configuration, `heijunka run`: TOML table `[service]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct ServiceConfig {
    /// The Unix socket it is controlled through, a path of up to 103 bytes. Default `heijunka.sock` in `$XDG_RUNTIME_DIR`, and if
    /// that is not set, `/tmp/heijunka-UID.sock`.
    pub socket: Option<PathBuf>,
    /// HTTP on TCP. The table `[service.http]`.
    pub http: HttpConfig,
    /// The file in which counters outlive the process, so that the next one goes on from there. Its folder must exist. None by default.
    pub state: Option<PathBuf>,
    /// What a first SIGTERM or SIGINT does. Default [`OnSignal::Auto`].
    pub on_signal: OnSignal,
    /// The time all of the shutdown may take, 0 s to 24 h. Default 25 s.
    #[serde(deserialize_with = "values::lasting")]
    pub grace: Duration,
}

/// HTTP on TCP: metrics, the dashboard, and with a token everything else. TOML table `[service.http]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct HttpConfig {
    /// Where it listens. By default on `127.0.0.1:9090`, and nowhere, with a warning, if somebody else does.
    pub listen: Option<Listen>,
    /// What whoever acts, or wants to see payloads, must send as `Authorization: Bearer …`: at least 16 characters, or where they are found. None by
    /// default: then only looking is possible.
    pub token: Option<Secret>,
    /// Names by which it may be called on loopback, beside `localhost` and its address. None by default.
    pub hosts: Vec<String>,
}

/// Where HTTP is listened for: an address such as `0.0.0.0:9090`, where port 0 is any that is free, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Here.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Listen::Off),
            _ => text.parse().map(Listen::At).map_err(|_| LISTEN),
        }
    }
}

/// What it should be.
const LISTEN: &str = "an address with a port, such as \"127.0.0.1:9090\", or \"off\"";

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Listen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(LISTEN)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Listen, E> {
                text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Text)
    }
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
        Self {
            socket: None,
            http: HttpConfig::default(),
            state: None,
            on_signal: OnSignal::default(),
            grace: Duration::from_secs(25),
        }
    }
}
