//! What lies in the file that a dead process left. A copy is looked at, so that looking changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Broker, Clock, DeadLetter, DeadLetterFilter, DeadLetters, Durability, Embedded, EmbeddedSettings, Lane,
    Name, Priority, Want,
};

use crate::kind::{self, DOMAIN};

/// Items and dead letters.
#[derive(Default)]
pub(crate) struct Look {
    /// Ids of the items: ready, delayed, or on loan to who is dead now.
    pub(crate) left: Vec<String>,
    pub(crate) dead: Vec<DeadLetter>,
}

const WITHIN: Duration = Duration::from_secs(30);

/// Looks; at nothing, if the process died before there was a file.
pub(crate) fn at(queue: &Path) -> Look {
    if !queue.exists() {
        return Look::default();
    }
    let copy = queue.with_extension("look");
    std::fs::copy(queue, &copy).unwrap();
    let (clock, time) = Clock::manual();
    let settings = EmbeddedSettings::default();
    let broker = Arc::new(
        Embedded::in_file(&copy, settings, Durability::Process, clock.clone())
            .unwrap_or_else(|error| panic!("what it left cannot be opened: {error}")),
    );
    // What waits for another attempt is ready then.
    time.advance(Duration::from_secs(3600));
    let lanes = Priority::ALL.map(|priority| Lane { priority, domain: Name::new(DOMAIN).unwrap() });
    let wants = lanes.each_ref().map(|lane| Want { lane, most: 1_000_000 });
    let deliveries = broker.pull(&wants, WITHIN).unwrap();
    assert_eq!(broker.item_count(WITHIN).unwrap(), deliveries.len() as u64, "each can be pulled");
    for delivery in &deliveries {
        let id = delivery.item.id.as_str();
        assert_eq!(delivery.fault, None, "{id} is damaged");
        assert_eq!(delivery.item.payload, kind::payload(id), "{id} is damaged");
    }
    let left = deliveries.into_iter().map(|delivery| delivery.item.id.as_str().to_owned()).collect();
    let look = Look { left, dead: letters(&DeadLetters::new(broker.clone(), clock)) };
    broker.close(WITHIN);
    std::fs::remove_file(&copy).unwrap();
    look
}

fn letters(all: &DeadLetters) -> Vec<DeadLetter> {
    let (mut letters, mut filter) = (Vec::new(), DeadLetterFilter::default());
    loop {
        let page = all.list(&filter, 1000).unwrap();
        letters.extend(page.letters);
        match page.next {
            Some(next) => filter.after = next,
            None => return letters,
        }
    }
}
