//! The tables of brokers elsewhere, as [`EVERYTHING`](super::everything::EVERYTHING) says them.

use std::time::Duration;

use super::super::{
    AmqpConfig, AmqpTlsConfig, BrokerKind, FailoverConfig, NatsConfig, NatsTlsConfig, QueuesConfig, Secret,
};

pub(super) fn nats() -> NatsConfig {
    NatsConfig {
        urls: vec!["nats://a:1".into(), "tls://b".into()],
        user: Some("u".into()),
        password: Some(Secret::new("env:P")),
        token: Some(Secret::new("t")),
        nkey: Some(Secret::new("file:/n")),
        credentials: Some("/c".into()),
        tls: NatsTlsConfig {
            required: true,
            ca: Some("/ca".into()),
            cert: Some("/cert".into()),
            key: Some("/key".into()),
        },
        replicas: 3,
        stream: "S".into(),
        dead_letter_stream: "D".into(),
        notes_stream: "N".into(),
        counts_stream: "C".into(),
        lease: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(3),
        window: 4,
        create: false,
        inbox: "_I.x".into(),
    }
}

pub(super) fn amqp() -> AmqpConfig {
    AmqpConfig {
        host: "h".into(),
        port: 6,
        vhost: "v".into(),
        user: "w".into(),
        password: Secret::new("p"),
        tls: Some(AmqpTlsConfig {
            ca: Some("/ca2".into()),
            server_name: Some("s".into()),
            cert: Some("/cert2".into()),
            key: Some("/key2".into()),
        }),
        prefix: "x".into(),
        queues: QueuesConfig::Classic,
        create: false,
        lease: Duration::from_secs(7),
        connect_timeout: Duration::from_secs(8),
        heartbeat: Duration::from_secs(9),
        max_frame: 1 << 20,
        window: 10,
    }
}

pub(super) fn failover() -> FailoverConfig {
    FailoverConfig {
        primary: BrokerKind::Amqp,
        fallback: BrokerKind::File,
        failures: 1,
        bad_probes: 4,
        probe_every: Duration::from_secs(1),
        probe_within: Duration::from_secs(3),
        hold: Duration::from_secs(5),
        hold_most: Duration::from_secs(6),
        again_within: Duration::from_secs(7),
        good_probes: 9,
        patience: Duration::from_secs(2),
    }
}
