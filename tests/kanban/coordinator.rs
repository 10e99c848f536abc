//! The depth of a queue asks for workers, and what runs for too long is seen.

use std::time::Duration;

use heijunka::{
    BreakerState, BrokerConfig, KanbanConfig, Kind, PoolConfig, Priority, RetryConfig, Runtime, Work,
};

use crate::common::{GENEROUS, Gate, eventually, pool_status, workers};
use crate::rig::{InMemory, Log, Setup, counts, dead, item, items, on, publish, queue, quick, told, waiting};

fn growing(most: u32) -> PoolConfig {
    PoolConfig { max_workers: most, kind: Kind::Blocking, ..workers(1) }
}

fn held_up(gate: &Gate, kanban: KanbanConfig, most: u32) -> Runtime {
    let wait = gate.waiter();
    let builder = on(&InMemory).0.kanban(kanban).pool("mail", growing(most));
    builder.handler("mail", move |_: &Work<'_>| wait()).start().unwrap()
}

/// Average depth over items per worker, and two more: 7 for a hundred, never above the most.
#[test]
fn a_deep_queue_makes_its_pool_grow() {
    let gate = Gate::default();
    let runtime = held_up(&gate, KanbanConfig { prefetch: 0, ..quick() }, 50);
    eventually("it has looked", || queue(&runtime, "mail").target_workers == 2);
    publish(&runtime, items("", 110, Priority::Normal));
    // 100 and a few are ready, as one worker of each few is kept free: a twentieth of them, and two.
    eventually("it asks for more", || queue(&runtime, "mail").target_workers == 7);
    eventually("it has more", || pool_status(&runtime, "mail").workers >= 7);
    eventually("they have work", || queue(&runtime, "mail").running >= 6);
    publish(&runtime, items("more", 1000, Priority::Low));
    eventually("it asks for as many as it may", || queue(&runtime, "mail").target_workers == 20);
    eventually("it has them", || pool_status(&runtime, "mail").workers >= 20);
    eventually("the status tells them", || queue(&runtime, "mail").workers >= 20);
    let why = runtime
        .journal()
        .iter()
        .any(|entry| entry.author == heijunka::Author::Scaling && entry.pool.as_deref() == Some("mail"));
    assert!(why, "each change is explained");
    gate.open();
    assert!(runtime.drain(GENEROUS).is_clean());
}

/// The pool's own bounds hold, whatever the queue asks for.
#[test]
fn a_pool_does_not_grow_beyond_its_bounds() {
    let gate = Gate::default();
    let runtime = held_up(&gate, quick(), 3);
    publish(&runtime, items("", 500, Priority::Normal));
    eventually("it asks for as many as it may", || queue(&runtime, "mail").target_workers == 20);
    eventually("it has what its pool may have", || pool_status(&runtime, "mail").workers == 3);
    let ticks = runtime.status().control.ticks;
    eventually("the control thread has looked", || runtime.status().control.ticks > ticks + 3);
    assert_eq!(pool_status(&runtime, "mail").workers, 3);
    gate.open();
    assert!(runtime.drain(GENEROUS).is_clean());
}

/// K18: current and target workers, depth samples, draining, time stamps.
#[test]
fn the_health_record_tells_samples_workers_and_times() {
    let gate = Gate::default();
    let runtime = held_up(&gate, KanbanConfig { window: 4, ..quick() }, 1);
    let before = runtime.clock().timestamp();
    publish(&runtime, items("", 30, Priority::Normal));
    gate.wait_for(1);
    eventually("the window is full of the present depth", || queue(&runtime, "mail").samples == [27; 4]);
    let status = runtime.status().kanban.unwrap();
    let consumer = status.consumer.clone().unwrap();
    assert!(before <= consumer.at && consumer.at <= status.at && status.at <= runtime.clock().timestamp());
    assert!(!consumer.draining && consumer.fault.is_none());
    assert_eq!((consumer.slots_used, consumer.slots, consumer.queues.len()), (3, 1024, 1));
    let queue = &consumer.queues[0];
    assert_eq!((queue.domain.as_str(), queue.workers, queue.target_workers), ("mail", 1, 3));
    assert_eq!((queue.running, queue.held, queue.stalled, queue.ready()), (1, 2, 0, 27));
    assert_eq!((queue.breaker, queue.mean), (BreakerState::Closed, None));
    assert!(queue.oldest(Priority::Normal).unwrap() >= before);
    gate.open();
    assert!(runtime.drain(GENEROUS).is_clean());
    // It can be asked after the end as well.
    let last = runtime.status().kanban.unwrap().consumer.unwrap();
    assert!(last.draining && last.slots_used == 0);
}

/// It is told, its lease is given up, and when it succeeds after all it is done and does not run once more.
fn stalls(lease: Duration, stall_after: Duration) {
    let (log, gate) = (Log::default(), Gate::default());
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        if work.item().id.as_str() == "stuck" {
            wait();
        }
    };
    let retry = RetryConfig { timeout: stall_after / 2, ..quick().retry };
    let runtime = Runtime::builder()
        .broker(BrokerConfig { lease, ..BrokerConfig::default() })
        .kanban(KanbanConfig { stall_after, retry, ..quick() })
        .pool("mail", workers(3))
        .handler("mail", handler)
        .start()
        .unwrap();
    publish(&runtime, [item("stuck")]);
    gate.wait_for(1);
    eventually("it is stalled", || queue(&runtime, "mail").stalled == 1);
    assert_eq!((queue(&runtime, "mail").running, counts(&runtime).stalled), (0, 1));
    let said: Vec<String> = told(&runtime, "stalled").iter().map(|entry| entry.decision.clone()).collect();
    assert_eq!(said, ["mail: stuck is stalled: its lease is given up"]);
    assert_eq!(runtime.status().admission.in_flight, 1, "its permit stays with it");
    publish(&runtime, (0..50).map(item));
    eventually("others go on", || counts(&runtime).acked == 50);
    let broker = runtime.kanban().unwrap().broker().clone();
    let lapsed = runtime.clock().now().after(lease * 3);
    eventually("its lease has passed, for long", || runtime.clock().now() > lapsed);
    assert_eq!(log.attempts("stuck"), [1], "it runs here, so it does not run here once more");
    gate.open();
    eventually("it is done", || counts(&runtime).done == 51);
    eventually("the broker has nothing any more", || waiting(&*broker) == 0);
    assert_eq!((log.attempts("stuck"), dead(&*broker).len()), (vec![1], 0));
    eventually("nothing is stalled", || queue(&runtime, "mail").stalled == 0);
    assert!(runtime.drain(GENEROUS).is_clean());
    log.each_once(51);
}

#[test]
fn what_is_stalled_is_told_and_its_late_success_counts() {
    stalls(Duration::from_secs(1), Duration::from_millis(100));
}

#[test]
fn the_same_where_stalls_come_after_many_leases() {
    stalls(Duration::from_secs(1), Duration::from_millis(2500));
}

/// A handler that succeeded for a stalled item on a broker that was asked too late: nobody else is touched.
#[test]
fn a_stalled_item_that_fails_late_comes_again() {
    let (log, gate) = (Log::default(), Gate::default());
    let (runs, wait) = (log.clone(), gate.waiter());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        if work.deliveries() == 1 {
            wait();
            return heijunka::Outcome::retry("after all that time");
        }
        heijunka::Outcome::Done
    };
    let (lease, stall_after) = (Duration::from_secs(1), Duration::from_millis(100));
    let retry = RetryConfig { timeout: Duration::from_millis(50), ..quick().retry };
    let runtime = Runtime::builder()
        .broker(BrokerConfig { lease, ..BrokerConfig::default() })
        .kanban(KanbanConfig { stall_after, retry, ..quick() })
        .pool("mail", workers(2))
        .handler("mail", handler)
        .start()
        .unwrap();
    publish(&runtime, [item("stuck")]);
    eventually("it is stalled", || queue(&runtime, "mail").stalled == 1);
    gate.open();
    eventually("it came again and is done", || counts(&runtime).acked == 1);
    assert_eq!(log.runs().len(), 2);
    assert!(log.runs()[1].deliveries >= 2);
    assert!(runtime.drain(GENEROUS).is_clean());
}
