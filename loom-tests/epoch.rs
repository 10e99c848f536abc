//! The epoch-published cell: a reader sees old or new, whole, and never what was freed.

use std::sync::atomic::{AtomicU32 as Plain, Ordering::Relaxed};

use crossbeam_epoch::Collector;
use loom::cell::UnsafeCell;
use loom::sync::Arc;

use super::EpochCell;
use crate::harness::{Model, Role, orders, run};
use crate::sync::Arc as Shared;

/// Two halves that belong together, in cells that loom watches; the drop writes, so that a use after it is seen.
struct Table([UnsafeCell<u32>; 2]);

impl Table {
    fn new(value: u32) -> Self {
        let table = Self([UnsafeCell::new(0), UnsafeCell::new(0)]);
        for half in &table.0 {
            // Written rather than made with the value, so that loom sees a write that must be published.
            // SAFETY: nobody else knows it yet.
            half.with_mut(|half| unsafe { *half = value });
        }
        table
    }

    fn read(&self) -> u32 {
        // SAFETY: read only, while pinned; loom checks just that.
        let [a, b] = [0, 1].map(|half: usize| self.0[half].with(|half| unsafe { *half }));
        assert_eq!(a, b, "a mixture of old and new");
        a
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for half in &self.0 {
            // SAFETY: nobody reads any more; loom checks just that.
            half.with_mut(|half| unsafe { *half = u32::MAX });
        }
    }
}

// SAFETY: the cells are written by the drop alone.
unsafe impl Sync for Table {}

/// Publishes another value, and sees to it that the old one is reclaimed.
fn replace<T: Send + Sync + 'static>(cell: &EpochCell<T>, collector: &Collector, value: impl FnOnce() -> T) {
    let handle = collector.register();
    // Pinned first: the fence within a pin would publish what was written before it.
    let guard = handle.pin();
    cell.replace(value(), &guard);
    drop(guard);
    // Without these nothing is reclaimed within the model, which would prove nothing.
    for _ in 0..3 {
        handle.pin().flush();
    }
}

#[test]
fn a_reader_sees_old_or_new_and_nothing_freed() {
    fn execution(arrangement: usize) -> u32 {
        let collector = Collector::new();
        let cell = Arc::new(EpochCell::new(Table::new(1)));
        let seen = std::sync::Arc::new(Plain::new(0));
        let writer = {
            let (cell, collector) = (cell.clone(), collector.clone());
            Box::new(move || replace(&cell, &collector, || Table::new(2))) as Role
        };
        let reader = {
            let seen = seen.clone();
            Box::new(move || {
                let handle = collector.register();
                let guard = handle.pin();
                let table = cell.load(&guard);
                seen.store(table.read(), Relaxed);
            }) as Role
        };
        run(vec![writer, reader], arrangement);
        seen.load(Relaxed)
    }
    Model { name: "epoch::a_reader_sees_old_or_new_and_nothing_freed", preemptions: 2, floor: 10_000 }.check(
        orders(2),
        &[1, 2],
        execution,
    );
}

/// As the control thread reads the configuration: a snapshot is whole, also after the pin has ended and while it is replaced.
#[test]
fn a_snapshot_is_whole_for_as_long_as_it_is_held() {
    fn execution(arrangement: usize) -> u32 {
        let collector = Collector::new();
        let cell = Arc::new(EpochCell::new(Shared::new(Table::new(1))));
        let seen = std::sync::Arc::new(Plain::new(0));
        let writer = {
            let (cell, collector) = (cell.clone(), collector.clone());
            Box::new(move || replace(&cell, &collector, || Shared::new(Table::new(2)))) as Role
        };
        let reader = {
            let seen = seen.clone();
            Box::new(move || {
                let snapshot = cell.snapshot(&collector.register().pin());
                seen.store(snapshot.read(), Relaxed);
            }) as Role
        };
        run(vec![writer, reader], arrangement);
        seen.load(Relaxed)
    }
    Model { name: "epoch::a_snapshot_is_whole_for_as_long_as_it_is_held", preemptions: 2, floor: 10_000 }
        .check(orders(2), &[1, 2], execution);
}
