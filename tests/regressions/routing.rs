//! Tables: how long they live, and what a choice costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use heijunka::{Key, Load, Moment, Router, Target};

use crate::common::eventually;

// The old table lay in the bag of the thread that had replaced it until that was full: most likely for ever.
#[test]
fn what_a_replaced_table_held_is_freed() {
    let (old, new) = (Arc::new(()), Arc::new(()));
    let router = Router::new([Target::new("old", 1, old.clone())]).unwrap();
    router.replace([Target::new("new", 1, new.clone())]).unwrap();
    eventually("the old target is freed", || {
        (0..1000).for_each(|_| drop(router.pin()));
        Arc::strong_count(&old) == 1
    });
    assert_eq!(Arc::strong_count(&new), 2, "the new one is there");
    drop(router);
    assert_eq!(Arc::strong_count(&new), 1, "a router takes its table along at once");
}

// After 13 days of uptime the cached total never looked fresh again: every choice added up all pools.
#[test]
fn the_total_load_is_added_up_once_for_many_choices_at_any_uptime() {
    struct Counted(Arc<AtomicUsize>);
    impl Load for Counted {
        fn in_flight(&self) -> u32 {
            self.0.fetch_add(1, Ordering::SeqCst);
            50
        }
        fn workers(&self) -> u32 {
            1
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let target = |n| Target::new(format!("pool-{n}"), 1, Counted(calls.clone()));
    let router = Router::new((0..50).map(target)).unwrap();
    let pin = router.pin();
    for uptime in [1 << 30, 1 << 49, (1 << 50) + 1, 1 << 51, u64::MAX >> 1] {
        calls.store(0, Ordering::SeqCst);
        for _ in 0..10 {
            let choices = router.route(Key::from(1), &pin);
            assert!(choices.in_order(Moment::from_nanos(uptime)).count() > 1);
        }
        // Once all 50, and then up to three for each choice.
        let calls = calls.load(Ordering::SeqCst);
        assert!(calls <= 50 + 10 * 3, "{calls} looks at a pool for ten choices at {uptime} ns");
    }
}
