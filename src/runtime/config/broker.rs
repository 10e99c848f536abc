//! The broker of the pull queue: what keeps its items.

mod amqp;
mod failover;
mod nats;
mod secret;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::values;

pub use amqp::{AmqpConfig, AmqpTlsConfig, QueuesConfig};
pub use failover::FailoverConfig;
pub use nats::{NatsConfig, NatsTlsConfig};
pub use secret::Secret;

/// What keeps the items of the pull queue: TOML table `[broker]`. The keys besides `kind` are those of the embedded brokers; the others
/// have tables of their own.
///
/// Sizes are in bytes; in TOML `"64KiB"`, `"1MB"`, or a number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct BrokerConfig {
    /// Where it keeps them. Default [`BrokerKind::Memory`].
    pub kind: BrokerKind,
    /// The file of [`BrokerKind::File`]; a relative path is one from the working directory. Default `heijunka.redb`.
    pub path: PathBuf,
    /// What a confirmed item in a file survives. Default [`SyncConfig::Process`].
    pub sync: SyncConfig,
    /// Items kept at most, 1 to 1 000 000 000. Default 1 000 000.
    pub max_items: u32,
    /// What they may take up together, in bytes, 1 MiB to 1 TiB. Default 1 GiB.
    #[serde(deserialize_with = "values::size")]
    pub max_bytes: u64,
    /// Dead letters kept at most, 1 to 1 000 000 000. Default 100 000.
    pub max_dead_letters: u32,
    /// How long an item that was delivered is left alone before it is delivered again, unless that time is extended, 1 s to
    /// 1 h. Default 30 s.
    #[serde(deserialize_with = "values::lasting")]
    pub lease: Duration,
    /// How to reach NATS: `[broker.nats]`.
    pub nats: NatsConfig,
    /// How to reach RabbitMQ: `[broker.amqp]`.
    pub amqp: AmqpConfig,
    /// Which two brokers are one: `[broker.failover]`.
    pub failover: FailoverConfig,
}

/// Where a broker keeps items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BrokerKind {
    /// In the memory of the process: they end with it.
    #[default]
    Memory,
    /// In a file: they are there again after a restart.
    File,
    /// In NATS JetStream. Needs the feature `nats`.
    Nats,
    /// In RabbitMQ. Needs the feature `amqp`.
    Amqp,
    /// In one of two brokers, and the other while that one fails.
    Failover,
}

/// What an item in a file survives once it is confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncConfig {
    /// The end of the process, `kill -9` included.
    #[default]
    Process,
    /// The loss of power as well: each group of items waits until the disk has it.
    Disk,
}

impl BrokerKind {
    /// The name used in configuration: `memory`, `file`, `nats`, `amqp` or `failover`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BrokerKind::Memory => "memory",
            BrokerKind::File => "file",
            BrokerKind::Nats => "nats",
            BrokerKind::Amqp => "amqp",
            BrokerKind::Failover => "failover",
        }
    }

    /// Whether it is part of this build.
    #[must_use]
    pub const fn is_compiled(self) -> bool {
        match self {
            BrokerKind::Nats => cfg!(feature = "nats"),
            BrokerKind::Amqp => cfg!(feature = "amqp"),
            BrokerKind::Memory | BrokerKind::File | BrokerKind::Failover => true,
        }
    }
}

impl BrokerConfig {
    /// The single brokers that items are kept in: one, or of a failover two, the primary first.
    #[must_use]
    pub fn kinds(&self) -> Vec<BrokerKind> {
        match self.kind {
            BrokerKind::Failover => vec![self.failover.primary, self.failover.fallback],
            kind => vec![kind],
        }
    }

    /// Whether items end with the process, those of a part of it included.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        self.kinds().contains(&BrokerKind::Memory)
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            kind: BrokerKind::default(),
            path: "heijunka.redb".into(),
            sync: SyncConfig::default(),
            max_items: 1_000_000,
            max_bytes: 1 << 30,
            max_dead_letters: 100_000,
            lease: Duration::from_secs(30),
            nats: NatsConfig::default(),
            amqp: AmqpConfig::default(),
            failover: FailoverConfig::default(),
        }
    }
}
