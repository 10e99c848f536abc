//! Items that wait for slow workers are looked after all the while.

use std::time::Duration;

use heijunka::{BrokerConfig, KanbanConfig, Priority, RetryConfig, Runtime, Work};

use crate::common::{GENEROUS, Gate, eventually, workers};
use crate::rig::{Log, counts, items, publish, quick};

/// Nine hundred items that this process holds, for many times their lease, run on their first delivery.
#[test]
fn nine_hundred_items_behind_two_slow_workers_are_neither_redelivered_nor_poison() {
    let (log, gate) = (Log::default(), Gate::default());
    let (runs, wait) = (log.clone(), gate.waiter());
    let nap = Duration::from_millis(7);
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        match work.item().id.as_str() {
            // This one alone runs for longer than its lease.
            "slow0" => wait(),
            _ => std::thread::sleep(nap),
        }
    };
    let lease = Duration::from_millis(1500);
    // One delivery more, and an item counts as poison.
    let retry = RetryConfig { max_attempts: 1, max_deliveries: 1, ..RetryConfig::default() };
    let runtime = Runtime::builder()
        .limits(4000, 4000)
        .broker(BrokerConfig { lease, ..BrokerConfig::default() })
        .kanban(KanbanConfig { pull: 1000, prefetch: 1000, retry, ..quick() })
        .pool("mail", workers(2))
        .handler("mail", handler)
        .start()
        .unwrap();
    // High ones: of two workers, one is kept free of others.
    publish(&runtime, items("slow", 900, Priority::High));
    eventually("all of them are held here", || counts(&runtime).pulled == 900);
    let until = runtime.clock().now().after(lease * 3);
    eventually("their leases would have passed", || runtime.clock().now() > until && log.len() > 450);
    gate.open();
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    log.each_once(900);
    assert!(log.runs().iter().all(|run| (run.deliveries, run.attempt) == (1, 1)));
    let counts = counts(&runtime);
    assert_eq!((counts.pulled, counts.done, counts.gone, counts.dead_lettered), (900, 900, 0, 0));
    assert_eq!((counts.stalled, counts.concurrent, counts.duplicates), (0, 0, 0));
}
