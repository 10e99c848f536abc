//! Real brokers for the tests of heijunka, and what a network can do to them.
//!
//! Every server listens on 127.0.0.1, on a port of its own, with a folder of its own below `target/tmp`, and ends with who
//! started it: when the value is dropped, and by the kernel when the test process dies. Nothing here is asynchronous, and everything
//! blocks: starting a [`NatsServer`] takes 0.2 s, a [`RabbitServer`] some 5 s, [`RabbitServer::shared`] mostly nothing.
//!
//! | | what it is |
//! |---|---|
//! | [`NatsServer`], [`NatsCluster`] | `nats-server` with JetStream, alone or three |
//! | [`RabbitServer`], [`Vhost`] | RabbitMQ, of one's own or shared by all tests, each with a virtual host of its own |
//! | [`Proxy`] | a TCP proxy that cuts, stalls, delays and limits |
//! | [`FakeServer`] | a server that says what a seed makes it say |
//! | [`Certificates`] | an authority, and what it vouches for |
//! | [`Port`] | a port for one more listener |
//!
//! # Panics
//!
//! These are tools of tests: whatever goes wrong panics, with the end of the server's log. A server that is not installed panics
//! with "install it with `ci/brokers`".
#![cfg(unix)]
// Real processes are waited for in real time, which no test can set.
#![allow(clippy::disallowed_methods)]

mod certificates;
mod fake;
mod folder;
mod nats;
mod port;
mod process;
mod proxy;
mod rabbit;

pub use certificates::Certificates;
pub use fake::FakeServer;
pub use nats::{NatsCluster, NatsServer};
pub use port::Port;
pub use proxy::{Direction, Proxy, Said};
pub use rabbit::{RabbitServer, Vhost};
