//! A background flood stays within its share, and never touches what is reserved.

use std::time::Duration;

use heijunka::{DomainConfig, ItemSpec, KanbanConfig, Reason, Runtime, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{Log, counts, publish, quick};

/// Limits of 40, of which 10 are reserved; pulled work of a domain `bulk` and of `urgent`, which is a priority domain, is held up.
/// Returned once so many of them run.
fn flooded(share: f64, running: u32, gate: &Gate, log: &Log) -> Runtime {
    let handler = |gate: &Gate| {
        let (runs, wait) = (log.clone(), gate.waiter());
        move |work: &Work<'_>| {
            runs.note(work);
            wait();
        }
    };
    let runtime = Runtime::builder()
        .limits(40, 40)
        .reserve(0.25)
        .kanban(KanbanConfig { share, prefetch: 50, ..quick() })
        .domain("urgent", DomainConfig { priority: true, ..DomainConfig::default() })
        .pool("bulk", workers(30))
        .pool("urgent", workers(30))
        .pool("web", workers(1))
        .handler("bulk", handler(gate))
        .handler("urgent", handler(gate))
        .start()
        .unwrap();
    for domain in ["bulk", "urgent"] {
        publish(&runtime, (0..500).map(|n| ItemSpec::new(domain).id(format!("{domain}{n}"))));
    }
    gate.wait_for(running as usize);
    for _ in 0..50 {
        let status = runtime.regulator().status();
        assert_eq!((status.in_flight, status.normal_in_flight), (running, running));
        assert_eq!(gate.came(), running as usize);
        std::thread::sleep(Duration::from_millis(2));
    }
    runtime
}

fn ends_well(runtime: &Runtime, gate: &Gate, log: &Log) {
    gate.open();
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    log.each_once(1000);
    assert_eq!((counts(runtime).done, counts(runtime).released), (1000, 0));
    assert_eq!(runtime.regulator().status().in_flight, 0);
}

/// With all of the normal limit to itself, it has that and no more: also what is pulled for a priority domain.
#[test]
fn a_flood_never_touches_the_reserve() {
    let (gate, log, jobs) = (Gate::default(), Log::default(), Gate::default());
    let runtime = flooded(1.0, 30, &gate, &log);
    assert!(log.runs().iter().any(|run| run.id.starts_with("urgent")), "both domains have their turn");
    let urgent = runtime.domain("urgent").unwrap();
    for n in 0..10 {
        urgent.execute(n, jobs.job()).unwrap();
    }
    let refused = urgent.execute(10, jobs.job()).unwrap_err().rejected();
    assert_eq!((refused.reason(), refused.in_flight()), (Reason::HardLimit, 40));
    jobs.open();
    eventually("the reserve is free again", || runtime.regulator().status().in_flight == 30);
    ends_well(&runtime, &gate, &log);
}

/// The rest of the normal limit is left to those who wait for an answer, whenever they come.
#[test]
fn a_flood_stays_within_its_share() {
    let (gate, log, jobs) = (Gate::default(), Log::default(), Gate::default());
    let runtime = flooded(0.5, 15, &gate, &log);
    let web = runtime.domain("web").unwrap();
    for n in 0..15 {
        web.execute(n, jobs.job()).unwrap();
    }
    let refused = web.execute(15, jobs.job()).unwrap_err().rejected();
    assert_eq!((refused.reason(), refused.in_flight()), (Reason::Reserve, 30));
    jobs.open();
    eventually("their permits are back", || runtime.regulator().status().in_flight == 15);
    ends_well(&runtime, &gate, &log);
}

/// Where others use all permits, pulled work waits in the broker; nothing of it is lost, refused or given back.
#[test]
fn what_gets_no_permit_waits() {
    let (log, jobs) = (Log::default(), Gate::default());
    let runs = log.clone();
    let runtime = Runtime::builder()
        .limits(5, 5)
        .reserve(0.0)
        .kanban(quick())
        .pool("web", workers(5))
        .pool("mail", workers(5))
        .handler("mail", move |work: &Work<'_>| runs.note(work))
        .start()
        .unwrap();
    jobs.occupy(&runtime.domain("web").unwrap(), 1, 5);
    publish(&runtime, (0..100).map(crate::rig::item));
    for _ in 0..50 {
        let queue = crate::rig::queue(&runtime, "mail");
        assert_eq!((queue.held, queue.running, log.len()), (0, 0, 0));
        std::thread::sleep(Duration::from_millis(2));
    }
    jobs.open();
    eventually("all are done", || counts(&runtime).acked == 100);
    log.each_once(100);
    assert_eq!(counts(&runtime).pulled, 100);
    assert!(runtime.drain(GENEROUS).is_clean());
}

/// A domain whose workers are all busy holds a few items for them. Those want no permit yet, and others need not wait for them.
#[test]
fn what_is_held_for_busy_workers_takes_no_permit_from_other_domains() {
    let (gate, log) = (Gate::default(), Log::default());
    let (runs, wait) = (log.clone(), gate.waiter());
    let runtime = Runtime::builder()
        .limits(3, 3)
        .reserve(0.0)
        .kanban(KanbanConfig { share: 1.0, prefetch: 10, ..quick() })
        .pool("busy", workers(1))
        .pool("mail", workers(1))
        .handler("busy", move |_: &Work<'_>| wait())
        .handler("mail", move |work: &Work<'_>| runs.note(work))
        .start()
        .unwrap();
    publish(&runtime, (0..20).map(|n| ItemSpec::new("busy").id(n.to_string())));
    gate.wait_for(1);
    eventually("it holds some", || crate::rig::queue(&runtime, "busy").held >= 2);
    publish(&runtime, (0..50).map(crate::rig::item));
    eventually("the others are done meanwhile", || log.len() == 50);
    assert_eq!(gate.came(), 1);
    gate.open();
    assert!(runtime.drain(GENEROUS).is_clean());
}
