//! An idle queue holds nothing.

use heijunka::{ItemSpec, Outcome, Runtime, Work};

use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{counts, publish, quick};

fn holds_nothing(runtime: &Runtime) {
    for _ in 0..50 {
        let (admission, consumer) =
            (runtime.regulator().status(), runtime.kanban().unwrap().status().consumer);
        let consumer = consumer.unwrap();
        assert_eq!((admission.in_flight, admission.normal_in_flight, consumer.slots_used), (0, 0, 0));
        assert!(consumer.queues.iter().all(|queue| queue.held + queue.running == 0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Twenty domains with nothing to do hold no permit and no slot: before there was anything, and after.
#[test]
fn twenty_idle_domains_hold_no_permit() {
    let domains: Vec<String> = (0..20).map(|n| format!("domain-{n}")).collect();
    // Less than one permit for each of them.
    let mut builder = Runtime::builder().limits(10, 10).reserve(0.0).kanban(quick());
    for domain in &domains {
        builder = builder.pool(domain, workers(1)).handler(domain, |_: &Work<'_>| Outcome::Done);
    }
    let runtime = builder.start().unwrap();
    let sampled = || {
        runtime
            .kanban()
            .unwrap()
            .status()
            .consumer
            .unwrap()
            .queues
            .iter()
            .all(|queue| queue.samples.len() >= 3)
    };
    eventually("it looks, and finds nothing", sampled);
    holds_nothing(&runtime);
    // All permits are there for others.
    let permits: Vec<_> =
        (0..10).map(|_| runtime.regulator().try_acquire(heijunka::Class::NORMAL).unwrap()).collect();
    drop(permits);
    for round in 0..5 {
        publish(&runtime, domains.iter().map(|domain| ItemSpec::new(domain).id(round.to_string())));
    }
    eventually("all are done", || counts(&runtime).acked == 100);
    let settled = || runtime.kanban().unwrap().status().consumer.unwrap().slots_used == 0;
    eventually("it is idle again", settled);
    holds_nothing(&runtime);
    assert!(runtime.drain(GENEROUS).is_clean());
}
