//! What a job costs on its whole way: submitted, run, and waited for.
#![allow(missing_docs, reason = "criterion's macros generate undocumented items")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use heijunka::{Context, Domain, Idle, PoolConfig, Priority, Runtime};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};

/// Takes every span and does nothing with it.
struct Listener;

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// On one runtime, as where the system puts its threads matters more than what is compared.
fn spans(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool/spans");
    let running = runtime(Idle::default());
    let bench = domain(&running);
    group.throughput(Throughput::Elements(1));
    group.bench_function("off", |b| b.iter(|| execute(&bench, black_box(7))));
    running.update(|config| config.tracing.spans = true).expect("a switch");
    group.bench_function("nobody listens", |b| b.iter(|| execute(&bench, black_box(7))));
    tracing::subscriber::set_global_default(Listener).expect("there is none yet");
    group.bench_function("taken", |b| b.iter(|| execute(&bench, black_box(7))));
    group.finish();
}

fn runtime(idle: Idle) -> Runtime {
    let pool = PoolConfig { min_workers: 1, lane: 4096, idle, ..PoolConfig::default() };
    Runtime::builder()
        .limits(10_000, 10_000)
        .reserve(0.0)
        .pool("bench", pool)
        .start()
        .expect("a valid configuration")
}

fn domain(runtime: &Runtime) -> Domain {
    runtime.domain("bench").expect("the pool's domain")
}

fn nothing(_: &Context<'_>) {}

/// Hands a job over, however full the lane is.
fn execute(domain: &Domain, key: u64) {
    let mut work = nothing;
    while let Err(refused) = domain.execute(key, work) {
        work = refused.into_work();
        std::hint::spin_loop();
    }
}

fn jobs(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool/throughput");
    let running = runtime(Idle::default());
    let bench = domain(&running);
    group.throughput(Throughput::Elements(1));
    group.bench_function("execute", |b| b.iter(|| execute(&bench, black_box(7))));
    group.bench_function("execute/low", |b| {
        b.iter(|| bench.job(7).priority(Priority::Low).execute(|_| ()).is_ok());
    });
    for batch in [8, 64_usize] {
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_with_input(BenchmarkId::new("execute_many", batch), &batch, |b, batch| {
            b.iter(|| bench.job(7).execute_many((0..*batch).map(|_| nothing)).is_ok());
        });
    }
    group.finish();

    let mut group = c.benchmark_group("pool/round_trip");
    for (name, idle) in [("spin", Idle::Spin), ("backoff", Idle::default()), ("park", Idle::Park)] {
        let running = runtime(idle);
        let bench = domain(&running);
        group.bench_function(name, |b| {
            b.iter(|| {
                bench.submit(7, |_| 42).expect("nothing else is in flight").wait().expect("it returns 42")
            });
        });
        running.drain(Duration::from_secs(5));
    }
    group.finish();
}

criterion_group!(benches, jobs, spans);
criterion_main!(benches);
