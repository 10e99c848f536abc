//! Urgent items first, the others not never.

use std::time::Duration;

use heijunka::{KanbanConfig, Priority, Work};

use crate::common::{Gate, workers};
use crate::rig::{Log, Setup, drain, item, items, on, on_every_broker, publish, quick};

on_every_broker!(k19_05_priority, k19_05_priority_at_once);

/// While all lanes have work, most of what starts is high, and of any ten that start next to each other at least two are normal
/// and one is low.
fn k19_05_priority(setup: &dyn Setup) {
    let (log, gate, (builder, _broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait, at_once) = (log.clone(), gate.waiter(), setup.gives_at_once());
    let handler = move |work: &Work<'_>| {
        if work.item().id.as_str() == "first" {
            return wait();
        }
        runs.note(work);
        if !at_once {
            // As long as the next item of a lane may be on its way.
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let kanban = KanbanConfig { prefetch: 0, ..quick() };
    let runtime = builder.pool("mail", workers(1)).kanban(kanban).handler("mail", handler).start().unwrap();
    publish(&runtime, [item("first")]);
    gate.wait_for(1);
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        publish(&runtime, items(priority.name(), 70, priority));
    }
    gate.open();
    drain(&runtime);
    let order: Vec<Priority> = log.runs().iter().map(|run| run.priority).collect();
    assert_eq!(order.len(), 210);
    let of = |runs: &[Priority], priority| runs.iter().filter(|run| **run == priority).count();
    let last_high = order.iter().rposition(|run| *run == Priority::High).unwrap();
    let contended = &order[..=last_high];
    for ten in contended.windows(10) {
        assert!(of(ten, Priority::Normal) >= 2 && of(ten, Priority::Low) >= 1, "{ten:?}");
        assert!(of(ten, Priority::High) >= 6, "{ten:?}");
    }
    let rest = &order[last_high + 1..];
    let last_normal = rest.iter().rposition(|run| *run == Priority::Normal).unwrap();
    assert!(rest[..last_normal].windows(10).all(|ten| of(ten, Priority::Normal) > of(ten, Priority::Low)));
}

/// However much waits, what is high starts at once: a worker is kept free for it.
fn k19_05_priority_at_once(setup: &dyn Setup) {
    let (log, gate, (builder, _broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        if work.item().lane.priority != Priority::High {
            wait();
        }
    };
    let runtime = builder.pool("mail", workers(2)).kanban(quick()).handler("mail", handler).start().unwrap();
    publish(&runtime, items("low", 50, Priority::Low));
    publish(&runtime, items("normal", 50, Priority::Normal));
    gate.wait_for(1);
    for n in 0..20 {
        publish(&runtime, [item(format_args!("high{n}")).priority(Priority::High)]);
        crate::common::eventually("it ran", || log.len() == n + 2);
    }
    assert_eq!(gate.came(), 1);
    gate.open();
    drain(&runtime);
    log.each_once(120);
}
