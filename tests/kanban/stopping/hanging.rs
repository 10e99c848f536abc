//! A broker that does not answer does not hold up the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::{BrokerError, KanbanConfig, Runtime, Work};
use parking_lot::{Condvar, Mutex};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{Call, InMemory, Log, Meddled, Meddler, Setup, item, publish, quick};

/// Hangs in whatever it is asked, until it is let go or as long as it is given; remembers how long that was.
#[derive(Default)]
struct Hanging {
    hangs: AtomicBool,
    calls: Mutex<Vec<(Call, Duration)>>,
    changed: Condvar,
}

impl Hanging {
    fn let_go(&self) {
        self.hangs.store(false, Ordering::SeqCst);
        let _calls = self.calls.lock();
        self.changed.notify_all();
    }
}

impl Meddler for Hanging {
    fn before(&self, call: Call, within: Duration) -> Result<(), BrokerError> {
        let mut calls = self.calls.lock();
        if !self.hangs.load(Ordering::SeqCst) {
            return Ok(());
        }
        calls.push((call, within));
        let hangs = |_: &mut Vec<(Call, Duration)>| self.hangs.load(Ordering::SeqCst);
        let waited = self.changed.wait_while_for(&mut calls, hangs, within);
        if waited.timed_out() { Err(BrokerError::TimedOut(within)) } else { Ok(()) }
    }
}

/// The driver cannot be joined, and is named; what asks for the sum of it all is not given more time than there is.
#[test]
fn a_stop_does_not_wait_for_a_broker_that_hangs() {
    let (log, gate, broker) =
        (Log::default(), Gate::default(), Meddled::new(InMemory.open(GENEROUS), Hanging::default()));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let kanban = KanbanConfig { settle_timeout: Duration::from_secs(600), ..quick() };
    let builder = Runtime::builder().on_broker(broker.clone()).kanban(kanban).pool("mail", workers(2));
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, (0..5).map(item));
    gate.wait_for(1);
    broker.meddler.hangs.store(true, Ordering::SeqCst);
    eventually("it hangs", || !broker.meddler.calls.lock().is_empty());
    let before = broker.meddler.calls.lock().len();
    let patience = Duration::from_millis(200);
    let report = runtime.stop(patience);
    assert!(report.unjoined.contains(&"hj-kanban".to_owned()), "{report:?}");
    let queue = report.kanban.clone().unwrap();
    assert_eq!(queue.left, None, "nobody knows");
    assert!(!report.is_clean());
    for (call, within) in &broker.meddler.calls.lock()[before..] {
        assert!(*within <= patience, "{call:?} was given {within:?}");
    }
    gate.open();
    broker.meddler.let_go();
}
