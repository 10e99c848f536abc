//! The pull queue: from publish to start, whole cycles, and the file beside what it is built on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    BrokerConfig, BrokerKind, Idle, ItemSpec, KanbanConfig, Kind, Outcome, PoolConfig, Publisher, Runtime,
    SyncConfig, Work,
};
use heijunka_compare::clock;
use heijunka_compare::cores::unpinned;
use heijunka_compare::latency::{Latency, Pace};
use heijunka_compare::report::Goal;
use heijunka_compare::suite::{Plan, Suite};
use heijunka_compare::tally::Tally;
use redb::{Database, TableDefinition};

#[cfg(feature = "apalis")]
use crate::apalis;

/// Items published together.
const BATCH: u32 = 64;

/// Items that wait at most.
const BACKLOG: u64 = 8192;

/// Bytes of a payload.
const PAYLOAD: [u8; 256] = [b'x'; 256];

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("items");

/// A runtime with one worker and a queue tuned for throughput.
fn runtime(
    broker: BrokerConfig,
    idle: Idle,
    handler: impl Fn(&Work<'_>) -> Outcome + Send + Sync + 'static,
) -> Runtime {
    let pool = PoolConfig {
        min_workers: 1,
        max_workers: 1,
        lane: 1024,
        kind: Kind::Cpu,
        idle,
        pin: false,
        ..PoolConfig::default()
    };
    let kanban = KanbanConfig { pull: 256, prefetch: 256, slots: 4096, ..KanbanConfig::default() };
    Runtime::builder()
        .limits(2000, 2400)
        .pool("mail", pool)
        .broker(broker)
        .kanban(kanban)
        .handler("mail", handler)
        .start()
        .expect("a runtime starts")
}

/// Publishes, and waits while so many are published and not run that the queue would be measured growing, not working.
fn publish(publisher: &Publisher, items: u32, tally: &Tally) {
    for first in (0..items).step_by(BATCH as usize) {
        while u64::from(first) > tally.get() + BACKLOG {
            std::thread::sleep(Duration::from_micros(100));
        }
        let specs = (first..items.min(first + BATCH)).map(|_| ItemSpec::new("mail").payload(&PAYLOAD[..]));
        let answers = publisher.publish_batch(specs);
        assert!(answers.iter().all(Result::is_ok), "every item is stored");
    }
}

/// Nanoseconds per item, from the first publish until the last item is settled.
///
/// Publisher, driver and worker are three threads, wherever the system puts them.
fn cycle(broker: BrokerConfig, tally: &'static Tally, items: u32) -> f64 {
    unpinned(move || measure_cycle(broker, tally, items))
}

fn measure_cycle(broker: BrokerConfig, tally: &'static Tally, items: u32) -> f64 {
    let runtime = runtime(broker, Idle::default(), move |_| {
        tally.add_one();
        Outcome::Done
    });
    let kanban = runtime.kanban().expect("there is a queue");
    let run = |items: u32| {
        tally.reset();
        let start = clock::raw();
        publish(kanban.publisher(), items, tally);
        tally.wait_asleep(u64::from(items));
        while kanban.broker().item_count(Duration::from_secs(5)).expect("it tells") > 0 {
            std::thread::sleep(Duration::from_micros(100));
        }
        clock::nanos_between(start, clock::raw()) as f64 / f64::from(items)
    };
    run(items / 10);
    run(items)
}

/// A file of its own that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heijunka-compare-{name}-{}.db", std::process::id()));
        // A run that was cut off may have left it.
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn broker(&self, sync: SyncConfig) -> BrokerConfig {
        BrokerConfig { kind: BrokerKind::File, path: self.0.clone(), sync, ..BrokerConfig::default() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Nanoseconds per item of whole cycles through the bare store, synced to disk: each group is inserted in one transaction and
/// removed in another.
fn bare_store(items: u32) -> f64 {
    let scratch = Scratch::new("bare");
    let database = Database::create(&scratch.0).expect("a store opens");
    let group = |first: u64, insert: bool| {
        let write = database.begin_write().expect("a transaction begins");
        {
            let mut table = write.open_table(TABLE).expect("the table opens");
            for key in first..first + u64::from(BATCH) {
                if insert {
                    table.insert(key, &PAYLOAD[..]).expect("it is inserted");
                } else {
                    table.remove(key).expect("it is removed");
                }
            }
        }
        write.commit().expect("it commits");
    };
    let start = clock::raw();
    for first in (0..u64::from(items)).step_by(BATCH as usize) {
        group(first, true);
    }
    for first in (0..u64::from(items)).step_by(BATCH as usize) {
        group(first, false);
    }
    clock::nanos_between(start, clock::raw()) as f64 / f64::from(items)
}

/// From before the publish until the handler begins, with a worker that spins.
fn publish_to_start(plan: &Plan) -> Latency {
    let pace: Arc<Pace> = Arc::new(Pace::new(Duration::from_micros(100), plan.scaled(20_000)));
    let (sender, receiver) = crossbeam_channel::bounded(1 << 16);
    let runtime = runtime(BrokerConfig::default(), Idle::Spin, move |_| {
        let arrival: heijunka_compare::latency::Arrival = receiver.recv().expect("it was sent before");
        arrival.started();
        Outcome::Done
    });
    let publisher = runtime.kanban().expect("there is a queue").publisher().clone();
    pace.run_asleep(move |arrival| {
        sender.send(arrival).expect("it is received");
        publisher.publish(ItemSpec::new("mail").payload(&PAYLOAD[..])).expect("it is stored");
    })
}

pub(crate) fn measure(suite: &mut Suite) {
    let tally = Tally::leaked();
    let plan = suite.plan;
    let memory = BrokerConfig::default;
    suite.figure("queue/memory/cycle", "ns per item", Goal::AtMost(1000.0), || {
        let mut samples: Vec<f64> = (0..7).map(|_| cycle(memory(), tally, plan.scaled(200_000))).collect();
        samples.sort_by(f64::total_cmp);
        Some(samples[3])
    });
    suite.figure("queue/memory/publish-to-start-p99", "us", Goal::Below(20.0), || {
        let latency = unpinned(move || publish_to_start(&plan));
        println!("FIGURE queue/memory/publish-to-start-p50 ours={:.3} unit=us", latency.p50 / 1000.0);
        Some(latency.p99 / 1000.0)
    });
    let items = plan.scaled(10_000);
    // The bare store twice: what is published and settled, and the count of deliveries in between.
    suite.ratio(
        "queue/file/disk-vs-redb",
        Goal::AtMost(2.0),
        || {
            let scratch = Scratch::new("disk");
            cycle(scratch.broker(SyncConfig::Disk), tally, items)
        },
        || unpinned(move || bare_store(items)),
    );
    suite.figure("queue/file/process/cycle", "ns per item", Goal::AtMost(10_000.0), || {
        let scratch = Scratch::new("process");
        Some(cycle(scratch.broker(SyncConfig::Process), tally, items))
    });
    #[cfg(feature = "apalis")]
    suite.ratio(
        "queue/file/cycle-vs-apalis-sqlite",
        Goal::AtMost(1.0),
        || {
            let scratch = Scratch::new("process");
            cycle(scratch.broker(SyncConfig::Process), tally, items)
        },
        || {
            let scratch = Scratch::new("apalis");
            unpinned(move || apalis::cycle(&scratch.0, str::from_utf8(&PAYLOAD).expect("it is text"), items))
        },
    );
}
