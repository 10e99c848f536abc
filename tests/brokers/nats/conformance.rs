//! The conformance suite.

use std::sync::Arc;

use heijunka::Broker;
use heijunka::conformance::Subject;
use heijunka_servers::NatsServer;

use super::rig::{connect, settings};

struct OnNats(NatsServer);

impl Subject for OnNats {
    fn open(&self) -> Arc<dyn Broker> {
        Arc::new(connect(settings(&self.0)))
    }
}

heijunka::conformance_tests!(|| OnNats(NatsServer::start()));
