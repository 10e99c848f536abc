//! What looking costs, and what being looked at costs those who work.
#![allow(missing_docs, reason = "criterion's macros generate undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use heijunka::{Clock, PoolConfig, Runtime};

mod support;
use support::among;

fn metrics(c: &mut Criterion) {
    let mut group = c.benchmark_group("metrics");
    let clock = Clock::monotonic();
    group.bench_function("clock", |b| b.iter(|| black_box(clock.now())));
    let pool = PoolConfig { min_workers: 2, lane: 4096, ..PoolConfig::default() };
    let runtime = Runtime::builder().pool("bench", pool).start().expect("a valid configuration");
    let bench = runtime.domain("bench").expect("the pool's domain");
    for job in 0_u64..1000 {
        bench.submit(job, |_| ()).expect("there is room").wait().expect("it does nothing");
    }
    group.bench_function("status/2_workers", |b| b.iter(|| black_box(runtime.status())));
    let execute = || drop(black_box(bench.execute(7_u64, |_| ())));
    group.bench_function("execute/nobody_looks", |b| b.iter(execute));
    among(
        1,
        || drop(black_box(runtime.status())),
        || {
            group.bench_function("execute/somebody_looks_all_the_time", |b| b.iter(execute));
        },
    );
    group.finish();
}

criterion_group!(benches, metrics);
criterion_main!(benches);
