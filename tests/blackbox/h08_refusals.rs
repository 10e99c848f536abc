//! H8: what cannot be served is refused at once, handed back whole, with the reason.

use std::time::Duration;

use heijunka::{PoolConfig, Reason, Runtime};

use crate::common::{GENEROUS, Gate, eventually, single, workers};

#[test]
fn h08_refused_work_comes_back_untouched_with_reason_and_numbers() {
    let (runtime, domain) = single("full", PoolConfig { lane: 3, ..workers(1) });
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    for _ in 0..3 {
        domain.execute(1, |_| ()).unwrap();
    }
    let order = String::from("order 4711");
    let work = move |_: &heijunka::Context<'_>| order;
    // The worker is held up: were this queued instead of refused, it would never return.
    let refused = domain.submit(1, work).unwrap_err();
    let rejected = refused.rejected();
    assert_eq!((rejected.reason(), rejected.in_flight(), rejected.limit()), (Reason::LaneFull, 3, 3));
    assert_eq!(refused.to_string(), "the pool's lane is full: 3 of 3 waiting");
    assert!(domain.retry_after(&rejected).is_some_and(|pause| pause > Duration::ZERO));
    assert_eq!(runtime.status().admission.in_flight, 4, "a refused job holds no permit");
    assert_eq!(runtime.status().admission.refused.of(Reason::LaneFull), 1);
    // What came back is the work itself: offered again, it runs.
    let work = refused.into_work();
    gate.open();
    eventually("the lane is empty", || runtime.status().admission.in_flight == 0);
    assert_eq!(domain.submit(1, work).unwrap().wait_timeout(GENEROUS).unwrap(), "order 4711");
}

#[test]
fn h08_each_lane_is_full_for_itself() {
    use heijunka::Priority;
    let (_runtime, domain) = single("lanes", PoolConfig { lane: 2, ..workers(1) });
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    for priority in Priority::ALL {
        for _ in 0..2 {
            domain.job(1).priority(priority).execute(|_| ()).unwrap();
        }
        let refused = domain.job(1).priority(priority).execute(|_| ()).unwrap_err();
        assert_eq!(refused.rejected().reason(), Reason::LaneFull, "{priority}");
    }
}

#[test]
fn h08_what_can_never_fit_has_no_time_to_retry() {
    let runtime = Runtime::builder().limits(4, 4).reserve(0.0).pool("small", workers(1)).start().unwrap();
    let domain = runtime.domain("small").unwrap();
    let refused = domain.job(1).execute_many((0..5).map(|_| |_: &heijunka::Context<'_>| ())).unwrap_err();
    let rejected = refused.rejected();
    assert_eq!((rejected.reason(), rejected.wanted(), rejected.limit()), (Reason::TooLarge, 5, 4));
    assert_eq!(domain.retry_after(&rejected), None);
    assert_eq!((refused.accepted(), refused.into_parts().1.count()), (0, 5));
}

#[test]
fn h08_a_domain_without_pools_says_so() {
    let (runtime, domain) = single("empty", workers(1));
    runtime.remove_pool("empty", GENEROUS).unwrap();
    let refused = domain.submit(1, |_| ()).unwrap_err();
    assert_eq!(refused.rejected().reason(), Reason::NoPool);
    assert!(domain.retry_after(&refused.rejected()).is_some(), "it may have one later");
    let many = domain.job(1).submit_many([|_: &heijunka::Context<'_>| ()]).unwrap_err();
    assert_eq!((many.rejected().reason(), many.accepted()), (Reason::NoPool, 0));
    let status = runtime.status().admission;
    assert_eq!((status.in_flight, status.refused.of(Reason::NoPool)), (0, 2));
    runtime.add_pool("empty", &workers(1)).unwrap();
    assert_eq!(domain.submit(1, |_| 3).unwrap().wait_timeout(GENEROUS), Ok(3));
}

#[test]
fn h08_after_the_end_everything_is_refused_for_good() {
    let (runtime, domain) = single("ended", workers(1));
    drop(runtime);
    let rejected = domain.submit(1, |_| ()).unwrap_err().rejected();
    assert_eq!(rejected.reason(), Reason::Closed);
    assert!(!rejected.reason().is_temporary());
    assert_eq!(domain.retry_after(&rejected), None);
}
