//! What things are called at the server.

use std::time::Duration;

use crate::kanban::item::Lane;

/// The retry lanes: their names, and how long what is put there stays.
pub(super) const DELAYS: [(&str, Duration); 5] = [
    ("1s", Duration::from_secs(1)),
    ("5s", Duration::from_secs(5)),
    ("30s", Duration::from_secs(30)),
    ("2m", Duration::from_secs(120)),
    ("10m", Duration::from_secs(600)),
];

#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The exchange to which items are published.
    pub(super) fn items(&self) -> String {
        self.prefix.clone()
    }

    /// The queue of a lane, and its routing key.
    pub(super) fn lane(&self, lane: &Lane) -> String {
        format!("{}.{}.{}", self.prefix, lane.priority, lane.domain)
    }

    /// The exchange for dead letters.
    pub(super) fn dead(&self) -> String {
        format!("{}.dlx", self.prefix)
    }

    /// The queue that keeps dead letters.
    pub(super) fn letters(&self) -> String {
        format!("{}.dlq", self.prefix)
    }

    /// A retry lane: an exchange and the queue bound to it, so that the routing key stays the lane's.
    pub(super) fn retry(&self, delay: &str) -> String {
        format!("{}.retry.{delay}", self.prefix)
    }

    /// Where to put what is to come again after this time: in the shortest lane that is long enough, with a time to live of its
    /// own, so that it never comes early, and never later than the lane's time.
    pub(super) fn retry_for(&self, after: Duration) -> (String, Duration) {
        let last = DELAYS[DELAYS.len() - 1];
        let (name, longest) = DELAYS.into_iter().find(|(_, delay)| *delay >= after).unwrap_or(last);
        (self.retry(name), after.min(longest).max(Duration::from_millis(1)))
    }
}
