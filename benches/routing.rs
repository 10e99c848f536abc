//! What a lookup costs, by number of pools and kind of key, alone and while tables are replaced; and building a table.
#![allow(missing_docs, reason = "criterion's macros generate undocumented items")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use heijunka::{Key, Router, Target};

mod support;
use support::among;

fn targets(pools: usize) -> Vec<Target<usize>> {
    (0..pools).map(|pool| Target::new(format!("pool-{pool}"), 1, pool)).collect()
}

fn router(pools: usize) -> Router<usize> {
    Router::new(targets(pools)).expect("valid targets")
}

/// Keys all over the table, so that it is read as it is in service.
fn next(key: &mut u64) -> u64 {
    *key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    *key
}

fn routing(c: &mut Criterion) {
    let mut group = c.benchmark_group("routing/uncontended");
    for pools in [1, 8, 50] {
        let router = router(pools);
        let mut key = 0;
        group.bench_function(format!("pin_and_route/{pools}_pools"), |b| {
            b.iter(|| router.route(Key::from(next(&mut key)), &router.pin()).first().copied());
        });
        let pin = router.pin();
        group.bench_function(format!("route_while_pinned/{pools}_pools"), |b| {
            b.iter(|| router.route(Key::from(next(&mut key)), &pin).first().copied());
        });
    }
    let router = router(8);
    group.bench_function("pin_and_route/text_key_of_16_bytes", |b| {
        b.iter(|| router.route(Key::from(black_box("customer-4711-eu")), &router.pin()).first().copied());
    });
    group.finish();

    let mut group = c.benchmark_group("routing/contended");
    let replace = || router.replace(targets(8)).expect("valid targets");
    among(1, replace, || {
        let mut key = 0;
        group.bench_function("pin_and_route/while_tables_are_replaced", |b| {
            b.iter(|| router.route(Key::from(next(&mut key)), &router.pin()).first().copied());
        });
    });
    group.finish();

    let mut group = c.benchmark_group("routing/build");
    for pools in [2, 50] {
        group.bench_function(format!("{pools}_pools"), |b| {
            b.iter_batched(
                || targets(pools),
                |targets| Router::new(targets).expect("valid"),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, routing);
criterion_main!(benches);
