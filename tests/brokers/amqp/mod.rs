//! RabbitMQ.

mod foreign;
mod outage;
mod preflight;
mod rig;
#[cfg(feature = "amqp-tls")]
mod tls;
mod wrong;

use std::sync::Arc;

use heijunka::Broker;
use heijunka::conformance::Subject;
use heijunka_servers::{RabbitServer, Vhost};

/// A virtual host of its own at the server that all cases share.
struct Queues(Vhost);

impl Subject for Queues {
    fn open(&self) -> Arc<dyn Broker> {
        Arc::new(rig::connect(rig::settings(self.0.port(), self.0.name())))
    }

    fn leaves_out(&self) -> &[&str] {
        &[
            // RabbitMQ has no deduplication.
            "the_same_id_is_stored_once",
            "an_id_is_still_known_after_reopening",
            // It counts what was on its way when nobody wanted it any more.
            "a_release_costs_neither_a_failure_nor_a_delivery",
        ]
    }
}

mod conforms {
    heijunka::conformance_tests!(|| super::Queues(super::RabbitServer::shared().vhost()));
}
