//! NATS JetStream as a broker.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Secret;
use crate::runtime::config::values;

/// How to reach NATS, and what is kept there: TOML table `[broker.nats]`.
///
/// The largest payload is [`KanbanConfig::payload`](crate::KanbanConfig::payload), or less if the server takes less.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct NatsConfig {
    /// Servers of one cluster: `nats://host:port` or `tls://host:port`. Default `nats://127.0.0.1:4222`.
    pub urls: Vec<String>,
    /// The user; goes with `password`. Default none. Of user, token, nkey and credentials there is one at most.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// A token. Default none.
    pub token: Option<Secret>,
    /// The seed of an nkey, `SU…`. Default none.
    pub nkey: Option<Secret>,
    /// A file of credentials, `.creds`. Default none.
    pub credentials: Option<PathBuf>,
    /// How the connection is encrypted.
    pub tls: NatsTlsConfig,
    /// On how many servers of a cluster everything is kept, 1 to 5. Default 1.
    pub replicas: u32,
    /// The stream of the items. Default `KANBAN`.
    pub stream: String,
    /// The stream of the dead letters. Default `KANBAN_DLQ`.
    pub dead_letter_stream: String,
    /// The stream of the notes. Default `KANBAN_NOTES`.
    pub notes_stream: String,
    /// The stream of how often items failed. Default `KANBAN_COUNTS`.
    pub counts_stream: String,
    /// How long a delivered item is left alone before it is delivered again, 100 ms to 1 h, the same in all processes. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub lease: Duration,
    /// How long connecting may take, 10 ms to 5 min. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub connect_timeout: Duration,
    /// How many publications may wait for their confirmation at once, 1 to 65 536. Default 256.
    pub window: u32,
    /// Whether streams and consumers that are missing are created. Default yes.
    pub create: bool,
    /// What the subjects begin with on which answers come. Default `_INBOX`.
    pub inbox: String,
}

/// How a connection to NATS is encrypted: TOML table `[broker.nats.tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct NatsTlsConfig {
    /// Whether a connection that is not encrypted is refused. Default no, unless a URL begins with `tls://`.
    pub required: bool,
    /// A PEM file of the authorities that are trusted beside the system's. Default none.
    pub ca: Option<PathBuf>,
    /// A PEM file of our own certificate; goes with `key`. Default none.
    pub cert: Option<PathBuf>,
    /// A PEM file of its key.
    pub key: Option<PathBuf>,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            user: None,
            password: None,
            token: None,
            nkey: None,
            credentials: None,
            tls: NatsTlsConfig::default(),
            replicas: 1,
            stream: "KANBAN".to_owned(),
            dead_letter_stream: "KANBAN_DLQ".to_owned(),
            notes_stream: "KANBAN_NOTES".to_owned(),
            counts_stream: "KANBAN_COUNTS".to_owned(),
            lease: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            window: 256,
            create: true,
            inbox: "_INBOX".to_owned(),
        }
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.urls.iter().map(|url| shown(url)).collect();
        f.debug_struct("NatsConfig")
            .field("urls", &urls)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("token", &self.token)
            .field("nkey", &self.nkey)
            .field("credentials", &self.credentials)
            .field("tls", &self.tls)
            .field("replicas", &self.replicas)
            .field("stream", &self.stream)
            .field("dead_letter_stream", &self.dead_letter_stream)
            .field("notes_stream", &self.notes_stream)
            .field("counts_stream", &self.counts_stream)
            .field("lease", &self.lease)
            .field("connect_timeout", &self.connect_timeout)
            .field("window", &self.window)
            .field("create", &self.create)
            .field("inbox", &self.inbox)
            .finish()
    }
}

/// A URL, unless it has a password in it.
fn shown(url: &str) -> &str {
    if url.contains('@') { ".." } else { url }
}
