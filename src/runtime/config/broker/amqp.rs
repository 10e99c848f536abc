//! RabbitMQ as a broker.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Secret;
use crate::runtime::config::values;

/// How to reach RabbitMQ, and what is kept there: TOML table `[broker.amqp]`.
///
/// The largest payload is [`KanbanConfig::payload`](crate::KanbanConfig::payload).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct AmqpConfig {
    /// The server's name or address. Default `127.0.0.1`.
    pub host: String,
    /// Its port, 1 to 65 535. Default 5672; the one for encrypted connections is mostly 5671.
    pub port: u32,
    /// The virtual host. Default `/`.
    pub vhost: String,
    /// The user. Default `guest`, whom RabbitMQ lets in from the same machine only.
    pub user: String,
    /// The user's password. Default `guest`.
    pub password: Secret,
    /// How the connections are encrypted: `[broker.amqp.tls]`. Default not at all. Needs the feature `amqp-tls`.
    pub tls: Option<AmqpTlsConfig>,
    /// What the names of all exchanges and queues begin with. Default `kanban`.
    pub prefix: String,
    /// What kind of queues are declared. Default [`QueuesConfig::Quorum`].
    pub queues: QueuesConfig,
    /// Whether exchanges and queues that are missing are declared. Default yes.
    pub create: bool,
    /// How long a delivered item is left alone before it is delivered again, 100 ms to a day. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub lease: Duration,
    /// How long connecting may take, 100 ms to a minute. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub connect_timeout: Duration,
    /// How often each side says that it lives, 1 s to 60 s. Default 5 s.
    #[serde(deserialize_with = "values::lasting")]
    pub heartbeat: Duration,
    /// The largest frame, in bytes, 8 KiB to 16 MiB. Default 128 KiB.
    #[serde(deserialize_with = "values::size")]
    pub max_frame: u64,
    /// How many publications may be on their way unconfirmed, 1 to 65 535. Default 1024.
    pub window: u32,
}

/// How connections to RabbitMQ are encrypted: TOML table `[broker.amqp.tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct AmqpTlsConfig {
    /// A PEM file of the authorities that are trusted. Default: the system's.
    pub ca: Option<PathBuf>,
    /// The name in the server's certificate. Default: the host.
    pub server_name: Option<String>,
    /// A PEM file of our own certificate; goes with `key`. Default none.
    pub cert: Option<PathBuf>,
    /// A PEM file of its key.
    pub key: Option<PathBuf>,
}

/// Which kind of queue keeps items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueuesConfig {
    /// Replicated, and safe when nodes die.
    #[default]
    Quorum,
    /// On one node, and lost with its disk.
    Classic,
}

impl Default for AmqpConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5672,
            vhost: "/".to_owned(),
            user: "guest".to_owned(),
            password: Secret::new("guest"),
            tls: None,
            prefix: "kanban".to_owned(),
            queues: QueuesConfig::default(),
            create: true,
            lease: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(5),
            max_frame: 128 << 10,
            window: 1024,
        }
    }
}
