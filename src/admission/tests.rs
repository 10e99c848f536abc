use super::*;

fn regulator(soft: u32, hard: u32, reserved: u32) -> Regulator {
    Regulator::new(Limits::new(soft, hard, reserved).unwrap())
}

#[test]
fn h06_permits_come_back_also_on_panic_and_early_return() {
    let regulator = Arc::new(regulator(4, 4, 0));
    let held = regulator.clone();
    let panicked = std::panic::catch_unwind(move || {
        let _permit = held.try_acquire(Class::NORMAL).unwrap();
        panic!("the work failed");
    });
    assert!(panicked.is_err());
    let owned = regulator.try_acquire_owned(Class::PRIORITY).unwrap();
    assert_eq!(regulator.status().in_flight, 1);
    drop(owned);
    assert_eq!(regulator.status().in_flight, 0);
}

#[test]
fn h07_limits_change_while_running() {
    let regulator = regulator(1, 2, 0);
    let held = [regulator.try_acquire(Class::NORMAL).unwrap(), regulator.try_acquire(Class::NORMAL).unwrap()];
    assert_eq!(regulator.try_acquire(Class::NORMAL).unwrap_err().reason(), Reason::HardLimit);
    regulator.set_limits(Limits::new(3, 3, 0).unwrap());
    let third = regulator.try_acquire(Class::NORMAL).unwrap();
    regulator.set_limits(Limits::new(1, 1, 0).unwrap());
    drop(third);
    assert!(regulator.try_acquire(Class::PRIORITY).is_err(), "two are in flight, one is allowed");
    drop(held);
    assert!(regulator.try_acquire(Class::PRIORITY).is_ok());
}

#[test]
fn h08_a_refusal_names_the_bound_and_the_numbers() {
    let regulator = regulator(10, 12, 4);
    let _held = regulator.try_acquire_many(Class::NORMAL, 8).unwrap();
    let rejected = regulator.try_acquire(Class::NORMAL).unwrap_err();
    assert_eq!((rejected.reason(), rejected.in_flight(), rejected.limit()), (Reason::Reserve, 8, 8));
    assert_eq!(rejected.to_string(), "8 of 8 in flight, the rest is reserved for priority domains");
    assert_eq!(size_of::<Rejected>(), 16);
    assert_eq!(regulator.status().refused.of(Reason::Reserve), 1);
    assert_eq!(regulator.status().refused.total(), 1);
}

#[test]
fn h09_status_and_headroom_per_class() {
    let regulator = regulator(10, 12, 4);
    assert_eq!(regulator.capacity(), Capacity { priority: 12, normal: 8, low: 8 });
    let held = regulator.try_acquire_many(Class::NORMAL, 7).unwrap();
    assert_eq!(regulator.capacity(), Capacity { priority: 5, normal: 1, low: 0 });
    assert_eq!(regulator.status().pressure, Pressure::Soft);
    let rest = regulator.try_acquire_many(Class::PRIORITY, 5).unwrap();
    assert_eq!(regulator.capacity(), Capacity::default());
    assert_eq!(regulator.status().pressure, Pressure::Hard);
    drop((held, rest));
    assert_eq!(regulator.status().pressure, Pressure::Clear);
}

#[test]
fn a_sub_limit_that_refuses_leaves_the_word_alone_and_the_other_way_round() {
    let regulator = Regulator::with_sub_limits(Limits::new(4, 4, 0).unwrap(), [("pulled", 2)]);
    let sub = regulator.sub_limit("pulled").unwrap();
    let pulled = Class::NORMAL.capped_by(sub);
    let two = regulator.try_acquire_many(pulled, 2).unwrap();
    assert_eq!(regulator.try_acquire(pulled).unwrap_err().reason(), Reason::SubLimit);
    assert_eq!(regulator.try_acquire_many(pulled, 3).unwrap_err().reason(), Reason::TooLarge);
    assert_eq!(regulator.status().in_flight, 2);
    drop(two);
    let _all = regulator.try_acquire_many(Class::NORMAL, 4).unwrap();
    assert_eq!(regulator.try_acquire(pulled).unwrap_err().reason(), Reason::HardLimit);
    assert_eq!(regulator.status().sub_limits[0].in_flight, 0);
    assert!(regulator.set_sub_limit(sub, 0));
    assert_eq!(regulator.try_acquire(pulled).unwrap_err().reason(), Reason::TooLarge);
    assert_eq!(regulator.sub_limit("no such"), None);
    assert!(
        Regulator::new(Limits::new(1, 1, 0).unwrap()).try_acquire(pulled).is_err(),
        "a foreign id refuses"
    );
}

#[test]
fn a_split_permit_comes_back_in_parts() {
    let regulator = regulator(8, 8, 0);
    let mut batch = regulator.try_acquire_many(Class::NORMAL, 3).unwrap();
    let one = batch.split(1).unwrap();
    assert!(batch.split(3).is_none());
    drop(batch);
    assert_eq!(regulator.status().in_flight, 1);
    drop(one);
    assert_eq!(regulator.status().in_flight, 0);
}

#[test]
fn drained_means_closed_and_empty() {
    let regulator = Arc::new(regulator(4, 4, 0));
    assert!(!regulator.wait_drained(Duration::ZERO), "not closed");
    let permit = regulator.try_acquire_owned(Class::NORMAL).unwrap();
    regulator.close();
    assert_eq!(regulator.try_acquire(Class::PRIORITY).unwrap_err().reason(), Reason::Closed);
    assert!(!regulator.wait_drained(Duration::ZERO), "one is in flight");
    let waiter = regulator.clone();
    let waiting =
        std::thread::Builder::new().spawn(move || waiter.wait_drained(Duration::from_secs(60))).unwrap();
    drop(permit);
    assert!(waiting.join().unwrap());
}
