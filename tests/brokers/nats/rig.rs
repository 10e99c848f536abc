//! A server, a connection, and short words for what is done with it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heijunka::{
    Arrivals, Broker, Clock, Delivery, Item, ItemId, Lane, Name, Nats, NatsSettings, Priority, Settled,
    Settlement, Verdict, Want,
};
use heijunka_servers::NatsServer;

/// How long a call may take.
pub(super) const WITHIN: Duration = Duration::from_secs(10);

/// What has not happened by then will not.
pub(super) const HANGS: Duration = Duration::from_secs(60);

pub(super) fn settings(server: &NatsServer) -> NatsSettings {
    NatsSettings { lease: Duration::from_millis(500), ..NatsSettings::at(server.url()) }
}

pub(super) fn connect(settings: NatsSettings) -> Nats {
    Nats::connect(settings, Clock::monotonic()).expect("NATS can be connected to")
}

pub(super) fn lane() -> Lane {
    Lane { priority: Priority::Normal, domain: Name::new("mail").expect("it is a name") }
}

pub(super) fn item(id: &str) -> Arc<Item> {
    Arc::new(Item {
        id: ItemId::new(id).expect("it is an id"),
        lane: lane(),
        key: None,
        payload: id.to_owned().into(),
        headers: std::collections::BTreeMap::default(),
        deadline: None,
        published: SystemTime::now().into(),
    })
}

/// A lane that is open, of a domain that nobody else has.
pub(super) fn open(nats: &Nats) {
    nats.open(&[lane()], nobody(), WITHIN).expect("the lane can be opened");
}

/// Rings that nobody hears.
pub(super) fn nobody() -> Arrivals {
    Arrivals::unheard()
}

pub(super) fn pull(nats: &Nats, most: usize) -> Vec<Delivery> {
    nats.pull(&[Want { lane: &lane(), most }], WITHIN).expect("it can be pulled from")
}

/// Pulls until so many came.
pub(super) fn take(nats: &Nats, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    until(&format!("{count} items"), || {
        taken.extend(pull(nats, count - taken.len()));
        taken.len() == count
    });
    taken
}

pub(super) fn settle(nats: &Nats, delivery: Delivery, verdict: Verdict) -> Settled {
    let settlement = Settlement { ticket: delivery.ticket, verdict };
    nats.settle(vec![settlement], WITHIN).pop().expect("there is an answer")
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
