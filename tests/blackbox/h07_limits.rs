//! H7: the limits as the runtime applies them: reserve, soft limit, sub-limits, and changing them while it runs.

use heijunka::{Capacity, Domain, DomainConfig, Limits, Priority, Reason, Rejected, Runtime};

use crate::common::{Gate, eventually, workers};

/// Soft 8, hard 10, of which 2 are reserved; the one worker of each pool is to be held up by the test.
fn runtime() -> Runtime {
    let domain = |priority, sub: Option<&str>| DomainConfig {
        priority,
        sub_limit: sub.map(str::to_owned),
        ..DomainConfig::default()
    };
    Runtime::builder()
        .limits(8, 10)
        .reserve(0.2)
        .sub_limit("pulled", 3)
        .domain("urgent", domain(true, None))
        .domain("plain", domain(false, None))
        .domain("batch", domain(false, Some("pulled")))
        .pool("urgent", workers(1))
        .pool("plain", workers(1))
        .pool("batch", workers(1))
        .start()
        .unwrap()
}

/// Puts in `jobs` jobs that wait at the gate.
fn fill(domain: &Domain, gate: &Gate, jobs: usize) {
    for _ in 0..jobs {
        domain.execute(1, gate.job()).unwrap();
    }
}

fn refusal(domain: &Domain, priority: Priority) -> (Reason, u32, u32) {
    let rejected: Rejected = domain.job(1).priority(priority).execute(|_| ()).unwrap_err().rejected();
    (rejected.reason(), rejected.in_flight(), rejected.limit())
}

#[test]
fn h07_only_priority_domains_use_the_reserve() {
    let (runtime, gate) = (runtime(), Gate::default());
    let [urgent, plain] = ["urgent", "plain"].map(|name| runtime.domain(name).unwrap());
    assert!(urgent.is_priority() && !plain.is_priority());
    fill(&plain, &gate, 8);
    assert_eq!(refusal(&plain, Priority::Normal), (Reason::Reserve, 8, 8));
    assert_eq!(refusal(&plain, Priority::High), (Reason::Reserve, 8, 8), "urgency is not privilege");
    fill(&urgent, &gate, 2);
    assert_eq!(refusal(&urgent, Priority::Normal), (Reason::HardLimit, 10, 10));
    assert_eq!(refusal(&plain, Priority::Normal), (Reason::HardLimit, 10, 10));
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
    assert_eq!(runtime.status().admission.normal_in_flight, 0);
}

#[test]
fn h07_the_reserve_is_never_lent_and_priority_work_may_use_everything() {
    let (runtime, gate) = (runtime(), Gate::default());
    let [urgent, plain] = ["urgent", "plain"].map(|name| runtime.domain(name).unwrap());
    fill(&urgent, &gate, 10);
    assert_eq!(refusal(&plain, Priority::Normal), (Reason::HardLimit, 10, 10));
    assert_eq!(refusal(&urgent, Priority::High), (Reason::HardLimit, 10, 10));
}

#[test]
fn h07_low_priority_work_is_shed_at_the_soft_limit() {
    let (runtime, gate) = (runtime(), Gate::default());
    let [urgent, plain] = ["urgent", "plain"].map(|name| runtime.domain(name).unwrap());
    // The soft limit of work without privilege is 8 less its share of the reserve: 6.
    fill(&plain, &gate, 5);
    plain.job(1).priority(Priority::Low).execute(gate.job()).unwrap();
    assert_eq!(refusal(&plain, Priority::Low), (Reason::SoftLimit, 6, 6));
    fill(&plain, &gate, 1);
    fill(&urgent, &gate, 1);
    // Low work of a priority domain has no privilege either.
    assert_eq!(refusal(&urgent, Priority::Low), (Reason::SoftLimit, 8, 8));
    fill(&urgent, &gate, 1);
    assert_eq!(runtime.status().admission.refused.of(Reason::SoftLimit), 2);
}

#[test]
fn h07_a_sub_limit_caps_its_domain_and_nobody_else() {
    let (runtime, gate) = (runtime(), Gate::default());
    let [batch, plain] = ["batch", "plain"].map(|name| runtime.domain(name).unwrap());
    fill(&batch, &gate, 3);
    assert_eq!(refusal(&batch, Priority::Normal), (Reason::SubLimit, 3, 3));
    fill(&plain, &gate, 5);
    let sub = &runtime.status().admission.sub_limits[0];
    assert_eq!((sub.name.as_str(), sub.in_flight, sub.limit), ("pulled", 3, 3));
    let id = runtime.regulator().sub_limit("pulled").unwrap();
    assert!(runtime.regulator().set_sub_limit(id, 1));
    assert_eq!(refusal(&batch, Priority::Normal), (Reason::SubLimit, 3, 1));
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
    assert_eq!(runtime.status().admission.sub_limits[0].in_flight, 0);
}

#[test]
fn h07_limits_change_while_running() {
    let (runtime, gate) = (runtime(), Gate::default());
    let plain = runtime.domain("plain").unwrap();
    fill(&plain, &gate, 8);
    runtime.regulator().set_limits(Limits::new(20, 20, 0).unwrap());
    fill(&plain, &gate, 4);
    // Shrinking below what is in flight takes nothing back, and lets nothing in.
    runtime.regulator().set_limits(Limits::new(5, 5, 0).unwrap());
    assert_eq!(refusal(&plain, Priority::Normal), (Reason::HardLimit, 12, 5));
    assert_eq!(runtime.regulator().capacity(), Capacity::default());
    gate.open();
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
    let gate = Gate::default();
    fill(&plain, &gate, 5);
    assert_eq!(refusal(&plain, Priority::Normal), (Reason::HardLimit, 5, 5));
}

#[test]
fn h07_permits_for_work_done_elsewhere_count_too() {
    let runtime = runtime();
    let plain = runtime.domain("plain").unwrap();
    let elsewhere: Vec<_> =
        (0..8).map(|_| runtime.regulator().try_acquire_owned(heijunka::Class::NORMAL).unwrap()).collect();
    assert_eq!(refusal(&plain, Priority::Normal), (Reason::Reserve, 8, 8));
    drop(elsewhere);
    plain.execute(1, |_| ()).unwrap();
}
