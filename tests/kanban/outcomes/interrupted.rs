//! What is interrupted by the end of its process comes again, and has lost no attempt.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, Outcome, Runtime, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{InFile, KeptOpen, Log, Meddled, Setup, counts, item, on_every_broker, publish, waiting};

on_every_broker!(what_sees_itself_cancelled_by_the_end_lost_no_attempt);

/// Enough for an end whose handlers look whether they are cancelled.
const SHORT: Duration = Duration::from_secs(5);

/// Its next process finds it as if it had not been tried.
fn what_sees_itself_cancelled_by_the_end_lost_no_attempt(setup: &dyn Setup) {
    let log = Log::default();
    // In memory it would be gone with its broker.
    let kept: Arc<dyn Broker> = Meddled::new(setup.open(GENEROUS), KeptOpen);
    let start = |log: &Log, ends: bool| -> Runtime {
        let runs = log.clone();
        let handler = move |work: &Work<'_>| {
            runs.note(work);
            while !ends && !work.context().is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            if ends { Outcome::Done } else { Outcome::retry("was interrupted") }
        };
        let builder = Runtime::builder().on_broker(kept.clone()).pool("mail", workers(1));
        builder.handler("mail", handler).start().unwrap()
    };
    for round in 1..=3 {
        let runtime = start(&log, false);
        if round == 1 {
            publish(&runtime, [item("long")]);
        }
        eventually("it runs", || log.len() == round);
        let report = runtime.stop(SHORT);
        let queue = report.kanban.unwrap();
        assert!(queue.abandoned.is_empty() && queue.given_back.is_empty() && report.unjoined.is_empty());
        assert_eq!(queue.left, Some(1));
        assert_eq!((counts(&runtime).released, counts(&runtime).retried, counts(&runtime).failed), (1, 0, 0));
    }
    let runtime = start(&log, true);
    eventually("it is done", || counts(&runtime).acked == 1);
    assert_eq!(log.attempts("long"), [1, 1, 1, 1]);
    let deliveries: Vec<u32> = log.runs().iter().map(|run| run.deliveries).collect();
    assert_eq!(deliveries, [1, 1, 1, 1], "given back in good order, it is no nearer to being poison");
}

/// A process that left its item behind, running: the next one that opens the file has it at once.
#[test]
fn what_was_abandoned_comes_again_from_the_file() {
    let (setup, log, gate) = (InFile::default(), Log::default(), Gate::default());
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let builder = Runtime::builder().on_broker(setup.open(GENEROUS)).pool("mail", workers(1));
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, [item("stuck")]);
    gate.wait_for(1);
    let report = runtime.stop(SHORT);
    let queue = report.kanban.clone().unwrap();
    assert_eq!(queue.abandoned.iter().map(heijunka::ItemId::as_str).collect::<Vec<_>>(), ["stuck"]);
    assert_eq!((report.unjoined.as_slice(), queue.volatile), (&["hj-mail-0".to_owned()][..], false));
    assert!(!report.is_clean());

    let again = log.clone();
    let broker = setup.open(GENEROUS);
    let builder = Runtime::builder().on_broker(broker.clone()).pool("mail", workers(1));
    let next = builder.handler("mail", move |work: &Work<'_>| again.note(work)).start().unwrap();
    eventually("it is done", || counts(&next).acked == 1);
    assert_eq!((log.attempts("stuck"), waiting(&*broker)), (vec![1, 1], 0));
    assert_eq!(log.runs()[1].deliveries, 2);
    gate.open();
}
