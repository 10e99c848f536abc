//! H19: the black-box scenarios that need no burst handling and no automatic scaling.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use heijunka::{PoolConfig, Reason, Runtime, balance_coefficient};

use crate::common::{Counter, GENEROUS, Gate, Outcome, workers, workers_of};

#[test]
fn h19_normal_load_refuses_nothing() {
    let builder = Runtime::builder().limits(1000, 1200);
    let runtime = builder.pool("a", workers_of("web", 2)).pool("b", workers_of("web", 2)).start().unwrap();
    let domain = runtime.domain("web").unwrap();
    let window = 1200 * 3 / 10;
    let mut in_flight = VecDeque::new();
    for n in 0..5_000_u64 {
        if in_flight.len() == window {
            let (handle, expected): (heijunka::JobHandle<u64>, _) = in_flight.pop_front().unwrap();
            assert_eq!(handle.result(), Ok(expected));
        }
        in_flight.push_back((domain.submit(n, move |_| n + 1).unwrap(), n + 1));
    }
    assert!(in_flight.iter().all(|(handle, expected)| handle.result() == Ok(*expected)));
    let status = runtime.status();
    assert_eq!(status.admission.refused.total(), 0);
    assert_eq!(status.pools.iter().map(|pool| pool.completed).sum::<u64>(), 5_000);
    assert_eq!(status.pools.iter().map(|pool| pool.failed_requests).sum::<u64>(), 0);
}

#[test]
fn h19_sustained_overload_is_refused_at_once_and_nothing_is_lost() {
    const OFFERS: u64 = 3_000;
    let runtime = Runtime::builder()
        .limits(80, 100)
        .reserve(0.0)
        .pool("short", PoolConfig { lane: 8, ..workers(2) })
        .pool("long", workers(2))
        .start()
        .unwrap();
    let (gate, ran) = (Gate::default(), Counter::default());
    let [short, long] = ["short", "long"].map(|name| runtime.domain(name).unwrap());
    gate.occupy(&short, 1, 2);
    gate.occupy(&long, 1, 2);
    let offer = || {
        let mut books = BTreeMap::<Option<Reason>, u64>::new();
        for n in 0..OFFERS {
            let ran = ran.clone();
            let domain = if n % 2 == 0 { &short } else { &long };
            let refused = domain.execute(n, move |_| ran.add()).err();
            *books.entry(refused.map(|refused| refused.rejected().reason())).or_default() += 1;
        }
        books
    };
    let offer_from_four_threads = || {
        std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(offer));
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    };
    // No worker moves: all four offer to the end, so a refusal waits for nothing.
    let mut ledger = offer_from_four_threads();
    let held: u64 = ledger.iter().filter(|(reason, _)| reason.is_none()).map(|(_, n)| n).sum();
    assert_eq!(held, 100 - 4, "exactly what the limit allows is held");
    assert!(ledger.iter().any(|(reason, _)| *reason == Some(Reason::LaneFull)));
    assert!(ledger.iter().any(|(reason, _)| *reason == Some(Reason::HardLimit)));
    gate.open();
    ledger.extend(offer_from_four_threads());

    let total = |accepted: bool| -> u64 {
        ledger.iter().filter(|(reason, _)| reason.is_none() == accepted).map(|(_, n)| n).sum()
    };
    assert!(runtime.drain(GENEROUS).is_clean());
    assert_eq!(total(true) + total(false), 2 * 4 * OFFERS);
    assert_eq!(ran.get(), total(true));
    let status = runtime.status();
    assert_eq!(status.pools.iter().map(|pool| pool.completed).sum::<u64>(), total(true) + 4);
    assert_eq!(status.admission.refused.total(), total(false));
    for reason in Reason::ALL {
        let told: u64 = ledger.iter().filter(|(why, _)| *why == Some(reason)).map(|(_, n)| n).sum();
        assert_eq!(status.admission.refused.of(reason), told, "{reason}");
    }
}

#[test]
fn h19_three_pools_share_the_work() {
    let pool = || PoolConfig { lane: 4096, ..workers_of("web", 2) };
    let builder = Runtime::builder().pool("a", pool()).pool("b", pool()).pool("c", pool());
    let runtime = builder.limits(3000, 3000).reserve(0.0).start().unwrap();
    let domain = runtime.domain("web").unwrap();
    let work = |_: &heijunka::Context<'_>| std::thread::sleep(Duration::from_micros(500));
    let handles: Vec<_> = (0..1500_u64).map(|key| domain.submit(key, work).unwrap()).collect();
    assert!(handles.iter().all(|handle| handle.result().is_ok()));
    let status = runtime.status();
    let busy: Vec<_> = status.pools.iter().map(|pool| pool.busy.as_secs_f64()).collect();
    let done = status.pools.iter().map(|pool| pool.completed as f64);
    assert!(busy.iter().all(|busy| *busy > 0.0), "{busy:?}");
    assert!(balance_coefficient(busy.clone()) > 0.5, "{busy:?}");
    assert!(balance_coefficient(done) > 0.5);
    assert!(status.balance > 0.5, "{}", status.balance);
}

#[test]
fn h19_ten_thousand_requests_all_succeed() {
    const SUBMITTERS: u64 = 4;
    const EACH: u64 = 2_500;
    let builder = Runtime::builder().pool("a", workers_of("web", 2)).pool("b", workers_of("web", 2));
    let runtime = builder.pool("c", workers_of("web", 2)).start().unwrap();
    std::thread::scope(|scope| {
        for submitter in 0..SUBMITTERS {
            let domain = runtime.domain("web").unwrap();
            scope.spawn(move || {
                // Together 600 in flight: below the limit of 960, and below what the three lanes hold.
                let mut in_flight = VecDeque::new();
                for n in (submitter * EACH)..((submitter + 1) * EACH) {
                    if in_flight.len() == 150 {
                        let (handle, n): (heijunka::JobHandle<u64>, u64) = in_flight.pop_front().unwrap();
                        assert_eq!(handle.result(), Ok(n * n));
                    }
                    in_flight.push_back((domain.submit(n, move |_| n * n).unwrap(), n));
                }
                assert!(in_flight.iter().all(|(handle, n)| handle.result() == Ok(n * n)));
            });
        }
    });
    let status = runtime.status();
    assert_eq!(status.pools.iter().map(|pool| pool.completed).sum::<u64>(), SUBMITTERS * EACH);
    assert_eq!((status.admission.refused.total(), status.admission.in_flight), (0, 0));
}

#[test]
fn h19_graceful_refusal_gives_the_work_back_for_a_fallback() {
    let runtime = Runtime::builder().limits(5, 5).reserve(0.0).pool("web", workers(1)).start().unwrap();
    let domain = runtime.domain("web").unwrap();
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    for _ in 0..4 {
        domain.execute(1, |_| ()).unwrap();
    }
    // The caller decides: here, a cheaper answer made of the work that came back.
    let basket = [3, 4, 5];
    let refused = domain.submit(1, move |_| basket.iter().sum::<u32>()).unwrap_err();
    let rejected = refused.rejected();
    assert_eq!((rejected.reason(), rejected.in_flight(), rejected.limit()), (Reason::HardLimit, 5, 5));
    let pause = domain.retry_after(&rejected).expect("it may fit later");
    assert!(pause > Duration::ZERO);
    gate.open();
    let again = refused.into_work();
    crate::common::eventually("there is room again", || runtime.status().admission.in_flight == 0);
    assert_eq!(domain.submit(1, again).unwrap().result(), Ok(12));
    assert_eq!(runtime.status().admission.refused.of(Reason::HardLimit), 1);
    runtime.drain(GENEROUS);
    let rejected = domain.submit(1, |_| ()).unwrap_err().rejected();
    assert_eq!((rejected.reason(), domain.retry_after(&rejected)), (Reason::Closed, None));
}
