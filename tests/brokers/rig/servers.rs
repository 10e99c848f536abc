//! The brokers that are servers.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Amqp, AmqpSettings, Broker, Clock, Nats, NatsSettings};
use heijunka_servers::{NatsServer, RabbitServer, Vhost};

use super::setup::Setup;

/// How often the depths are looked at: each time costs a question for every lane and broker.
pub(crate) const SAMPLE: Duration = Duration::from_millis(500);

/// A NATS server of its own.
pub(crate) struct OnNats(NatsServer);

impl Default for OnNats {
    fn default() -> Self {
        Self(NatsServer::start())
    }
}

impl Setup for OnNats {
    fn open(&self, lease: Duration) -> Arc<dyn Broker> {
        let settings = NatsSettings { lease, ..NatsSettings::at(self.0.url()) };
        Arc::new(Nats::connect(settings, Clock::monotonic()).expect("NATS can be connected to"))
    }

    fn beside(&self, _: &Arc<dyn Broker>, lease: Duration) -> Arc<dyn Broker> {
        self.open(lease)
    }

    fn fewer(&self, many: usize) -> usize {
        fewer(many)
    }
}

/// A virtual host of its own at the RabbitMQ that all tests share.
pub(crate) struct OnRabbit(Vhost);

impl Default for OnRabbit {
    fn default() -> Self {
        Self(RabbitServer::shared().vhost())
    }
}

impl Setup for OnRabbit {
    fn open(&self, lease: Duration) -> Arc<dyn Broker> {
        let (port, vhost) = (self.0.port(), self.0.name().to_owned());
        let settings = AmqpSettings { port, vhost, lease, ..AmqpSettings::default() };
        Arc::new(Amqp::connect(settings, Clock::monotonic()).expect("RabbitMQ can be connected to"))
    }

    fn beside(&self, _: &Arc<dyn Broker>, lease: Duration) -> Arc<dyn Broker> {
        self.open(lease)
    }

    fn stores_once(&self) -> bool {
        false
    }

    fn sees_all(&self) -> bool {
        false
    }

    fn lists_lanes(&self) -> bool {
        false
    }

    fn gives_at_once(&self) -> bool {
        false
    }

    fn fewer(&self, many: usize) -> usize {
        fewer(many)
    }
}

/// A tenth, so that a scenario takes seconds; all of them with `HEIJUNKA_LONG=1`.
pub(crate) fn fewer(many: usize) -> usize {
    let long = std::env::var_os("HEIJUNKA_LONG").is_some_and(|long| long == "1");
    if long { many } else { (many / 10).max(60).min(many) }
}

/// A test of each scenario on each broker.
macro_rules! on_every_broker {
    ($($scenario:ident),+ $(,)?) => {
        mod nats {
            $(#[test]
            fn $scenario() {
                super::$scenario(&crate::rig::OnNats::default());
            })+
        }
        mod amqp {
            $(#[test]
            fn $scenario() {
                super::$scenario(&crate::rig::OnRabbit::default());
            })+
        }
        mod failover {
            $(#[test]
            fn $scenario() {
                super::$scenario(&crate::failover::Across::default());
            })+
        }
    };
}
pub(crate) use on_every_broker;
