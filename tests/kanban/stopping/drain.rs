//! A drain runs everything that waits, as long as there is time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use heijunka::{ItemSpec, KanbanConfig, Outcome, Publisher, Readiness, Reason, Schedule, When, Work};

use crate::common::{GENEROUS, Gate, beside, eventually, workers};
use crate::rig::{Log, Setup, counts, item, on, on_every_broker, publish, quick, waiting};

on_every_broker!(
    handlers_may_publish_during_a_drain,
    others_are_refused_while_a_drain_empties_the_queue,
    a_drain_without_time_tells_what_is_left,
    a_drain_ends_the_schedules_first,
);

/// Each item brings about another, until the drain has run all of them.
fn handlers_may_publish_during_a_drain(setup: &dyn Setup) {
    let (log, gate, (builder, broker)) = (Log::default(), Gate::default(), on(setup));
    let publisher = Arc::new(OnceLock::<Publisher>::new());
    let (runs, wait, own) = (log.clone(), gate.waiter(), publisher.clone());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
        let generation: u32 = work.item().json().unwrap();
        if generation < 5 {
            let next = item(format_args!("{}+", work.item().id)).json(&(generation + 1)).unwrap();
            own.get().unwrap().publish(next).unwrap();
        }
        Outcome::Done
    };
    let builder = builder.pool("mail", workers(2)).kanban(quick());
    let runtime = Arc::new(builder.handler("mail", handler).start().unwrap());
    publisher.set(runtime.kanban().unwrap().publisher().clone()).unwrap();
    publish(&runtime, (0..10).map(|n| item(n).json(&0).unwrap()));
    gate.wait_for(1);
    let draining = beside({
        let runtime = runtime.clone();
        move || runtime.drain(GENEROUS)
    });
    eventually("it drains", || runtime.readiness() == Readiness::Ending);
    gate.open();
    let report = draining.join();
    assert!(report.is_clean(), "{report:?}");
    log.each_once(60);
    assert_eq!((counts(&runtime).published, counts(&runtime).acked), (60, 60));
    assert_eq!(report.kanban.unwrap().left, Some(0));
    drop(broker);
}

/// Readiness is the first to go: whoever asks for work to be done is refused, while items are still pulled.
fn others_are_refused_while_a_drain_empties_the_queue(setup: &dyn Setup) {
    let (log, gate, (builder, broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    let builder = builder.pool("mail", workers(1)).pool("web", workers(1)).kanban(quick());
    let runtime = Arc::new(builder.handler("mail", handler).start().unwrap());
    publish(&runtime, (0..40).map(item));
    gate.wait_for(1);
    let draining = beside({
        let runtime = runtime.clone();
        move || runtime.drain(GENEROUS)
    });
    eventually("it drains", || runtime.readiness() == Readiness::Ending);
    eventually("its consumer knows", || runtime.kanban().unwrap().status().consumer.unwrap().draining);
    let web = runtime.domain("web").unwrap();
    for n in 0..3 {
        assert_eq!(web.execute(n, |_| ()).unwrap_err().rejected().reason(), Reason::Closed);
    }
    assert_eq!((log.len(), waiting(&*broker)), (1, 40));
    gate.open();
    let report = draining.join();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.refused, 3, "pulled work is not among them");
    log.each_once(40);
}

/// What did not get its turn stays in the broker, what is held goes back there, and the handler that runs sees the end.
fn a_drain_without_time_tells_what_is_left(setup: &dyn Setup) {
    let (log, (builder, _broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        while !work.context().is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Outcome::retry("interrupted")
    };
    let builder = builder.pool("mail", workers(1)).kanban(KanbanConfig { prefetch: 4, ..quick() });
    let runtime = builder.handler("mail", handler).start().unwrap();
    publish(&runtime, (0..30).map(item));
    eventually("one runs, four are held", || log.len() == 1 && counts(&runtime).pulled == 5);
    let report = runtime.drain(Duration::from_secs(5));
    let queue = report.kanban.clone().unwrap();
    assert_eq!((queue.abandoned.len(), queue.left, log.len()), (0, Some(30), 1));
    let given_back: Vec<&str> = queue.given_back.iter().map(heijunka::ItemId::as_str).collect();
    assert_eq!(given_back, ["1", "2", "3", "4"]);
    assert_eq!(queue.lost(), if queue.volatile { 30 } else { 0 });
    assert_eq!(report.is_clean(), !queue.volatile);
}

/// Otherwise the queue would never be empty.
fn a_drain_ends_the_schedules_first(setup: &dyn Setup) {
    let (log, (builder, _broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        // About as long as it takes to the next tick.
        std::thread::sleep(Duration::from_millis(100));
    };
    let builder = builder.pool("mail", workers(1)).handler("mail", handler);
    let runtime = builder.start().unwrap();
    let scheduler = runtime.kanban().unwrap().scheduler().clone();
    let when = When::Every(Duration::from_millis(100));
    let schedule = Schedule::new("often", "mail", when).unwrap();
    scheduler.add(Schedule { batch: 5, overlap: heijunka::Overlap::Allow, ..schedule }).unwrap();
    eventually("it has begun", || log.len() > 1);
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(counts(&runtime).published, counts(&runtime).acked);
    assert!(scheduler.run_now("often").is_err());
    assert!(runtime.kanban().unwrap().publisher().publish(ItemSpec::new("mail")).is_err());
}
