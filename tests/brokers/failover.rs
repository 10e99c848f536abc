//! K19 across a failover from NATS to RabbitMQ and back.

use std::sync::Arc;
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use heijunka::{Amqp, AmqpSettings, Broker, Clock, Failover, FailoverSettings, Nats, NatsSettings};
use heijunka_servers::{NatsServer, RabbitServer, Vhost};
use parking_lot::Mutex;

use crate::common::eventually;
use crate::rig::{Setup, fewer};

/// NATS first, RabbitMQ as the fallback. When a scenario begins NATS has been killed and publishing goes to RabbitMQ; in its midst
/// NATS comes back, and publishing with it.
pub(crate) struct Across {
    nats: Arc<NatsServer>,
    rabbit: Vhost,
    comes_back: Mutex<Option<JoinHandle<()>>>,
    opened: Mutex<u32>,
}

impl Default for Across {
    fn default() -> Self {
        Self {
            nats: Arc::new(NatsServer::start()),
            rabbit: RabbitServer::shared().vhost(),
            comes_back: Mutex::default(),
            opened: Mutex::default(),
        }
    }
}

impl Across {
    fn connect(&self, lease: Duration) -> Failover {
        let lease = lease.min(Duration::from_secs(30));
        let nats = NatsSettings { lease, ..NatsSettings::at(self.nats.url()) };
        let amqp = AmqpSettings {
            port: self.rabbit.port(),
            vhost: self.rabbit.name().to_owned(),
            lease,
            ..AmqpSettings::default()
        };
        let primary = Arc::new(Nats::connect(nats, Clock::monotonic()).unwrap());
        let fallback = Arc::new(Amqp::connect(amqp, Clock::monotonic()).unwrap());
        let settings = FailoverSettings {
            probe_every: Duration::from_millis(50),
            probe_within: Duration::from_millis(500),
            hold: Duration::from_millis(100),
            hold_most: Duration::from_millis(200),
            ..FailoverSettings::default()
        };
        Failover::new(primary, fallback, settings, Clock::monotonic()).unwrap()
    }
}

impl Setup for Across {
    fn open(&self, lease: Duration) -> Arc<dyn Broker> {
        if let Some(comes_back) = self.comes_back.lock().take() {
            comes_back.join().unwrap();
        }
        let failover = self.connect(lease);
        let first = {
            let mut opened = self.opened.lock();
            *opened += 1;
            *opened == 1
        };
        // What was left is looked for at the second time.
        if first {
            self.nats.kill();
            eventually("it tripped", || failover.status().trips > 0);
            let (nats, watched) = (self.nats.clone(), failover.clone());
            let thread = std::thread::Builder::new().name("comes-back".to_owned());
            let comes_back = thread.spawn(move || {
                // Once something is stored in the fallback, or, if nothing is published for long, all the same.
                for _ in 0..500 {
                    if watched.status().brokers[1].stored > 0 {
                        break;
                    }
                    sleep(Duration::from_millis(2));
                }
                nats.restart();
            });
            let comes_back = comes_back.unwrap();
            *self.comes_back.lock() = Some(comes_back);
        }
        Arc::new(failover)
    }

    // What RabbitMQ does not promise, both together do not.
    fn stores_once(&self) -> bool {
        false
    }

    fn sees_all(&self) -> bool {
        false
    }

    fn keeps_order(&self) -> bool {
        false
    }

    fn gives_at_once(&self) -> bool {
        false
    }

    fn fewer(&self, many: usize) -> usize {
        fewer(many)
    }
}

impl Drop for Across {
    fn drop(&mut self) {
        if let Some(comes_back) = self.comes_back.lock().take() {
            let _ = comes_back.join();
        }
    }
}
