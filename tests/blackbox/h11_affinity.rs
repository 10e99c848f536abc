//! H11: affinity groups, strict and soft, set while the runtime runs.

use std::collections::BTreeSet;

use heijunka::{Affinity, ChangeError, Domain, GroupConfig, PoolConfig, Reason, Runtime};

use crate::common::{Gate, Outcome, eventually, pool_status, workers, workers_of};

fn group(affinity: Affinity, pools: &[&str]) -> GroupConfig {
    GroupConfig { pools: pools.iter().map(|pool| (*pool).to_owned()).collect(), affinity }
}

/// Two pools of one worker and four places in the lane each.
fn two_pools(affinity: Affinity) -> (Runtime, Domain) {
    let pool = || PoolConfig { lane: 4, ..workers_of("web", 1) };
    let builder = Runtime::builder().pool("a", pool()).pool("b", pool());
    let runtime = builder.group("web", group(affinity, &["a", "b"])).start().unwrap();
    let domain = runtime.domain("web").unwrap();
    (runtime, domain)
}

fn pool_of(domain: &Domain, key: u64) -> String {
    domain.submit(key, |job| job.pool().to_owned()).unwrap().result().unwrap()
}

fn pools_of(domain: &Domain) -> BTreeSet<String> {
    (0..50).map(|key| pool_of(domain, key)).collect()
}

/// A key that belongs to pool `a`.
fn key_of_a(domain: &Domain) -> u64 {
    (0..1000).find(|key| pool_of(domain, *key) == "a").unwrap()
}

#[test]
fn h11_a_strict_key_stays_and_is_refused_when_its_pool_is_full() {
    let (runtime, domain) = two_pools(Affinity::Strict);
    let gate = Gate::default();
    let key = key_of_a(&domain);
    gate.occupy(&domain, key, 1);
    let waiting: Vec<_> = (0..4).map(|_| domain.submit(key, |job| job.pool().to_owned()).unwrap()).collect();
    let refused = domain.submit(key, |_| ()).unwrap_err().rejected();
    assert_eq!((refused.reason(), refused.in_flight(), refused.limit()), (Reason::LaneFull, 4, 4));
    gate.open();
    assert!(waiting.iter().all(|handle| handle.result().unwrap() == "a"));
    assert_eq!(runtime.status().admission.refused.total(), 1);
}

#[test]
fn h11_a_soft_key_spills_over_while_its_pool_is_behind() {
    let (runtime, domain) = two_pools(Affinity::Soft);
    let gate = Gate::default();
    let key = key_of_a(&domain);
    gate.occupy(&domain, key, 1);
    // More than pool `a` can hold: what does not stay waits for nobody, for `b` is free.
    let (mut elsewhere, mut at_home) = (0, Vec::new());
    while elsewhere < 20 {
        let handle = domain.submit(key, |job| job.pool().to_owned()).unwrap();
        let mut ran = None;
        eventually("it waits at home or runs elsewhere", || {
            ran = handle.poll().ok();
            ran.is_some() || pool_status(&runtime, "a").queue_length > at_home.len()
        });
        if let Some(pool) = ran {
            assert_eq!(pool, "b");
            elsewhere += 1;
        } else {
            at_home.push(handle);
        }
        assert!(at_home.len() <= 4, "the lane holds four");
    }
    gate.open();
    assert!(at_home.iter().all(|handle| handle.result().unwrap() == "a"));
    assert_eq!(runtime.status().admission.refused.total(), 0);
    assert_eq!(pool_of(&domain, key), "a", "the key goes home when there is room");
}

#[test]
fn h11_a_domain_changes_its_group_while_running() {
    let builder = Runtime::builder().pool("a", workers_of("web", 1)).pool("b", workers_of("web", 1));
    let builder =
        builder.group("left", group(Affinity::Strict, &["a"])).group("right", group(Affinity::Soft, &["b"]));
    let runtime = builder.pool("mail", workers(1)).start().unwrap();
    // Resolved once; it follows every change.
    let domain = runtime.domain("web").unwrap();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(pools_of(&domain), set(&["a", "b"]), "without a group: all that belong to it");
    runtime.set_domain_group("web", "left").unwrap();
    assert_eq!(pools_of(&domain), set(&["a"]));
    runtime.set_domain_group("web", "right").unwrap();
    assert_eq!(pools_of(&domain), set(&["b"]));
    runtime.set_group("right", group(Affinity::Soft, &["a", "mail"])).unwrap();
    assert_eq!(pools_of(&domain), set(&["a", "mail"]));
    assert_eq!(pools_of(&runtime.domain("mail").unwrap()), set(&["mail"]), "others are not concerned");

    assert!(
        matches!(runtime.set_domain_group("web", "middle"), Err(ChangeError::Unknown(name)) if name == "middle")
    );
    assert!(
        matches!(runtime.set_domain_group("post", "left"), Err(ChangeError::Unknown(name)) if name == "post")
    );
    let unknown = runtime.set_group("right", group(Affinity::Soft, &["z"]));
    assert!(matches!(unknown, Err(ChangeError::Unknown(name)) if name == "z"));
    let twice = runtime.set_group("right", group(Affinity::Soft, &["a", "a"]));
    assert!(matches!(twice, Err(ChangeError::Group(_))));
    assert_eq!(pools_of(&domain), set(&["a", "mail"]), "a refused change changes nothing");
}

#[test]
fn h11_a_removed_pool_leaves_its_groups() {
    let (runtime, domain) = two_pools(Affinity::Strict);
    assert_eq!(runtime.remove_pool("a", crate::common::GENEROUS).unwrap(), 0);
    assert!(pools_of(&domain).iter().eq(["b"]));
    runtime.remove_pool("b", crate::common::GENEROUS).unwrap();
    assert_eq!(domain.execute(1, |_| ()).unwrap_err().rejected().reason(), Reason::NoPool);
}
