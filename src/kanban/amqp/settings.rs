//! Where RabbitMQ is, and how it is used.

use std::fmt;
use std::time::Duration;

use crate::kanban::broker::BrokerError;

/// How to reach RabbitMQ, and what to keep there. See [`Amqp::connect`](crate::Amqp::connect).
///
/// `Debug` shows no password.
#[derive(Clone)]
pub struct AmqpSettings {
    /// The server's name or address. Default `127.0.0.1`.
    pub host: String,
    /// Its port. Default 5672; the one for encrypted connections is mostly 5671.
    pub port: u16,
    /// The virtual host. Default `/`.
    pub vhost: String,
    /// Who connects. Default `guest`, whom RabbitMQ lets in from the same machine only.
    pub user: String,
    /// The password. Default `guest`.
    pub password: String,
    /// Encrypts the connections; `None`, the default, does not. Needs the feature `amqp-tls`.
    pub tls: Option<AmqpTls>,
    /// What the names of all exchanges and queues begin with: 1 to 64 of `A-Z a-z 0-9 _ - .`. Default `kanban`.
    pub prefix: String,
    /// What kind of queues are declared. Default [`QueueKind::Quorum`].
    pub queues: QueueKind,
    /// Whether exchanges and queues that are missing are declared. Otherwise they must be there. Default `true`.
    pub create: bool,
    /// How long an item that was pulled is left alone, 100 ms to a day: RabbitMQ has no leases, the adapter keeps them. Default 30 s.
    pub lease: Duration,
    /// How long connecting may take, 100 ms to a minute. Default 5 s.
    pub connect_timeout: Duration,
    /// How often each side says that it lives, whole seconds from 1 to 60: a server that is silent for two of them is given up.
    /// Default 5 s.
    pub heartbeat: Duration,
    /// The largest payload that is published, in bytes: 1 to 128 MiB. Default 1 MiB.
    pub max_payload: usize,
    /// The largest frame, in bytes: 8 KiB to 16 MiB; no item's headers may take more. Default 128 KiB.
    pub max_frame: u32,
    /// How many publications may be on their way unconfirmed, 1 to 65 535. Default 1 024.
    pub window: usize,
}

/// Which kind of queue keeps items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueKind {
    /// Replicated, and safe when nodes die. Needs RabbitMQ 3.10.
    #[default]
    Quorum,
    /// On one node; lost with its disk. It does not count deliveries.
    Classic,
}

/// How connections are encrypted. The files are read anew for each connection, so that what is renewed in time is used.
#[derive(Clone, Debug, Default)]
pub struct AmqpTls {
    /// A file with the certificates (PEM) of those who may vouch for the server; the system's if `None`.
    pub ca: Option<std::path::PathBuf>,
    /// The name in the server's certificate, if it is not the host.
    pub server_name: Option<String>,
    /// A file with our own certificate (PEM), and those between it and its authority, for servers that want one; goes with `key`.
    pub cert: Option<std::path::PathBuf>,
    /// A file with its key (PEM, not encrypted).
    pub key: Option<std::path::PathBuf>,
}

impl Default for AmqpSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5672,
            vhost: "/".to_owned(),
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            tls: None,
            prefix: "kanban".to_owned(),
            queues: QueueKind::Quorum,
            create: true,
            lease: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(5),
            max_payload: 1 << 20,
            max_frame: 128 << 10,
            window: 1024,
        }
    }
}

impl fmt::Debug for AmqpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("vhost", &self.vhost)
            .field("user", &self.user)
            .field("tls", &self.tls)
            .field("prefix", &self.prefix)
            .field("queues", &self.queues)
            .field("create", &self.create)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// The largest message RabbitMQ takes unless told otherwise.
pub(super) const LARGEST: usize = 128 << 20;

impl AmqpSettings {
    /// `RabbitMQ at host:port`, for errors.
    pub(super) fn place(&self) -> String {
        format!("RabbitMQ at {}:{}, vhost {:?}", self.host, self.port, self.vhost)
    }

    pub(super) fn check(&self) -> Result<(), BrokerError> {
        let seconds = self.heartbeat.as_secs();
        let alone = self.tls.as_ref().is_some_and(|tls| tls.cert.is_some() != tls.key.is_some());
        let rules = [
            (!self.host.is_empty(), "host: a name or an address"),
            (self.vhost.len() <= 255, "vhost: at most 255 bytes"),
            (self.user.len() <= 255 && !self.user.is_empty(), "user: 1 to 255 bytes"),
            (!alone, "tls: cert and key go together"),
            (is_prefix(&self.prefix), "prefix: 1 to 64 of A-Z a-z 0-9 _ - ."),
            (within(self.lease, 100, 86_400_000), "lease: 100ms to 1day"),
            (within(self.connect_timeout, 100, 60_000), "connect_timeout: 100ms to 60s"),
            ((1..=60).contains(&seconds), "heartbeat: 1s to 60s"),
            ((1..=LARGEST).contains(&self.max_payload), "max_payload: 1 byte to 128MiB"),
            ((8 << 10..=16 << 20).contains(&self.max_frame), "max_frame: 8KiB to 16MiB"),
            ((1..=65_535).contains(&self.window), "window: 1 to 65535"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => {
                Err(BrokerError::Unusable(format!("the settings of {}: {rule}", self.place())))
            }
            None => Ok(()),
        }
    }

    /// The server's silence after which a connection is given up, and the longest that a call of the client may take.
    pub(super) fn patience(&self) -> Duration {
        self.heartbeat * 2
    }
}

fn within(value: Duration, least: u64, most: u64) -> bool {
    (Duration::from_millis(least)..=Duration::from_millis(most)).contains(&value)
}

fn is_prefix(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}
