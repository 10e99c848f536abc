//! Priorities: high first, and yet nobody starves.

use std::sync::Arc;

use heijunka::Priority::{self, High, Low, Normal};
use parking_lot::Mutex;

use crate::common::{GENEROUS, Gate, single, workers};

/// The order in which one worker takes the jobs that wait.
fn order_of(waiting: &[(Priority, usize)]) -> Vec<Priority> {
    let (runtime, domain) = single("lanes", workers(1));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let order = Arc::new(Mutex::new(Vec::new()));
    for (priority, count) in waiting {
        for _ in 0..*count {
            let (order, priority) = (order.clone(), *priority);
            domain.job(1).priority(priority).execute(move |_| order.lock().push(priority)).unwrap();
        }
    }
    gate.open();
    assert!(runtime.drain(GENEROUS).is_clean());
    std::mem::take(&mut *order.lock())
}

#[test]
fn the_most_urgent_goes_first_however_late_it_came() {
    assert_eq!(order_of(&[(Low, 1), (Normal, 1), (High, 1)]), [High, Normal, Low]);
}

#[test]
fn of_any_ten_jobs_two_are_normal_and_one_is_low_while_they_wait() {
    let taken = order_of(&[(Low, 20), (Normal, 30), (High, 60)]);
    assert_eq!(taken.len(), 110);
    let count = |jobs: &[Priority], priority| jobs.iter().filter(|job| **job == priority).count();
    // While all three wait: sixty of high last for more than eighty takes.
    for ten in taken[..80].windows(10) {
        assert!(count(ten, Normal) >= 2 && count(ten, Low) >= 1, "{ten:?}");
        assert!(count(ten, High) >= 5, "{ten:?}");
    }
    assert_eq!(taken[0], High);
}

#[test]
fn a_lane_alone_has_the_worker_to_itself() {
    for priority in Priority::ALL {
        assert_eq!(order_of(&[(priority, 25)]), [priority; 25]);
    }
}
