//! From tables of the configuration to the settings of the adapters. Here secrets are looked up.

use crate::kanban::BrokerError;
use crate::runtime::config::Secret;

/// The secret of this key, or what keeps it from being found.
fn look_up(key: &str, secret: &Secret) -> Result<String, BrokerError> {
    secret.look_up().map_err(|why| BrokerError::Unusable(format!("broker.{key}: {why}")))
}

#[cfg(all(feature = "nats", not(heijunka_loom)))]
pub(super) fn nats(
    config: &crate::runtime::config::NatsConfig,
    max_payload: usize,
) -> Result<crate::kanban::NatsSettings, BrokerError> {
    use crate::kanban::{NatsAuth, NatsSettings, NatsTls};

    let auth = if let Some(user) = &config.user {
        let password = config.password.as_ref().map(|secret| look_up("nats.password", secret));
        NatsAuth::UserPassword(user.clone(), password.transpose()?.unwrap_or_default())
    } else if let Some(token) = &config.token {
        NatsAuth::Token(look_up("nats.token", token)?)
    } else if let Some(seed) = &config.nkey {
        NatsAuth::NKey(look_up("nats.nkey", seed)?)
    } else if let Some(path) = &config.credentials {
        NatsAuth::Credentials(path.clone())
    } else {
        NatsAuth::None
    };
    let tls = &config.tls;
    Ok(NatsSettings {
        urls: config.urls.clone(),
        auth,
        tls: NatsTls {
            required: tls.required,
            ca: tls.ca.clone(),
            cert: tls.cert.clone(),
            key: tls.key.clone(),
        },
        // Its range was checked.
        replicas: u8::try_from(config.replicas).unwrap_or(u8::MAX),
        stream: config.stream.clone(),
        dead_letter_stream: config.dead_letter_stream.clone(),
        notes_stream: config.notes_stream.clone(),
        counts_stream: config.counts_stream.clone(),
        lease: config.lease,
        connect_timeout: config.connect_timeout,
        max_payload,
        window: config.window as usize,
        create: config.create,
        inbox: config.inbox.clone(),
    })
}

#[cfg(all(feature = "amqp", not(heijunka_loom)))]
pub(super) fn amqp(
    config: &crate::runtime::config::AmqpConfig,
    max_payload: usize,
) -> Result<crate::kanban::AmqpSettings, BrokerError> {
    use crate::kanban::{AmqpSettings, AmqpTls, QueueKind};
    use crate::runtime::config::QueuesConfig;

    let tls = config.tls.as_ref();
    Ok(AmqpSettings {
        host: config.host.clone(),
        // Its range was checked.
        port: u16::try_from(config.port).unwrap_or(u16::MAX),
        vhost: config.vhost.clone(),
        user: config.user.clone(),
        password: look_up("amqp.password", &config.password)?,
        tls: tls.map(|tls| AmqpTls {
            ca: tls.ca.clone(),
            server_name: tls.server_name.clone(),
            cert: tls.cert.clone(),
            key: tls.key.clone(),
        }),
        prefix: config.prefix.clone(),
        queues: match config.queues {
            QueuesConfig::Quorum => QueueKind::Quorum,
            QueuesConfig::Classic => QueueKind::Classic,
        },
        create: config.create,
        lease: config.lease,
        connect_timeout: config.connect_timeout,
        heartbeat: config.heartbeat,
        max_payload,
        max_frame: u32::try_from(config.max_frame).unwrap_or(u32::MAX),
        window: config.window as usize,
    })
}
