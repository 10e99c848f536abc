//! The pull queue on real brokers: they are started by the tests, on loopback.
#![cfg(unix)]

#[cfg(feature = "amqp")]
mod amqp;
#[cfg(any(feature = "nats", feature = "amqp"))]
#[allow(dead_code, reason = "shared by the tests of both, which need other parts of it")]
mod by_hand;
#[cfg(all(feature = "nats", feature = "amqp"))]
mod chaos;
#[cfg(all(feature = "nats", feature = "amqp"))]
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of the runtime, which need other parts of it")]
mod common;
#[cfg(all(feature = "nats", feature = "amqp"))]
mod deploy;
#[cfg(all(feature = "nats", feature = "amqp"))]
mod failover;
#[cfg(all(feature = "nats", feature = "amqp"))]
mod garbage;
/// The ten scenarios of the pull queue: the very same as on the embedded broker.
#[cfg(all(feature = "nats", feature = "amqp"))]
#[path = "../kanban/k19/mod.rs"]
mod k19;
#[cfg(all(feature = "nats", feature = "amqp"))]
mod late;
#[cfg(feature = "nats")]
mod nats;
#[cfg(all(feature = "nats", feature = "amqp"))]
mod rig;
#[cfg(all(feature = "nats", feature = "amqp"))]
#[path = "../kanban/strays.rs"]
mod strays;
