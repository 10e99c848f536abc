//! A broker that is slow, or does not answer, is a matter of its own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use heijunka::{BrokerError, KanbanConfig, Reason, Runtime, Work};

use crate::common::{GENEROUS, Outcome, eventually, workers};
use crate::rig::{
    Call, InMemory, Log, Meddled, Meddler, Setup, counts, item, publish, queue, quick, told, waiting,
};

/// What the broker does with whatever its consumer asks of it.
#[derive(Default)]
struct Slow {
    /// How long it takes to answer, in milliseconds; if that is longer than it is given, it has not answered.
    delay: AtomicU64,
    calls: AtomicU64,
    busy: AtomicBool,
}

impl Meddler for Slow {
    fn before(&self, call: Call, within: Duration) -> Result<(), BrokerError> {
        let delay = Duration::from_millis(self.delay.load(Ordering::SeqCst));
        if delay.is_zero() || matches!(call, Call::Publish | Call::Close) {
            return Ok(());
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.busy.store(true, Ordering::SeqCst);
        std::thread::sleep(delay.min(within));
        self.busy.store(false, Ordering::SeqCst);
        if delay > within { Err(BrokerError::TimedOut(within)) } else { Ok(()) }
    }
}

/// Interactive jobs run, all of them, from the first call that hangs to the third; then the broker is well again, and so is the queue.
fn leaves_others_alone(delay: Duration, settle_timeout: Duration) -> Arc<Runtime> {
    let (log, broker) = (Log::default(), Meddled::new(InMemory.open(GENEROUS), Slow::default()));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        std::thread::sleep(Duration::from_millis(1));
    };
    // Small limits: permits that the queue held on to while its broker hangs would be missed. Half of them are its own.
    let builder = Runtime::builder().limits(8, 8).reserve(0.0).on_broker(broker.clone());
    let builder = builder.kanban(KanbanConfig { settle_timeout, ..quick() });
    let builder = builder.pool("mail", workers(2)).pool("web", workers(2)).handler("mail", handler);
    let runtime = Arc::new(builder.start().unwrap());
    publish(&runtime, (0..50).map(item));
    eventually("the queue works", || log.len() > 5);
    broker.meddler.delay.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    eventually("the broker hangs", || broker.meddler.busy.load(Ordering::SeqCst));
    eventually("what ran has ended", || runtime.status().admission.in_flight == 0);
    let before = runtime.status().admission.refused.total();
    let web = runtime.domain("web").unwrap();
    let (mut done, mut at_once) = (0_u64, 0_u64);
    while broker.meddler.calls.load(Ordering::SeqCst) < 3 {
        // As many as the queue leaves to others.
        let jobs: Vec<_> = (0..4).map(|n| web.submit(n, move |_| n).unwrap()).collect();
        let is_right = jobs.iter().zip(0..).all(|(job, n)| job.result() == Ok(n));
        assert!(is_right);
        // The handle is completed shortly before its permit is free.
        eventually("the permits are back", || runtime.status().admission.in_flight == 0);
        done += 4;
        at_once += u64::from(broker.meddler.busy.load(Ordering::SeqCst));
    }
    assert!(done > 0 && at_once > 0, "they ran while it hung");
    let status = runtime.status().admission.refused;
    assert_eq!((status.total(), status.of(Reason::HardLimit)), (before, 0), "none was refused");
    broker.meddler.delay.store(0, Ordering::SeqCst);
    eventually("all are done", || counts(&runtime).acked == 50 && waiting(&*broker) == 0);
    log.each_once(50);
    assert_eq!((counts(&runtime).gone, counts(&runtime).dead_lettered), (0, 0));
    eventually("nothing is held", || queue(&runtime, "mail").running + queue(&runtime, "mail").held == 0);
    runtime
}

#[test]
fn a_broker_that_answers_after_two_seconds_delays_its_own_items_only() {
    let runtime = leaves_others_alone(Duration::from_secs(2), Duration::from_secs(5));
    assert!(told(&runtime, "broker").is_empty(), "slow is not broken");
    assert!(runtime.drain(GENEROUS).is_clean());
}

#[test]
fn a_broker_that_never_answers_delays_its_own_items_only() {
    let runtime = leaves_others_alone(Duration::from_secs(3600), Duration::from_millis(300));
    let told: Vec<String> = told(&runtime, "broker").iter().map(|entry| entry.decision.clone()).collect();
    assert!(told.len() >= 2 && told[0].ends_with("failed") && told[1] == "works again", "{told:?}");
    assert_eq!(runtime.kanban().unwrap().status().consumer.unwrap().fault, None);
    assert!(runtime.drain(GENEROUS).is_clean());
}
