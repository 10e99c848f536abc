//! Two brokers as one, each a real one behind a connection that fails as it is told.

mod asking;
mod consuming;
pub(crate) mod faulty;
mod flapping;
mod publishing;
mod told;

use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Broker, BrokerRole, Clock, Failover, FailoverSettings, FailoverStatus, PublishError, Publisher, Receipt,
};

use crate::rig::item;
use faulty::{Call, Faulty, Wrong};

/// A primary, a fallback, and both as one.
struct Pair {
    primary: Arc<Faulty>,
    fallback: Arc<Faulty>,
    failover: Failover,
}

/// Holds and probes in a hundredth of their time.
const PACE: u32 = 100;

impl Pair {
    fn new() -> Self {
        Self::of(Faulty::new("one"), Faulty::new("two"))
    }

    fn of(primary: Arc<Faulty>, fallback: Arc<Faulty>) -> Self {
        Self::with(primary, fallback, FailoverSettings::default())
    }

    fn with(primary: Arc<Faulty>, fallback: Arc<Faulty>, settings: FailoverSettings) -> Self {
        let clock = Clock::compressed(PACE);
        let failover = Failover::new(primary.clone(), fallback.clone(), settings, clock).unwrap();
        Self { primary, fallback, failover }
    }

    /// One whose probes say nothing for as long as a test takes.
    fn unprobed() -> Self {
        let settings = FailoverSettings { probe_every: Duration::from_secs(1_000_000), ..Default::default() };
        Self::with(Faulty::new("one"), Faulty::new("two"), settings)
    }

    fn status(&self) -> FailoverStatus {
        self.failover.status()
    }

    fn active(&self) -> BrokerRole {
        self.status().active().role
    }

    fn publish(&self, id: &str) -> Result<Receipt, PublishError> {
        let publisher = Publisher::new(Arc::new(self.failover.clone()), Clock::monotonic());
        publisher.timeout(Duration::from_secs(2)).publish(item(id))
    }

    /// Items in each of the two.
    fn kept(&self) -> [u64; 2] {
        let count = |broker: &Faulty| broker.inner().item_count(Duration::from_secs(10)).unwrap();
        [count(&self.primary), count(&self.fallback)]
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.failover.close(Duration::from_secs(10));
    }
}

/// Looks until it is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::SystemTime::now() + crate::common::GENEROUS;
    while !is_so() {
        assert!(std::time::SystemTime::now() < end, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
