//! What the levelling of a running system got wrong.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Affinity, ChangeError, Clock, Context, ControlConfig, Domain, GroupConfig, Health, HealthConfig, Kind,
    ManualTime, PoolConfig, Runtime,
};

use crate::common::{GENEROUS, Gate, Outcome, beside, eventually, pool_status, workers, workers_of};

const TICK: Duration = Duration::from_secs(10);

fn elastic(min_workers: u32) -> PoolConfig {
    PoolConfig {
        max_workers: 50,
        kind: Kind::Blocking,
        stall_after: Duration::from_secs(24 * 3600),
        ..workers(min_workers)
    }
}

fn slow() -> ControlConfig {
    ControlConfig { tick: TICK, ..ControlConfig::default() }
}

/// Lets one tick pass.
/// The one that comes with the start.
fn first_tick(runtime: &Runtime) {
    eventually("the first tick", || runtime.status().control.ticks > 0);
}

fn tick(runtime: &Runtime, time: &ManualTime) {
    first_tick(runtime);
    let before = runtime.status().control.ticks;
    time.advance(TICK);
    eventually("a tick", || runtime.status().control.ticks > before);
}

fn place(domain: &Domain, key: u64) -> String {
    domain.submit(key, |context| context.pool().to_owned()).unwrap().result().unwrap()
}

// A group that no domain was routed in was never built, so its faults were found by whoever was routed in it, for good.
#[test]
fn a_group_that_cannot_be_is_refused_at_once() {
    let runtime = Runtime::builder().pool("a", workers(1)).pool("b", workers(1)).start().unwrap();
    let before = runtime.config();
    let twice = GroupConfig { pools: vec!["a".into(), "a".into()], ..GroupConfig::default() };
    assert!(matches!(runtime.set_group("both", twice), Err(ChangeError::Config(_) | ChangeError::Group(_))));
    let one = GroupConfig { pools: vec!["a".into()], ..GroupConfig::default() };
    assert!(matches!(runtime.set_group("no name", one), Err(ChangeError::Config(_))));
    assert_eq!(runtime.config(), before);
    assert!(runtime.set_domain_group("b", "both").is_err(), "it is not there");
    runtime.update(|config| config.burst.enabled = false).unwrap();
    assert_eq!(runtime.remove_pool("b", GENEROUS).unwrap(), 0);
}

// The group stayed, without a pool, and what was routed in it was refused until something else was changed.
#[test]
fn a_group_goes_with_its_last_pool() {
    let runtime = Runtime::builder()
        .pool("a", workers_of("web", 1))
        .pool("b", workers(1))
        .group("web", GroupConfig { pools: vec!["b".into()], affinity: Affinity::Soft })
        .start()
        .unwrap();
    let domain = runtime.domain("web").unwrap();
    assert_eq!(place(&domain, 1), "b");
    runtime.remove_pool("b", GENEROUS).unwrap();
    assert!(runtime.config().groups.is_empty());
    assert_eq!(place(&domain, 1), "a", "as the configuration has it");
}

fn fail(domain: &Domain, key: u64, jobs: u32) {
    for _ in 0..jobs {
        let failing = |context: &Context<'_>| {
            context.fail();
        };
        domain.submit(key, failing).unwrap().result().unwrap();
    }
}

fn pair(health: HealthConfig) -> (Runtime, Domain, ManualTime) {
    let (clock, time) = Clock::manual();
    let runtime = Runtime::builder()
        .pool("a", workers_of("web", 1))
        .pool("b", workers_of("web", 1))
        .control(slow())
        .health(health)
        .clock(clock)
        .start()
        .unwrap();
    first_tick(&runtime);
    let domain = runtime.domain("web").unwrap();
    (runtime, domain, time)
}

/// Two pools of which `a` is critical, and a key that belongs there.
fn with_a_critical_pool() -> (Runtime, Domain, ManualTime, u64) {
    let (runtime, domain, time) = pair(HealthConfig { every: TICK, ..HealthConfig::default() });
    let key = (0..100).find(|key| place(&domain, *key) == "a").unwrap();
    for _ in 0..2 {
        fail(&domain, key, 40);
        tick(&runtime, &time);
    }
    assert_eq!(place(&domain, key), "b", "it is critical");
    (runtime, domain, time, key)
}

fn health(runtime: &Runtime, pool: &str) -> Health {
    runtime.check_health().pools.into_iter().find(|health| health.name == pool).unwrap().health
}

// Whoever asked often had the failures counted in portions too small to say anything.
#[test]
fn failures_are_seen_however_often_somebody_looks() {
    let (runtime, domain, time) = pair(HealthConfig { every: TICK, ..HealthConfig::default() });
    let key = (0..100).find(|key| place(&domain, *key) == "a").unwrap();
    for _ in 0..20 {
        fail(&domain, key, 10);
        let _ = runtime.check_health();
    }
    tick(&runtime, &time);
    for _ in 0..20 {
        // By then it may have no keys any more.
        fail(&domain, key, 10);
        let _ = runtime.check_health();
    }
    tick(&runtime, &time);
    assert_eq!(health(&runtime, "a"), Health::Critical, "all of its jobs failed");
}

// Four looks within a moment, at a pool that got no work, made it well.
#[test]
fn a_pool_is_not_well_because_somebody_looks_often() {
    let (runtime, domain, time) = pair(HealthConfig { every: TICK, ..HealthConfig::default() });
    let key = (0..100).find(|key| place(&domain, *key) == "a").unwrap();
    for _ in 0..3 {
        // By now it may have no keys any more.
        if health(&runtime, "a") != Health::Critical {
            fail(&domain, key, 30);
        }
        tick(&runtime, &time);
    }
    assert_eq!(health(&runtime, "a"), Health::Critical);
    for _ in 0..10 {
        assert_eq!(health(&runtime, "a"), Health::Critical);
    }
}

// What had been decided by health stayed when health was switched off: for ever, as nobody looked any more.
#[test]
fn a_critical_pool_gets_its_keys_back_when_health_is_switched_off() {
    let (runtime, domain, time, key) = with_a_critical_pool();
    runtime.update(|config| config.health.enabled = false).unwrap();
    tick(&runtime, &time);
    assert_eq!(place(&domain, key), "a");
    let _ = runtime.check_health();
    tick(&runtime, &time);
    assert_eq!(place(&domain, key), "a");
}

// Every tick told again what had been told before, and the journal forgot everything else.
#[test]
fn what_stays_denied_is_told_once() {
    let (clock, time) = Clock::manual();
    let pool = PoolConfig { kind: Kind::Cpu, ..elastic(4) };
    let mut config = heijunka::Config::default();
    config.pools.insert("web".into(), pool);
    config.scaling.cores = Some(1);
    let runtime = Runtime::builder().config(config).control(slow()).clock(clock).start().unwrap();
    let gate = Gate::default();
    gate.occupy(&runtime.domain("web").unwrap(), 1, 4);
    for _ in 0..60 {
        tick(&runtime, &time);
    }
    let told: Vec<String> = runtime.journal().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|entry| entry.contains("core_budget")), "{told:#?}");
    assert!(told.len() < 12, "{told:#?}");
}

// The same, for workers that could not be started.
#[test]
fn workers_that_stay_missing_are_told_of_once() {
    let (clock, time) = Clock::manual();
    let runtime = Runtime::builder()
        .pool("web", elastic(50))
        .pool("mail", workers(1))
        .control(slow())
        .clock(clock)
        .start()
        .unwrap();
    runtime.update(|config| config.pools.get_mut("web").unwrap().min_workers = 1).unwrap();
    let (pool, domain, gate) =
        (runtime.pool("web").unwrap(), runtime.domain("web").unwrap(), Gate::default());
    gate.occupy(&domain, 1, 50);
    pool.scale_to(1).unwrap();
    assert!(pool.scale_to(50).is_err(), "those that leave are still there");
    for _ in 0..20 {
        tick(&runtime, &time);
    }
    let told: Vec<String> = runtime.journal().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|entry| entry.contains("missing")), "{told:#?}");
    assert!(told.len() < 8, "{} entries: {:#?}", told.len(), &told[told.len() - 8..]);
}

// It was called healthy, by default limits and without a look at its workers.
#[test]
fn the_status_tells_the_health_that_is_acted_on() {
    let (clock, time) = Clock::manual();
    let pool = PoolConfig { stall_after: Duration::from_secs(1), ..workers(1) };
    let health = HealthConfig { every: TICK, replacements: 0, ..HealthConfig::default() };
    let runtime = Runtime::builder()
        .pool("hung", pool)
        .pool("b", workers(1))
        .control(slow())
        .health(health)
        .clock(clock)
        .start()
        .unwrap();
    let gate = Gate::default();
    gate.occupy(&runtime.domain("hung").unwrap(), 1, 1);
    tick(&runtime, &time);
    assert_eq!(pool_status(&runtime, "hung").health, Health::Critical);
    assert!(
        runtime.metrics().contains(r#"heijunka_pool_health{pool="hung",domain="hung",state="critical"} 1"#)
    );
}

/// Its drop panics, which ends the worker.
struct Poison;

impl Drop for Poison {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the poison works");
    }
}

// Nobody replaced a worker that died in a pool on its way out: what waited there was handed back.
#[test]
fn a_pool_that_is_taken_out_runs_what_waits_although_its_worker_dies() {
    let runtime = Arc::new(Runtime::builder().pool("a", workers(1)).pool("b", workers(1)).start().unwrap());
    let (domain, gate) = (runtime.domain("a").unwrap(), Gate::default());
    gate.occupy(&domain, 1, 1);
    domain.execute(1, |_: &Context<'_>| std::panic::panic_any(Poison)).unwrap();
    let waiting: Vec<_> = (0..3).map(|n| domain.submit(1, move |_| n).unwrap()).collect();
    let removing = {
        let runtime = runtime.clone();
        beside(move || runtime.remove_pool("a", GENEROUS))
    };
    eventually("it is out", || runtime.pool("a").is_none());
    gate.open();
    assert_eq!(removing.join().unwrap(), 0);
    assert!(waiting.iter().zip(0..).all(|(handle, n)| handle.result() == Ok(n)));
}

// What was known of the pool that had the name before was held against the new one.
#[test]
fn a_new_pool_of_an_old_name_starts_afresh() {
    let (runtime, domain, time, key) = with_a_critical_pool();
    runtime.remove_pool("a", GENEROUS).unwrap();
    runtime.add_pool("a", &workers_of("web", 1)).unwrap();
    tick(&runtime, &time);
    assert_eq!(health(&runtime, "a"), Health::Healthy);
    assert_eq!(place(&domain, key), "a");
}

// It waited for itself.
#[test]
fn work_that_is_handed_back_may_want_the_end() {
    struct Ends(Arc<Runtime>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.stop(GENEROUS);
        }
    }
    let runtime = Arc::new(Runtime::builder().pool("a", workers(1)).start().unwrap());
    let (domain, gate) = (runtime.domain("a").unwrap(), Gate::default());
    gate.occupy(&domain, 1, 1);
    let ends = Ends(runtime.clone());
    domain.execute(1, move |_: &Context<'_>| drop(ends)).unwrap();
    let report = runtime.stop(Duration::from_millis(50));
    assert_eq!(report.abandoned, 1, "{report:?}");
    gate.open();
}
