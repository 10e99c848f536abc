//! The pull queue: what publishing costs, and whole cycles of publish, pull, run and settle, in memory and in a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use heijunka::{
    Broker, BrokerConfig, BrokerKind, Clock, Embedded, EmbeddedSettings, ItemSpec, KanbanConfig, PoolConfig,
    Publisher, Runtime, SyncConfig, Work,
};

const PAYLOAD: [u8; 256] = [b'x'; 256];
const ITEMS: u64 = 10_000;

fn specs(items: u64) -> Vec<ItemSpec> {
    (0..items).map(|_| ItemSpec::new("mail").payload(&PAYLOAD[..])).collect()
}

/// Publishing alone: the broker is emptied by being made anew.
fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    for batch in [1, 64] {
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("memory/{batch}"), |bencher| {
            let clock = Clock::monotonic();
            let settings = EmbeddedSettings { max_items: 10_000_000, ..EmbeddedSettings::default() };
            let broker: Arc<dyn Broker> = Arc::new(Embedded::in_memory(settings, clock.clone()));
            let publisher = Publisher::new(broker, clock);
            bencher.iter_batched(
                || specs(batch),
                |specs| publisher.publish_batch(specs),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// From the first publish until the last item is settled.
fn cycle(criterion: &mut Criterion, name: &str, broker: &BrokerConfig) {
    let done = Arc::new(AtomicU64::new(0));
    let count = done.clone();
    let kanban = KanbanConfig { pull: 256, prefetch: 256, slots: 4096, ..KanbanConfig::default() };
    let runtime = Runtime::builder()
        .limits(2000, 2400)
        .pool(
            "mail",
            PoolConfig { min_workers: 1, max_workers: 1, lane: 1024, pin: false, ..PoolConfig::default() },
        )
        .broker(broker.clone())
        .kanban(kanban)
        .handler("mail", move |_: &Work<'_>| {
            // Relaxed: a count that is only waited for.
            count.fetch_add(1, Ordering::Relaxed);
        })
        .start()
        .expect("a runtime starts");
    let queue = runtime.kanban().expect("there is a queue");
    let mut group = criterion.benchmark_group("cycle");
    group.throughput(Throughput::Elements(ITEMS)).sample_size(10);
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || specs(ITEMS),
            |mut specs| {
                while !specs.is_empty() {
                    let rest = specs.split_off(specs.len().min(64));
                    let answers = queue.publisher().publish_batch(std::mem::replace(&mut specs, rest));
                    assert!(answers.iter().all(Result::is_ok));
                }
                while queue.broker().item_count(Duration::from_secs(5)).expect("it tells") > 0 {
                    std::hint::spin_loop();
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn cycles(criterion: &mut Criterion) {
    cycle(criterion, "memory", &BrokerConfig::default());
    for (name, sync) in [("file/process", SyncConfig::Process), ("file/disk", SyncConfig::Disk)] {
        let path: PathBuf = std::env::temp_dir().join(format!("heijunka-bench-{}.redb", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let broker =
            BrokerConfig { kind: BrokerKind::File, path: path.clone(), sync, ..BrokerConfig::default() };
        cycle(criterion, name, &broker);
        let _ = std::fs::remove_file(path);
    }
}

criterion_group!(benches, publish, cycles);
criterion_main!(benches);
