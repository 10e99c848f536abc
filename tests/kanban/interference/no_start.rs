//! A queue that cannot start leaves nothing running.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{BrokerError, Runtime, ScheduleConfig, StartError, Work};

use crate::common::{GENEROUS, workers};
use crate::rig::{Call, InMemory, Meddled, Meddler, Setup};

/// Lanes cannot be opened; all else works.
struct NoLanes;

impl Meddler for NoLanes {
    fn before(&self, call: Call, _: Duration) -> Result<(), BrokerError> {
        if call == Call::Open { Err(BrokerError::Refused("no lanes".to_owned())) } else { Ok(()) }
    }
}

#[test]
fn a_start_that_fails_leaves_no_scheduler_and_lets_go_of_the_broker() {
    let broker = Meddled::new(InMemory.open(GENEROUS), NoLanes);
    let every = Some(Duration::from_millis(100));
    let schedule = ScheduleConfig { every, domain: "mail".to_owned(), ..ScheduleConfig::default() };
    let builder = Runtime::builder().pool("mail", workers(1)).handler("mail", |_: &Work<'_>| ());
    let builder = builder.schedule("often", schedule).on_broker(broker.clone());
    assert!(!format!("{builder:?}").contains("Meddled"), "only what kind of broker it is");
    let refused = builder.start();
    assert!(matches!(refused, Err(StartError::Broker(_))), "{refused:?}");
    assert_eq!(Arc::strong_count(&broker), 1, "nobody holds it who could publish");
}
