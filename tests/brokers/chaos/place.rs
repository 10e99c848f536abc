//! Where a broker is, and what can be done to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{Amqp, AmqpSettings, Broker, BrokerError, Clock, Nats, NatsSettings};
use heijunka_servers::{NatsServer, RabbitServer, Vhost};
use serde_json::Value;

/// A server that is one's own, and may be killed.
pub(crate) trait Server {
    fn name(&self) -> &'static str;
    fn port(&self) -> u16;
    fn kill(&self);
    fn restart(&self);
    fn pause(&self);
    fn resume(&self);
    /// Items that it has, wherever: asked of the server, since no adapter sees them all.
    fn left(&self) -> u64;
    /// Killed before it is so old, it may lose what it confirmed, by a fault of its own.
    fn youth(&self) -> Duration {
        Duration::ZERO
    }
    /// Connects to it through this port.
    fn open(&self, port: u16) -> Result<Arc<dyn Broker>, BrokerError>;

    fn connect(&self) -> Arc<dyn Broker> {
        self.through(self.port())
    }

    /// Connected to, and how many items it has, for the end.
    fn look(&self) -> (Arc<dyn Broker>, u64) {
        let left = self.left();
        (self.connect(), left)
    }

    fn through(&self, port: u16) -> Arc<dyn Broker> {
        self.open(port).unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }
}

/// Short enough that leases end while a server stands still.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

pub(crate) fn nats_settings(urls: Vec<String>) -> NatsSettings {
    NatsSettings { urls, lease: LEASE, connect_timeout: Duration::from_secs(2), ..NatsSettings::default() }
}

pub(crate) fn nats(url: String) -> Result<Arc<dyn Broker>, BrokerError> {
    Ok(Arc::new(Nats::connect(nats_settings(vec![url]), Clock::monotonic())?))
}

pub(crate) fn amqp_settings(port: u16, vhost: &str) -> AmqpSettings {
    AmqpSettings {
        port,
        vhost: vhost.to_owned(),
        lease: LEASE,
        heartbeat: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(2),
        ..AmqpSettings::default()
    }
}

pub(crate) fn amqp(port: u16, vhost: &str) -> Result<Arc<dyn Broker>, BrokerError> {
    Ok(Arc::new(Amqp::connect(amqp_settings(port, vhost), Clock::monotonic())?))
}

/// Items in the stream of a server, or of its cluster.
pub(crate) fn items_in(server: &NatsServer) -> u64 {
    let info = server.request("$JS.API.STREAM.INFO.KANBAN", b"").expect("it answers");
    let info: Value = serde_json::from_slice(&info).unwrap();
    info["state"]["messages"].as_u64().unwrap_or_else(|| panic!("{info}"))
}

/// Items in the lanes, and those that wait to be tried again.
fn waiting(queues: &BTreeMap<String, u64>) -> u64 {
    let left: Vec<_> =
        queues.iter().filter(|(name, items)| name.as_str() != "kanban.dlq" && **items > 0).collect();
    if !left.is_empty() {
        println!("left: {left:?}");
    }
    left.into_iter().map(|(_, items)| items).sum()
}

/// What a server of one's own can do itself.
macro_rules! its_own_process {
    () => {
        fn port(&self) -> u16 {
            self.port()
        }
        fn kill(&self) {
            self.kill();
        }
        fn restart(&self) {
            self.restart();
        }
        fn pause(&self) {
            self.pause();
        }
        fn resume(&self) {
            self.resume();
        }
    };
}

impl Server for NatsServer {
    fn name(&self) -> &'static str {
        "nats"
    }
    its_own_process!();
    fn left(&self) -> u64 {
        items_in(self)
    }
    fn open(&self, port: u16) -> Result<Arc<dyn Broker>, BrokerError> {
        nats(format!("nats://127.0.0.1:{port}"))
    }
}

impl Server for RabbitServer {
    fn name(&self) -> &'static str {
        "amqp"
    }
    its_own_process!();
    fn left(&self) -> u64 {
        waiting(&self.queues("/"))
    }
    fn youth(&self) -> Duration {
        // RabbitMQ 3.10 loses logs of quorum queues until it has moved what it found when it started: see the adapter's README.
        Duration::from_secs(4)
    }
    fn open(&self, port: u16) -> Result<Arc<dyn Broker>, BrokerError> {
        amqp(port, "/")
    }
}

/// On the shared server: to be cut off from, not killed.
impl Server for Vhost {
    fn name(&self) -> &'static str {
        "amqp"
    }
    fn port(&self) -> u16 {
        self.port()
    }
    fn kill(&self) {
        unreachable!("it is shared");
    }
    fn restart(&self) {
        unreachable!("it is shared");
    }
    fn pause(&self) {
        unreachable!("it is shared");
    }
    fn resume(&self) {
        unreachable!("it is shared");
    }
    fn left(&self) -> u64 {
        waiting(&self.queues())
    }
    fn open(&self, port: u16) -> Result<Arc<dyn Broker>, BrokerError> {
        amqp(port, self.name())
    }
}
