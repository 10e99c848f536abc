//! Items of a domain that nobody consumes are noticed.

use std::collections::BTreeSet;

use heijunka::{Clock, ItemSpec, Priority, PublishError, Publisher, Work};

use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{Log, Setup, counts, items, on, on_every_broker, publish, told};

on_every_broker!(items_that_nobody_consumes_are_told_once);

/// Minutes pass in a tenth of a second.
const TIMES: u32 = 600;

fn items_that_nobody_consumes_are_told_once(setup: &dyn Setup) {
    let (log, (builder, broker)) = (Log::default(), on(setup));
    let runs = log.clone();
    let builder = builder.clock(Clock::compressed(TIMES)).pool("mail", workers(1));
    let runtime = builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap();
    let strays = || runtime.kanban().unwrap().status().consumer.unwrap().strays;
    publish(&runtime, items("", 20, Priority::Normal));
    if setup.lists_lanes() {
        // Across a failover, once it is asked whom it can be asked of.
        eventually("they can be told", || broker.strays(GENEROUS).is_ok());
    } else {
        // RabbitMQ lists no queues, so strays are not known; but what has no queue, since nobody ever consumed it, is refused.
        let refused = runtime.kanban().unwrap().publisher().publish(ItemSpec::new("lost"));
        assert!(matches!(refused, Err(PublishError::NotStored(_))), "{refused:?}");
        eventually("all are done", || counts(&runtime).acked == 20);
        assert_eq!(strays(), None);
        assert!(!runtime.metrics().contains("queue_strays"));
        assert!(runtime.stop(GENEROUS).is_clean());
        return;
    }
    let lost = |id: u32| ItemSpec::new("lost").id(id.to_string()).priority(Priority::Low);
    publish(&runtime, (0..7).map(lost));
    eventually("it is told", || !told(&runtime, "stray").is_empty());
    let entry = &told(&runtime, "stray")[0];
    assert_eq!(entry.decision, "lost: 7 low items stay, and nobody seems to consume them");
    eventually("the status says so", || strays().is_some_and(|strays| !strays.is_empty()));
    let seen: Vec<_> = strays().unwrap().into_iter().map(|(lane, items)| (lane.subject(), items)).collect();
    assert_eq!(seen, [("kanban.low.lost".to_owned(), 7)]);
    let line = "heijunka_queue_strays{domain=\"lost\",priority=\"low\"} 7";
    assert!(runtime.metrics().lines().any(|written| written == line), "{}", runtime.metrics());
    // More of them, and of another domain.
    let publisher = Publisher::new(broker.clone(), Clock::monotonic());
    publisher.publish(lost(7)).unwrap();
    publisher.publish(ItemSpec::new("gone")).unwrap();
    eventually("the other one is told", || told(&runtime, "stray").len() == 2);
    eventually("there are more", || {
        let strays = strays().unwrap();
        let domains: BTreeSet<&str> = strays.iter().map(|(lane, _)| lane.domain.as_str()).collect();
        domains == ["gone", "lost"].into() && strays.iter().any(|(_, items)| *items == 8)
    });
    let decisions: Vec<_> = told(&runtime, "stray").iter().map(|entry| entry.decision.clone()).collect();
    assert_eq!(decisions.len(), 2, "each is told once: {decisions:?}");
    // Somebody else begins to consume them.
    let other = heijunka::Runtime::builder().on_broker(setup.beside(&broker, GENEROUS));
    let other = other.pool("lost", workers(1)).handler("lost", |_: &Work<'_>| ()).start().unwrap();
    eventually("they are consumed", || {
        strays().unwrap().iter().all(|(lane, _)| lane.domain.as_str() != "lost")
    });
    eventually("its own are done", || counts(&runtime).acked >= 20);
    log.each_once(20);
    drop(other);
}
