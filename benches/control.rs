//! What levelling costs: a tick of the control thread, a check of health and the decision of a rebalance, with 20 pools of 50
//! workers.
#![allow(missing_docs, reason = "criterion's macros generate undocumented items")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use heijunka::{ControlConfig, Idle, Kind, PoolConfig, Runtime};

fn thousand_workers() -> Runtime {
    let pool = PoolConfig {
        min_workers: 50,
        max_workers: 50,
        kind: Kind::Blocking,
        pin: false,
        idle: Idle::Park,
        ..PoolConfig::default()
    };
    let builder =
        (0..20).fold(Runtime::builder(), |builder, n| builder.pool(format!("pool-{n}"), pool.clone()));
    let control = ControlConfig { tick: Duration::from_millis(10), ..ControlConfig::default() };
    builder.control(control).start().expect("a thousand threads")
}

fn levelling(c: &mut Criterion) {
    let runtime = thousand_workers();
    let domains: Vec<_> = (0..20).filter_map(|n| runtime.domain(&format!("pool-{n}"))).collect();
    // Every worker has run something, so that its cells are there to be read.
    for _ in 0..100 {
        for domain in &domains {
            for key in 0..50_u32 {
                let _ = domain.execute(key, |_| std::thread::sleep(Duration::from_micros(200)));
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut group = c.benchmark_group("control/20_pools_of_50");
    group.sample_size(20);
    group.bench_function("tick", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                let before = runtime.status().control.ticks;
                let after = loop {
                    std::thread::sleep(Duration::from_millis(2));
                    let now = runtime.status().control;
                    if now.ticks > before {
                        break now;
                    }
                };
                spent += after.last_tick;
            }
            spent
        });
    });
    group.bench_function("check_health", |bencher| bencher.iter(|| black_box(runtime.check_health())));
    group.bench_function("rebalance", |bencher| bencher.iter(|| black_box(runtime.rebalance())));
    group.finish();
    println!("longest tick so far: {:?}", runtime.status().control.longest_tick);
}

criterion_group!(benches, levelling);
criterion_main!(benches);
