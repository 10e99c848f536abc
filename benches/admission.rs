//! What a permit and a refusal cost, alone and while every other core does the same.
#![allow(missing_docs, reason = "criterion's macros generate undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use heijunka::{Class, Limits, Regulator};

mod support;
use support::{among, other_cores};

fn open() -> Regulator {
    Regulator::new(Limits::new(1000, 1200, 240).expect("valid limits"))
}

fn acquire_release(regulator: &Regulator, class: Class) {
    drop(black_box(regulator.try_acquire(class)));
}

fn admission(c: &mut Criterion) {
    let mut group = c.benchmark_group("admission/uncontended");
    let regulator =
        Regulator::with_sub_limits(Limits::new(1000, 1200, 240).expect("valid limits"), [("pulled", 480)]);
    let capped = Class::NORMAL.capped_by(regulator.sub_limit("pulled").expect("declared"));
    for (name, class) in
        [("normal", Class::NORMAL), ("priority", Class::PRIORITY), ("low", Class::LOW), ("capped", capped)]
    {
        group.bench_function(format!("acquire_release/{name}"), |b| {
            b.iter(|| acquire_release(&regulator, class));
        });
    }
    group.bench_function("acquire_release_64_at_once", |b| {
        b.iter(|| drop(black_box(regulator.try_acquire_many(Class::NORMAL, 64))));
    });
    let full = open();
    let held = full.try_acquire_many(Class::PRIORITY, 1200).expect("empty");
    group.bench_function("refusal", |b| b.iter(|| black_box(full.try_acquire(Class::NORMAL)).is_err()));
    drop(held);
    group.bench_function("status", |b| b.iter(|| black_box(regulator.status())));
    group.finish();

    let mut group = c.benchmark_group("admission/contended");
    let regulator = open();
    among(
        other_cores(),
        || acquire_release(&regulator, Class::NORMAL),
        || {
            group
                .bench_function("acquire_release", |b| b.iter(|| acquire_release(&regulator, Class::NORMAL)));
        },
    );
    let held = regulator.try_acquire_many(Class::PRIORITY, 1200).expect("everything came back");
    among(
        other_cores(),
        || assert!(regulator.try_acquire(Class::NORMAL).is_err()),
        || {
            group.bench_function("refusal", |b| {
                b.iter(|| black_box(regulator.try_acquire(Class::NORMAL)).is_err());
            });
        },
    );
    drop(held);
    group.finish();
}

criterion_group!(benches, admission);
criterion_main!(benches);
