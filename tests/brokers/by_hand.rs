//! A broker without a consumer: short words for what is done with it, whichever it is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heijunka::{
    Broker, Clock, Delivery, Item, ItemId, Lane, Name, Priority, Settled, Settlement, Verdict, Want,
};

/// How long a call may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(10);

/// What has not happened by then will not.
pub(crate) const HANGS: Duration = Duration::from_secs(60);

pub(crate) fn lane() -> Lane {
    Lane { priority: Priority::Normal, domain: Name::new("mail").expect("it is a name") }
}

/// With its id for a payload.
pub(crate) fn item(id: &str) -> Arc<Item> {
    holding(id, id.to_owned().into_bytes())
}

/// With so many bytes of `x`.
pub(crate) fn sized(id: &str, bytes: usize) -> Arc<Item> {
    holding(id, vec![b'x'; bytes])
}

fn holding(id: &str, payload: Vec<u8>) -> Arc<Item> {
    Arc::new(Item {
        id: ItemId::new(id).expect("it is an id"),
        lane: lane(),
        key: None,
        payload: payload.into(),
        headers: std::collections::BTreeMap::default(),
        deadline: None,
        published: SystemTime::now().into(),
    })
}

pub(crate) fn pull(broker: &dyn Broker, most: usize) -> Vec<Delivery> {
    broker.pull(&[Want { lane: &lane(), most }], WITHIN).expect("it can be pulled from")
}

/// Pulls until so many came.
pub(crate) fn take(broker: &dyn Broker, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    until(&format!("{count} items"), || {
        taken.extend(pull(broker, count - taken.len()));
        taken.len() == count
    });
    taken
}

pub(crate) fn take_one(broker: &dyn Broker) -> Delivery {
    take(broker, 1).remove(0)
}

pub(crate) fn settle(broker: &dyn Broker, delivery: Delivery, verdict: Verdict) -> Settled {
    let settlement = Settlement { ticket: delivery.ticket, verdict };
    broker.settle(vec![settlement], WITHIN).pop().expect("there is an answer")
}

/// Looks until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Clock::monotonic();
    let since = clock.now();
    while !is_so() {
        assert!(clock.now().since(since) < HANGS, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
