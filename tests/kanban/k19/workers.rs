//! One worker, several, and ten thousand items.

use heijunka::{Outcome, Priority, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{
    Log, Setup, counts, dead, drain, item, items, on, on_every_broker, publish, quick, waiting,
};

on_every_broker!(
    k19_01_single_worker,
    k19_02_several_workers_share_the_load,
    k19_02_several_runtimes_share_the_load,
    k19_07_ten_thousand_items,
);

/// One worker takes one after the other, in the order in which they were published.
fn k19_01_single_worker(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let runtime = builder
        .pool("mail", workers(1))
        .handler("mail", move |work: &Work<'_>| runs.note(work))
        .start()
        .unwrap();
    for n in 0..50 {
        publish(&runtime, [item(n)]);
    }
    eventually("all are done", || counts(&runtime).acked == 50);
    let ids: Vec<String> = log.runs().into_iter().map(|run| run.id).collect();
    let in_order: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    if setup.keeps_order() {
        assert_eq!(ids, in_order);
    } else {
        log.each_once(50);
    }
    assert_eq!(waiting(&*broker), 0);
    let report = runtime.stop(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
}

/// As many run at once as there are workers, but for the one that is kept free for high ones.
fn k19_02_several_workers_share_the_load(setup: &dyn Setup) {
    let (log, gate, (builder, _broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let runtime = builder.pool("mail", workers(4)).handler("mail", handler).start().unwrap();
    publish(&runtime, items("normal", 100, Priority::Normal));
    gate.wait_for(3);
    publish(&runtime, items("high", 1, Priority::High));
    gate.wait_for(4);
    let mut busy: Vec<usize> = log.runs().iter().map(|run| run.worker).collect();
    busy.sort_unstable();
    assert_eq!(busy, [0, 1, 2, 3]);
    assert_eq!(log.runs()[3].id, "high0", "the last worker is kept for it");
    gate.open();
    drain(&runtime);
    log.each_once(101);
}

/// Two that pull from one broker both get some, and none gets what the other has.
fn k19_02_several_runtimes_share_the_load(setup: &dyn Setup) {
    let (log, gates) = (Log::default(), [Gate::default(), Gate::default()]);
    let broker = setup.open(GENEROUS);
    let brokers = [broker.clone(), setup.beside(&broker, GENEROUS)];
    let runtimes = [0, 1].map(|nth: usize| {
        let gate = &gates[nth];
        let (runs, wait) = (log.clone(), gate.waiter());
        let handler = move |work: &Work<'_>| {
            runs.note(work);
            wait();
        };
        let builder = heijunka::Runtime::builder().on_broker(brokers[nth].clone());
        builder.pool("mail", workers(2)).handler("mail", handler).start().unwrap()
    });
    publish(&runtimes[0], items("", 200, Priority::Normal));
    for gate in &gates {
        gate.wait_for(1);
    }
    gates.iter().for_each(Gate::open);
    eventually("all are done", || counts(&runtimes[0]).acked + counts(&runtimes[1]).acked == 200);
    log.each_once(200);
    assert!(runtimes.iter().all(|runtime| counts(runtime).acked > 0));
    assert_eq!(waiting(&*broker), 0);
}

/// Each of ten thousand, published in batches while they are worked on, is done once.
fn k19_07_ten_thousand_items(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        if work.attempt() == 1 && work.item().id.as_str().ends_with("77") {
            return Outcome::retry("not yet");
        }
        Outcome::Done
    };
    let runtime = builder.pool("mail", workers(4)).kanban(quick()).handler("mail", handler).start().unwrap();
    let hundreds = setup.fewer(10_000) / 100;
    let all = 100 * hundreds as u64;
    for batch in 0..hundreds {
        publish(&runtime, (0..100).map(|n| item(batch * 100 + n).priority(Priority::ALL[n % 3])));
    }
    for some in (500..=all).step_by(500) {
        eventually("the next five hundred are done", || counts(&runtime).acked >= some);
    }
    let again: Vec<_> = log.by_id().into_iter().filter(|(_, times)| *times != 1).collect();
    assert_eq!(again.len(), hundreds, "{again:?}");
    assert!(again.iter().all(|(id, times)| id.ends_with("77") && *times == 2), "{again:?}");
    assert_eq!(log.len(), 101 * hundreds);
    assert_eq!((waiting(&*broker), dead(&*broker).len()), (0, 0));
    let counts = counts(&runtime);
    assert_eq!((counts.published, counts.done, counts.retried, counts.gone), (all, all, hundreds as u64, 0));
}
