//! Where scenarios get their brokers from.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, Builder, Runtime};

use crate::common::{GENEROUS, eventually};

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

    /// Whether the broker sees whatever it has: how many items in all, the oldest of a lane, those on their way from one place to another.
    fn sees_all(&self) -> bool {
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

/// Drains a runtime. RabbitMQ counts nowhere what is on its way, from one queue to another or to a client, and a drain that finds nothing
/// ends; what is left then is there for the next one. So there `done` is waited for before.
pub(crate) fn drain(setup: &dyn Setup, runtime: &Runtime, done: impl Fn() -> bool) {
    if !setup.sees_all() {
        eventually("all is done", done);
    }
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
}
