//! A broker that is open, a foreign client, and short words for what is done with them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use amiquip::{Auth, Channel, Connection, ConnectionOptions, ConnectionTuning};
use heijunka::{
    Amqp, AmqpSettings, Arrivals, Broker, Clock, Delivery, Item, ItemId, Lane, Name, Priority, Settled,
    Settlement, Verdict, Want,
};

/// How long a call may take.
pub(super) const WITHIN: Duration = Duration::from_secs(10);

/// What has not happened by then will not.
pub(super) const HANGS: Duration = Duration::from_secs(60);

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

pub(super) fn lane() -> Lane {
    Lane { priority: Priority::Normal, domain: Name::new("mail").expect("it is a name") }
}

pub(super) fn item(id: &str) -> Arc<Item> {
    sized(id, id.len())
}

pub(super) fn sized(id: &str, bytes: usize) -> Arc<Item> {
    Arc::new(Item {
        id: ItemId::new(id).expect("it is an id"),
        lane: lane(),
        key: None,
        payload: vec![b'x'; bytes].into(),
        headers: std::collections::BTreeMap::default(),
        deadline: None,
        published: SystemTime::now().into(),
    })
}

pub(super) fn pull(broker: &Amqp, most: usize) -> Vec<Delivery> {
    broker.pull(&[Want { lane: &lane(), most }], WITHIN).expect("it can be pulled from")
}

/// Pulls until one came.
pub(super) fn take_one(broker: &Amqp) -> Delivery {
    let mut taken = Vec::new();
    until("an item", || {
        taken = pull(broker, 1);
        !taken.is_empty()
    });
    taken.remove(0)
}

pub(super) fn settle(broker: &Amqp, delivery: Delivery, verdict: Verdict) -> Settled {
    let settlement = Settlement { ticket: delivery.ticket, verdict };
    broker.settle(vec![settlement], WITHIN).pop().expect("there is an answer")
}

/// Looks until it is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Clock::monotonic();
    let since = clock.now();
    while !is_so() {
        assert!(clock.now().since(since) < HANGS, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
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
