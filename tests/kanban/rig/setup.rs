//! Where scenarios get their brokers from.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, Builder, Runtime};

use crate::common::GENEROUS;

/// Where a scenario gets its broker from: empty at first, of the time that is real.
pub(crate) trait Setup {
    /// Opens it; once more only after the one before was closed and dropped. What was in it is there again, if it is durable.
    fn open(&self, lease: Duration) -> Arc<dyn Broker>;

    /// What another process would open beside this one. Of a broker that is open in one process only, this one.
    fn beside(&self, open: &Arc<dyn Broker>, _lease: Duration) -> Arc<dyn Broker> {
        open.clone()
    }

    /// Whether the broker stores an id that it has once.
    fn stores_once(&self) -> bool {
        true
    }

    /// Whether the broker can tell how many items it has in all, and the oldest of a lane.
    fn sees_all(&self) -> bool {
        true
    }

    /// Whether the items of a lane come in the order in which they were published: not if some are in another broker.
    fn keeps_order(&self) -> bool {
        true
    }

    /// Whether the broker can list the lanes that have items.
    fn lists_lanes(&self) -> bool {
        true
    }

    /// Whether a lane that has items gives some at once, rather than a moment after they were asked for.
    fn gives_at_once(&self) -> bool {
        true
    }

    /// So many items, or fewer where they would take long.
    fn fewer(&self, many: usize) -> usize {
        many
    }
}

/// A runtime to be described on a broker of this setup, and the broker, to be asked.
pub(crate) fn on(setup: &dyn Setup) -> (Builder, Arc<dyn Broker>) {
    let broker = setup.open(Duration::from_secs(30));
    (Runtime::builder().on_broker(broker.clone()), broker)
}

/// Drains a runtime: whatever waits is done.
pub(crate) fn drain(runtime: &Runtime) {
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
}
