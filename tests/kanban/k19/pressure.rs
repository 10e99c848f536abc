//! Backpressure: what cannot start stays in the broker.

use std::sync::Arc;

use heijunka::{Broker, KanbanConfig, PoolConfig, Priority, Runtime, Work};

use crate::common::{Gate, eventually, workers};
use crate::rig::{Log, Setup, depth, drain, items, on, on_every_broker, publish, queue, quick};

on_every_broker!(
    k19_03_backpressure,
    k19_03_backpressure_of_slots,
    k19_03_backpressure_of_permits,
    k19_03_backpressure_of_a_domain_that_has_no_worker_left,
);

const ITEMS: usize = 100;

/// Handlers that are held up: nothing more than `running` of them run, and no more than `held` items wait here for one.
fn held_up(setup: &dyn Setup, pool: PoolConfig, kanban: KanbanConfig, limit: u32, running: u32, held: u32) {
    let (log, gate, (builder, broker)) = (Log::default(), Gate::default(), on(setup));
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        wait();
    };
    // Other ids each time: a broker may remember for a while those that are done.
    let prefix = format!("of-{}-", pool.max_workers);
    let builder = builder.limits(limit, limit).reserve(0.0).kanban(kanban);
    let runtime = builder.pool("mail", pool).handler("mail", handler).start().unwrap();
    publish(&runtime, items(&prefix, ITEMS, Priority::Normal));
    gate.wait_for(running as usize);
    eventually("it holds what it may", || {
        let now = queue(&runtime, "mail");
        (now.running, now.held) == (running, held)
    });
    stays_so(&runtime, &broker, &gate, running, held);
    gate.open();
    drain(&runtime);
    log.each_once(ITEMS);
}

/// Looks for as long as a consumer that would pull more needs for it, many times over.
fn stays_so(runtime: &Runtime, broker: &Arc<dyn Broker>, gate: &Gate, running: u32, held: u32) {
    for _ in 0..100 {
        let (now, depth) = (queue(runtime, "mail"), depth(&**broker, Priority::Normal));
        assert_eq!((now.running, now.held), (running, held));
        assert_eq!(gate.came(), running as usize);
        assert_eq!(depth.unsettled, u64::from(running + held));
        assert_eq!(depth.ready + depth.unsettled, ITEMS as u64);
        let consumer = runtime.kanban().unwrap().status().consumer.unwrap();
        assert_eq!(consumer.slots_used, running + held);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// No more than the free workers and the prefetch, one worker of four being kept for high items.
fn k19_03_backpressure(setup: &dyn Setup) {
    held_up(setup, workers(4), quick(), 1000, 3, 2);
}

/// No more than the slots, whatever else there is room for.
fn k19_03_backpressure_of_slots(setup: &dyn Setup) {
    let kanban = KanbanConfig { slots: 5, prefetch: 10, ..quick() };
    held_up(setup, workers(4), kanban, 1000, 3, 2);
    held_up(setup, workers(8), KanbanConfig { slots: 5, prefetch: 0, ..quick() }, 1000, 5, 0);
}

/// No more than the permits that pulled work may have.
fn k19_03_backpressure_of_permits(setup: &dyn Setup) {
    let kanban = KanbanConfig { share: 0.25, prefetch: 10, ..quick() };
    held_up(setup, workers(16), kanban, 20, 5, 0);
}

/// While others use all workers, there is nothing to pull for beyond the prefetch.
fn k19_03_backpressure_of_a_domain_that_has_no_worker_left(setup: &dyn Setup) {
    let (log, gate, (builder, broker)) = (Log::default(), Gate::default(), on(setup));
    let runs = log.clone();
    let handler = move |work: &Work<'_>| runs.note(work);
    let builder = builder.kanban(KanbanConfig { prefetch: 3, ..quick() });
    let runtime = builder.pool("mail", workers(2)).handler("mail", handler).start().unwrap();
    gate.occupy(&runtime.domain("mail").unwrap(), 1, 2);
    publish(&runtime, items("", ITEMS, Priority::Normal));
    eventually("it holds what it may", || queue(&runtime, "mail").held == 3);
    for _ in 0..50 {
        let now = queue(&runtime, "mail");
        assert_eq!((now.running, now.held, log.len()), (0, 3, 0));
        assert_eq!(depth(&*broker, Priority::Normal).unsettled, 3);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    gate.open();
    drain(&runtime);
    log.each_once(ITEMS);
}
