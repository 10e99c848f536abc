//! A connection to a server of its own, and what is done by hand with it.

use std::time::Duration;

use heijunka::{Arrivals, Broker, Clock, Nats, NatsSettings};
use heijunka_servers::NatsServer;

pub(super) use crate::by_hand::{HANGS, WITHIN, item, lane, pull, settle, take, until};

pub(super) fn settings(server: &NatsServer) -> NatsSettings {
    NatsSettings { lease: Duration::from_millis(500), ..NatsSettings::at(server.url()) }
}

pub(super) fn connect(settings: NatsSettings) -> Nats {
    Nats::connect(settings, Clock::monotonic()).expect("NATS can be connected to")
}

/// A lane that is open, of a domain that nobody else has.
pub(super) fn open(nats: &Nats) {
    nats.open(&[lane()], nobody(), WITHIN).expect("the lane can be opened");
}

/// Rings that nobody hears.
pub(super) fn nobody() -> Arrivals {
    Arrivals::unheard()
}
