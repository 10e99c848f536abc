//! Items that are published by the clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Clock, ItemId, KanbanCounts, MemorySeen, Priority, Runtime, Schedule, ScheduleConfig, When, Work,
};

use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{Log, Setup, counts, on, on_every_broker, waiting};

on_every_broker!(k19_10_scheduler, k19_10_scheduler_of_two_that_agree);

fn often() -> ScheduleConfig {
    ScheduleConfig {
        every: Some(Duration::from_millis(100)),
        domain: "mail".to_owned(),
        priority: Priority::High,
        payload: "tick".to_owned(),
        ..ScheduleConfig::default()
    }
}

/// The tick that an id tells of, in milliseconds.
fn tick(id: &str, schedule: &str) -> u64 {
    id.strip_prefix(schedule).unwrap().strip_prefix(':').unwrap().parse().unwrap()
}

/// A schedule publishes an item per tick, can be paused, and begins, lasts and ends as it is told.
fn k19_10_scheduler(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| {
        assert_eq!(&work.item().payload[..], b"tick");
        runs.note(work);
    };
    let runtime =
        builder.pool("mail", workers(1)).schedule("often", often()).handler("mail", handler).start().unwrap();
    let scheduler = runtime.kanban().unwrap().scheduler().clone();
    eventually("five ticks have run", || log.len() >= 5);
    // Across a failover once whoever keeps the schedules is back.
    eventually("it is paused", || scheduler.pause("often").is_ok());
    eventually("what was published is done", || waiting(&*broker) == 0);
    let ticks: Vec<u64> = log.runs().iter().map(|run| tick(&run.id, "often")).collect();
    assert!(ticks.is_sorted_by(|a, b| a < b) && ticks.iter().all(|tick| tick % 100 == 0), "{ticks:?}");
    assert!(log.runs().iter().all(|run| run.priority == Priority::High));

    let schedule = Schedule::new("added", "mail", When::Every(Duration::from_millis(100))).unwrap();
    scheduler.add(Schedule { payload: "tick".into(), batch: 3, ..schedule }).unwrap();
    let paused = log.len();
    eventually("two of its ticks have run", || log.len() >= paused + 6);
    assert!(log.runs()[paused..].iter().all(|run| run.id.starts_with("added:")), "a paused one is not run");
    scheduler.resume("often").unwrap();
    eventually("it goes on", || log.runs()[paused..].iter().any(|run| run.id.starts_with("often:")));
    let names = |runtime: &Runtime| -> Vec<String> {
        let list = runtime.kanban().unwrap().scheduler().list();
        list.iter().map(|status| status.schedule.name.to_string()).collect()
    };
    assert_eq!(names(&runtime), ["added", "often"]);
    scheduler.cancel("often").unwrap();
    scheduler.cancel("added").unwrap();
    assert!(names(&runtime).is_empty() && scheduler.cancel("added").is_err());
    let id: Result<ItemId, _> = scheduler.run_now("added");
    assert!(id.is_err());
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    log.each_once(log.len());
    assert_eq!(counts(&runtime).done, log.len() as u64);
}

/// Two processes with the same schedule publish each tick once: the second time its id is known to the broker. Where it is not, both are
/// stored, and the seen store absorbs the second one, as long as it is the store of both.
fn k19_10_scheduler_of_two_that_agree(setup: &dyn Setup) {
    let (log, lease) = (Log::default(), Duration::from_secs(2));
    let broker = setup.open(lease);
    let brokers = [broker.clone(), setup.beside(&broker, lease)];
    // What runs elsewhere comes again after its lease: the store must remember for longer.
    let new_seen = || Arc::new(MemorySeen::new(1000, GENEROUS * 10, Clock::monotonic()));
    let of_both = new_seen();
    let runtimes = brokers.map(|broker| {
        let runs = log.clone();
        // One that is its own would not help if a tick were stored twice. The embedded broker forgets what is done.
        let remembers = broker.traits().name == "nats";
        let seen = if remembers { new_seen() } else { of_both.clone() };
        let builder = Runtime::builder().on_broker(broker).seen_store(seen);
        let builder = builder.pool("mail", workers(1)).schedule("often", often());
        builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap()
    });
    eventually("both have published", || {
        runtimes.iter().all(|runtime| counts(runtime).published > 0 || counts(runtime).published_twice > 0)
            && log.len() > 20
    });
    for runtime in &runtimes {
        runtime.kanban().unwrap().scheduler().pause("often").unwrap();
    }
    eventually("what was published is done", || waiting(&*broker) == 0);
    let counted = runtimes.each_ref().map(counts);
    let sum = |of: fn(&KanbanCounts) -> u64| counted.iter().map(of).sum::<u64>();
    let ticks: BTreeSet<String> = log.runs().into_iter().map(|run| run.id).collect();
    log.each_once(ticks.len());
    let (stored, known) = (sum(|counts| counts.published), sum(|counts| counts.published_twice));
    match broker.traits().name {
        "nats" => {
            assert_eq!(stored, ticks.len() as u64, "each is stored once");
            assert!(known > 0, "the other one was told that it is there");
        }
        "amqp" => {
            assert_eq!(known, 0);
            let absorbed = sum(|counts| counts.duplicates + counts.concurrent);
            assert!(
                absorbed > 0 && absorbed >= stored - ticks.len() as u64,
                "{stored} stored, {absorbed} absorbed"
            );
        }
        _ => {}
    }
    drop(runtimes);
}
