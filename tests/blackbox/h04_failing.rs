//! H4: a pool whose jobs fail gets no work until it is better, unless most pools are like that.

use std::time::Duration;

use heijunka::{
    Affinity, Author, Clock, Domain, DomainConfig, GroupConfig, Health, HealthConfig, ManualTime, Reason,
    Runtime, Sign,
};

use crate::common::load::{accounted, elastic_of, journal, told};
use crate::common::{Outcome, eventually, pool_status};

/// Two pools, which one domain uses softly and another strictly. Health is checked once an hour, and when asked for.
struct Hours {
    runtime: Runtime,
    time: ManualTime,
}

fn two_pools() -> Hours {
    let both = GroupConfig { pools: vec!["a".into(), "b".into()], affinity: Affinity::Strict };
    let (clock, time) = Clock::manual();
    let runtime = Runtime::builder()
        .clock(clock)
        .health(HealthConfig { every: Duration::from_secs(3600), ..HealthConfig::default() })
        .pool("a", elastic_of("soft", 2, 2))
        .pool("b", elastic_of("soft", 2, 2))
        .group("both", both)
        .domain("strict", DomainConfig { group: Some("both".into()), ..DomainConfig::default() })
        .start()
        .unwrap();
    eventually("the first tick has checked by itself", || runtime.status().control.ticks > 0);
    Hours { runtime, time }
}

impl Hours {
    /// An hour passes, and with it the next check.
    fn pass(&self) {
        let before = self.runtime.status().control.ticks;
        self.time.advance(Duration::from_secs(3600));
        eventually("it is checked", || self.runtime.status().control.ticks > before);
    }
}

fn home(domain: &Domain, key: u64) -> String {
    domain.submit(key, |job| job.pool().to_owned()).unwrap().result().unwrap()
}

/// A key whose pool this is.
fn key_of(domain: &Domain, pool: &str) -> u64 {
    (0..1000).find(|key| home(domain, *key) == pool).unwrap()
}

fn fail(domain: &Domain, key: u64) {
    for _ in 0..60 {
        domain.submit(key, |job| job.fail()).unwrap().result().unwrap();
    }
}

/// Health as acted on and as observed, and the sign.
fn check(runtime: &Runtime, pool: &str) -> (Health, Health, Sign) {
    let report = runtime.check_health();
    let pool = report.pools.into_iter().find(|health| health.name == pool).unwrap();
    (pool.health, pool.observed, pool.sign)
}

#[test]
fn h04_a_failing_pool_gets_no_keys_until_it_recovers() {
    use Health::{Critical, Degraded, Healthy};
    let hours = two_pools();
    let runtime = &hours.runtime;
    let [soft, strict] = ["soft", "strict"].map(|domain| runtime.domain(domain).unwrap());
    let [key, key_of_b] = ["a", "b"].map(|pool| key_of(&soft, pool));
    assert_eq!(home(&strict, key), "a");
    fail(&soft, key);
    assert_eq!(check(runtime, "a"), (Healthy, Critical, Sign::Failing), "once may be chance");
    assert_eq!(check(runtime, "a"), (Healthy, Critical, Sign::Failing), "and asking twice is one look");
    hours.pass();
    assert_eq!(check(runtime, "a").0, Healthy);
    assert_eq!(home(&soft, key), "a");
    fail(&soft, key);
    assert_eq!(check(runtime, "a"), (Critical, Critical, Sign::Failing), "the last check is confirmed");

    assert_eq!(home(&soft, key), "b", "soft keys go elsewhere");
    assert!((0..200).all(|key| home(&soft, key) == "b"), "all of them");
    let rejected = strict.submit(key, |_| ()).unwrap_err().rejected();
    assert_eq!(rejected.reason(), Reason::Critical, "strict ones are refused");
    assert_eq!(runtime.status().admission.refused.of(Reason::Critical), 1);
    assert_eq!(home(&strict, key_of_b), "b");

    // Nothing fails any more from the next check on: two good ones for each step, and asking is none.
    hours.pass();
    hours.pass();
    for _ in 0..5 {
        assert_eq!(check(runtime, "a"), (Critical, Healthy, Sign::Fine));
    }
    hours.pass();
    assert_eq!(check(runtime, "a").0, Degraded);
    assert_eq!(home(&strict, key), "a", "strict keys are back");
    let at_a = (0..400).filter(|key| home(&soft, *key) == "a").count();
    assert!((1..200).contains(&at_a), "less than half of the soft ones: {at_a}");
    hours.pass();
    hours.pass();
    assert_eq!(check(runtime, "a").0, Healthy);
    assert_eq!(home(&soft, key), "a", "and the soft ones too");

    let steps = |rule| {
        let entries = told(runtime, Author::Health, Some("a"), rule);
        entries.iter().map(|entry| entry.decision.clone()).collect::<Vec<_>>()
    };
    assert_eq!(steps("failing"), ["critical"], "{}", journal(runtime));
    assert_eq!(steps("fine"), ["degraded", "healthy"]);
    assert_eq!(pool_status(runtime, "a").failed, 120);
    accounted(runtime);
}

#[test]
fn h04_when_most_pools_are_critical_health_is_ignored_and_that_is_said() {
    let hours = two_pools();
    let runtime = &hours.runtime;
    let [soft, strict] = ["soft", "strict"].map(|domain| runtime.domain(domain).unwrap());
    let keys = ["a", "b"].map(|pool| key_of(&soft, pool));
    for key in keys {
        fail(&soft, key);
    }
    hours.pass();
    for key in keys {
        fail(&soft, key);
    }
    let report = runtime.check_health();
    assert!(report.ignored && report.pools.iter().all(|pool| pool.health == Health::Critical), "{report:?}");
    assert!(runtime.status().control.health_ignored);
    for domain in [&soft, &strict] {
        assert_eq!(keys.map(|key| home(domain, key)), ["a", "b"], "all of them get work");
    }
    let majority = || told(runtime, Author::Health, None, "majority");
    assert!(majority()[0].decision.starts_with("denied: more than half of the pools are critical"));
    // The one that ends the hour in which they failed, and two good ones.
    hours.pass();
    hours.pass();
    hours.pass();
    let report = runtime.check_health();
    assert!(!report.ignored && report.worst == Health::Degraded, "{report:?}");
    assert!(!runtime.status().control.health_ignored);
    assert_eq!(majority().len(), 2);
    assert!(majority()[1].decision.starts_with("health counts again"), "{}", journal(runtime));
    accounted(runtime);
}
