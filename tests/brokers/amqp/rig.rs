//! A broker that is open, a foreign client, and what is done by hand with them.

use std::time::Duration;

use amiquip::{Auth, Channel, Connection, ConnectionOptions, ConnectionTuning};
use heijunka::{Amqp, AmqpSettings, Arrivals, Broker, Clock};

pub(super) use crate::by_hand::{HANGS, WITHIN, item, lane, pull, settle, sized, take_one, until};

/// The queue of [`lane`].
pub(super) const QUEUE: &str = "kanban.normal.mail";

pub(super) fn settings(port: u16, vhost: &str) -> AmqpSettings {
    AmqpSettings {
        port,
        vhost: vhost.to_owned(),
        // On a busy machine a retry lane takes its time.
        lease: Duration::from_secs(3),
        heartbeat: Duration::from_secs(2),
        ..AmqpSettings::default()
    }
}

pub(super) fn connect(settings: AmqpSettings) -> Amqp {
    Amqp::connect(settings, Clock::monotonic()).expect("it can be connected to")
}

/// Connected, with its lane open.
pub(super) fn open(settings: AmqpSettings) -> Amqp {
    let broker = connect(settings);
    broker.open(&[lane()], Arrivals::unheard(), WITHIN).expect("the lane can be opened");
    broker
}

/// Another client of the same server.
pub(super) fn foreign(port: u16, vhost: &str) -> (Connection, Channel) {
    let stream = mio06::net::TcpStream::from_stream(
        std::net::TcpStream::connect(("127.0.0.1", port)).expect("the server listens"),
    );
    let options = ConnectionOptions::<Auth>::default().virtual_host(vhost);
    let connection = Connection::insecure_open_stream(
        stream.expect("it is a socket"),
        options,
        ConnectionTuning::default(),
    );
    let mut connection = connection.expect("another client is let in");
    let channel = connection.open_channel(None).expect("it has a channel");
    (connection, channel)
}
