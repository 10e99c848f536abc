//! heijunka's side: the same for every broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use heijunka::{Broker, Clock, ItemSpec, KanbanConfig, Kind, PoolConfig, Publisher, Runtime, Work};
use heijunka_compare::clock;
use heijunka_compare::cores::unpinned;
use heijunka_compare::latency::Latency;
use heijunka_compare::processor::time_used;
use heijunka_compare::report::Goal;
use heijunka_compare::rounds::{alternate, median, quantile};
use heijunka_compare::suite::Suite;

use crate::{PAYLOAD, WINDOW};

/// How long one call may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Rounds of what takes long.
const ROUNDS: usize = 7;

fn spec() -> ItemSpec {
    ItemSpec::new("mail").payload(&PAYLOAD[..])
}

fn publisher(broker: &Arc<dyn Broker>) -> Publisher {
    Publisher::new(broker.clone(), Clock::monotonic()).timeout(PATIENCE)
}

/// Nanoseconds from call to confirmation, one after another.
pub(crate) fn single(broker: &Arc<dyn Broker>, items: u32) -> Latency {
    let publisher = publisher(broker);
    latency(items, || {
        publisher.publish(spec()).expect("it is stored");
    })
}

pub(crate) fn latency(items: u32, mut publish: impl FnMut()) -> Latency {
    let mut samples = Vec::with_capacity(items as usize);
    for _ in 0..items {
        let start = clock::raw();
        publish();
        samples.push(clock::nanos_between(start, clock::raw()) as f64);
    }
    Latency { p50: quantile(samples.iter().copied(), 0.5), p99: quantile(samples, 0.99) }
}

/// Items that are handed over at once: many windows, so that the last of one does not hold up the next.
const BATCH: u32 = 4096;

/// Nanoseconds per item of publishing as many as there are, of which a window is unconfirmed.
fn pipelined(broker: &Arc<dyn Broker>, items: u32) -> f64 {
    let publisher = publisher(broker);
    let start = clock::raw();
    let mut left = items;
    while left > 0 {
        let batch = left.min(BATCH);
        let answers = publisher.publish_batch((0..batch).map(|_| spec()));
        assert!(answers.iter().all(Result::is_ok), "every item is stored");
        left -= batch;
    }
    clock::nanos_between(start, clock::raw()) as f64 / f64::from(items)
}

/// The same as one side of a row, on whatever core there is.
pub(crate) fn pipelining(broker: &Arc<dyn Broker>, items: u32) -> impl FnMut() -> f64 {
    let broker = broker.clone();
    move || {
        let broker = broker.clone();
        unpinned(move || pipelined(&broker, items))
    }
}

/// What consuming took, per item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) processor: f64,
}

/// Measures `work` that consumes so many items.
pub(crate) fn cost(items: u32, work: impl FnOnce()) -> Cost {
    let (before, start) = (time_used().unwrap_or_default(), clock::raw());
    work();
    let wall = clock::nanos_between(start, clock::raw()) as f64 / f64::from(items);
    let used = time_used().unwrap_or_default().saturating_sub(before);
    Cost { wall, processor: used.as_nanos() as f64 / f64::from(items) }
}

/// A row of costs, by turns: time per item against the goal, and the processor time of both sides.
pub(crate) fn row(
    suite: &mut Suite,
    name: &str,
    goal: Goal,
    ours: impl FnMut() -> Cost,
    other: impl FnMut() -> Cost,
) {
    if !suite.wants(name) {
        return;
    }
    let (ours, other) = alternate(ROUNDS, ours, other);
    let walls = |side: &[Cost]| side.iter().map(|cost| cost.wall).collect::<Vec<_>>();
    let processor = |side: &[Cost]| median(side.iter().map(|cost| cost.processor));
    let (used, others) = (processor(&ours), processor(&other));
    println!(
        "FIGURE {name}/processor ours={used:.0} other={others:.0} own={:.0} unit=ns per item",
        used - others
    );
    suite.samples(name, goal, &walls(&ours), &walls(&other));
}

/// What pulling, running and settling takes: the items are there before, and the first of them are held at a gate.
pub(crate) fn consume(broker: &Arc<dyn Broker>, items: u32) -> Cost {
    let (done, open) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, gate) = (done.clone(), open.clone());
    let pool = PoolConfig {
        min_workers: 1,
        max_workers: 1,
        lane: 1024,
        kind: Kind::Cpu,
        pin: false,
        ..PoolConfig::default()
    };
    let runtime = Runtime::builder()
        .limits(2000, 2400)
        .pool("mail", pool)
        .on_broker(broker.clone())
        .kanban(KanbanConfig { pull: 256, prefetch: 256, slots: 4096, ..KanbanConfig::default() })
        .handler("mail", move |_: &Work<'_>| {
            // Acquire: pairs with the Release of whoever opens it. Relaxed: a count that is only waited for.
            while !gate.load(Ordering::Acquire) {
                sleep(Duration::from_micros(100));
            }
            count.fetch_add(1, Ordering::Relaxed);
        })
        .start()
        .expect("a runtime starts");
    let publisher = publisher(broker);
    for first in (0..items).step_by(WINDOW) {
        let batch = (items - first).min(u32::try_from(WINDOW).expect("it is small"));
        assert!(
            publisher.publish_batch((0..batch).map(|_| spec())).iter().all(Result::is_ok),
            "they are stored"
        );
    }
    sleep(Duration::from_millis(50));
    let cost = cost(items, || {
        // Release: see the handler.
        open.store(true, Ordering::Release);
        // Relaxed: as above.
        while done.load(Ordering::Relaxed) < u64::from(items) {
            sleep(Duration::from_micros(200));
        }
        while runtime.kanban().expect("there is a queue").status().counts.acked < u64::from(items) {
            sleep(Duration::from_micros(200));
        }
    });
    assert!(runtime.stop(PATIENCE).is_clean(), "it ends");
    cost
}
