//! From the configuration to brokers: opened for a runtime, or only looked at.

mod preflight;
#[cfg(any(feature = "nats", feature = "amqp"))]
mod settings;

use std::sync::Arc;

pub use preflight::{BrokerLook, look_at_brokers};

use super::config::{BrokerConfig, BrokerKind, Config, SyncConfig};
use crate::kanban::failover::{Connect, Late};
use crate::kanban::{
    Broker, BrokerError, Durability, Embedded, EmbeddedSettings, Failover, Traits as BrokerTraits,
};
use crate::time::Clock;

/// Opens the broker, or the two of a failover.
pub(super) fn open(config: &Config, clock: &Clock) -> Result<Arc<dyn Broker>, BrokerError> {
    let broker = config.queue().unwrap_or_default();
    if broker.kind != BrokerKind::Failover {
        return open_one(broker.kind, &broker, config, clock);
    }
    let (first, second) = (broker.failover.primary, broker.failover.fallback);
    // One that is away must not keep the service from starting on the other.
    let (primary, fallback) = match open_one(first, &broker, config, clock) {
        Ok(primary) => (primary, open_or_later(second, &broker, config, clock)?),
        Err(why) if is_away(&why) => {
            let fallback = open_one(second, &broker, config, clock).map_err(|other| {
                let text = format!(
                    "neither broker can be used; {}: {why}; {}: {other}",
                    first.name(),
                    second.name()
                );
                BrokerError::Unavailable(text)
            })?;
            (later(first, &broker, config, clock, why)?, fallback)
        }
        Err(error) => return Err(error),
    };
    let failover = Failover::new(primary, fallback, broker.failover.settings(), clock.clone())?;
    Ok(Arc::new(failover))
}

fn is_away(error: &BrokerError) -> bool {
    matches!(error, BrokerError::Unavailable(_) | BrokerError::TimedOut(_))
}

fn open_or_later(
    kind: BrokerKind,
    broker: &BrokerConfig,
    config: &Config,
    clock: &Clock,
) -> Result<Arc<dyn Broker>, BrokerError> {
    match open_one(kind, broker, config, clock) {
        Err(why) if is_away(&why) => later(kind, broker, config, clock, why),
        opened => opened,
    }
}

/// It is connected to once that can be done.
fn later(
    kind: BrokerKind,
    broker: &BrokerConfig,
    config: &Config,
    clock: &Clock,
    why: BrokerError,
) -> Result<Arc<dyn Broker>, BrokerError> {
    tracing::warn!(broker = kind.name(), %why, "a broker is away, and connected to later");
    let lease = match kind {
        BrokerKind::Nats => broker.nats.lease,
        BrokerKind::Amqp => broker.amqp.lease,
        _ => broker.lease,
    };
    // As the adapters have them.
    let traits =
        BrokerTraits { name: kind.name(), durable: true, lease, poll: None, max_payload: payload(config) };
    let (broker, config, clock) = (broker.clone(), config.clone(), clock.clone());
    let connect: Connect = Box::new(move || open_one(kind, &broker, &config, &clock));
    Ok(Arc::new(Late::new(traits, connect, why)?))
}

fn payload(config: &Config) -> usize {
    usize::try_from(config.kanban.payload).unwrap_or(usize::MAX)
}

fn open_one(
    kind: BrokerKind,
    broker: &BrokerConfig,
    config: &Config,
    clock: &Clock,
) -> Result<Arc<dyn Broker>, BrokerError> {
    let clock = clock.clone();
    let embedded = || EmbeddedSettings {
        max_items: u64::from(broker.max_items),
        max_bytes: broker.max_bytes,
        max_dead_letters: u64::from(broker.max_dead_letters),
        max_payload: payload(config),
        lease: broker.lease,
    };
    match kind {
        BrokerKind::Memory => Ok(Arc::new(Embedded::in_memory(embedded(), clock))),
        BrokerKind::File => {
            let durability = match broker.sync {
                SyncConfig::Process => Durability::Process,
                SyncConfig::Disk => Durability::Disk,
            };
            Ok(Arc::new(Embedded::in_file(&broker.path, embedded(), durability, clock)?))
        }
        #[cfg(all(feature = "nats", not(heijunka_loom)))]
        BrokerKind::Nats => {
            let settings = settings::nats(&broker.nats, payload(config))?;
            Ok(Arc::new(crate::kanban::Nats::connect(settings, clock)?))
        }
        #[cfg(all(feature = "amqp", not(heijunka_loom)))]
        BrokerKind::Amqp => {
            let settings = settings::amqp(&broker.amqp, payload(config))?;
            Ok(Arc::new(crate::kanban::Amqp::connect(settings, clock)?))
        }
        // The law of the configuration has refused these before.
        kind => Err(missing(kind)),
    }
}

/// A kind that is no single broker of this build.
fn missing(kind: BrokerKind) -> BrokerError {
    let name = kind.name();
    BrokerError::Unusable(format!("{name} is not part of this build: build heijunka with the feature {name}"))
}
