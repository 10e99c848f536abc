//! Changing the configuration of a runtime that runs: all of it or nothing.

use std::time::Duration;

use heijunka::{
    Affinity, ChangeError, Config, ExecConfig, GroupConfig, Health, Idle, Kind, PoolConfig, Reason, Runtime,
    ScheduleConfig,
};

use crate::common::{Gate, eventually, pool_status, workers, workers_of};

fn runtime() -> Runtime {
    Runtime::builder()
        .limits(80, 100)
        .reserve(0.2)
        .sub_limit("background", 10)
        .pool("a", PoolConfig { max_workers: 8, ..workers_of("web", 2) })
        .pool("b", PoolConfig { max_workers: 8, ..workers_of("web", 2) })
        .start()
        .unwrap()
}

fn refused(runtime: &Runtime, change: impl FnMut(&mut Config)) -> String {
    let before = (runtime.config(), runtime.regulator().limits());
    let error = runtime.update(change).unwrap_err();
    assert_eq!((runtime.config(), runtime.regulator().limits()), before, "nothing has changed: {error}");
    error.to_string()
}

#[test]
fn limits_change_together() {
    let runtime = runtime();
    let change = |config: &mut Config| {
        config.admission.soft = 3;
        config.admission.hard = 4;
        config.admission.reserve = 0.0;
        config.admission.sub_limits.insert("background".into(), 2);
    };
    runtime.update(change).unwrap();
    let status = runtime.status().admission;
    assert_eq!((status.limits.soft(), status.limits.hard(), status.limits.reserved()), (3, 4, 0));
    assert_eq!(status.sub_limits[0].limit, 2);
    let (domain, gate) = (runtime.domain("web").unwrap(), Gate::default());
    for n in 0..4_u32 {
        domain.execute(n, gate.job()).unwrap();
    }
    assert_eq!(domain.execute(9_u32, |_| ()).unwrap_err().rejected().reason(), Reason::HardLimit);
}

#[test]
fn limits_that_were_set_directly_are_what_a_change_starts_from() {
    let runtime = runtime();
    runtime.regulator().set_limits(heijunka::Limits::new(40, 50, 5).unwrap());
    assert_eq!(runtime.config().admission.hard, 50);
    runtime.update(|config| config.scaling.up = 0.9).unwrap();
    let limits = runtime.regulator().limits();
    assert_eq!((limits.soft(), limits.hard(), limits.reserved()), (40, 50, 5));
}

#[test]
fn bounds_take_hold_at_the_next_tick() {
    let runtime = runtime();
    runtime.update(|config| config.pools.get_mut("a").unwrap().min_workers = 4).unwrap();
    eventually("it has grown to its new minimum", || pool_status(&runtime, "a").workers == 4);
    let change = |config: &mut Config| {
        let pool = config.pools.get_mut("a").unwrap();
        (pool.min_workers, pool.max_workers) = (1, 3);
    };
    runtime.update(change).unwrap();
    eventually("it has shrunk to its new maximum", || pool_status(&runtime, "a").workers == 3);
    assert_eq!(pool_status(&runtime, "a").max_workers, 3);
    assert_eq!(pool_status(&runtime, "b").workers, 2);
}

#[test]
fn groups_weights_and_affinity_change_where_keys_go() {
    let runtime = runtime();
    let domain = runtime.domain("web").unwrap();
    let place = |key: u32| domain.submit(key, |context| context.pool().to_owned()).unwrap().wait().unwrap();
    let homes: Vec<String> = (0..40).map(place).collect();
    assert!(homes.contains(&"a".to_owned()) && homes.contains(&"b".to_owned()));
    let only_b = |config: &mut Config| {
        config
            .groups
            .insert("web".into(), GroupConfig { pools: vec!["b".into()], affinity: Affinity::Strict });
    };
    runtime.update(only_b).unwrap();
    assert!((0..40).map(place).all(|pool| pool == "b"));
    runtime.update(|config| config.groups.clear()).unwrap();
    assert_eq!((0..40).map(place).collect::<Vec<_>>(), homes, "back where they were");
    runtime.update(|config| config.pools.get_mut("a").unwrap().weight = 100).unwrap();
    let to_a = (0..40).map(place).filter(|pool| pool == "a").count();
    assert!(to_a > 35, "{to_a}");
}

#[test]
fn what_contradicts_itself_is_refused_with_its_place() {
    let runtime = runtime();
    assert_eq!(
        refused(&runtime, |config| (config.scaling.down, config.admission.hard) = (0.75, 500)),
        "scaling.down is 0.75, not below scaling.target (0.7); set it to less than 0.7"
    );
    let message = refused(&runtime, |config| config.burst.workers = Some(50));
    assert!(message.starts_with("burst.workers is 50, above the core budget ("), "{message}");
    let message = refused(&runtime, |config| config.admission.soft = 101);
    assert_eq!(message, "admission.soft is 101, above admission.hard (100); set it to at most 100");
    let message = refused(&runtime, |config| config.balance.below = f64::NAN);
    assert!(message.starts_with("balance.below is NaN"), "{message}");
}

#[test]
fn what_contradicts_the_running_state_is_refused_with_its_place() {
    type Change = fn(&mut PoolConfig);
    let runtime = runtime();
    let pool = |config: &mut Config, change: Change| change(config.pools.get_mut("a").unwrap());
    let fixed = "cannot change while the runtime runs; leave it as it is, or add a pool that has it and remove this one";
    let cases: [(Change, &str); 5] = [
        (|pool| pool.domain = Some("mail".into()), "domain"),
        (|pool| pool.lane = 7, "lane"),
        (|pool| pool.kind = Kind::Blocking, "kind"),
        (|pool| pool.idle = Idle::Spin, "idle"),
        (|pool| pool.pin = true, "pin"),
    ];
    for (change, key) in cases {
        let message = refused(&runtime, |config| {
            config.admission.hard = 90;
            pool(config, change);
        });
        assert_eq!(message, format!("pools.a.{key} {fixed}"));
    }
    let message = refused(&runtime, |config| drop(config.pools.insert("c".into(), workers(1))));
    assert_eq!(message, "pools.c is not there while the runtime runs; add it with Runtime::add_pool");
    let message = refused(&runtime, |config| drop(config.pools.remove("b")));
    assert_eq!(message, "pools.b is missing, and in use; take it out with Runtime::remove_pool");
    let message = refused(&runtime, |config| config.admission.sub_limits.clear());
    assert!(message.starts_with("admission.sub_limits.background is missing, and in use"), "{message}");
    let change = |config: &mut Config| config.domains.entry("web".into()).or_default().priority = true;
    assert_eq!(
        refused(&runtime, change),
        "domains.web.priority cannot change while the runtime runs; leave it as it is"
    );
}

#[test]
fn what_the_pull_queue_goes_by_is_fixed() {
    type Change = fn(&mut Config);
    let runtime = runtime();
    let cases: [(Change, &str); 7] = [
        (|config| config.broker = Some(heijunka::BrokerConfig::default()), "broker"),
        (|config| config.kanban.pull = 11, "kanban"),
        (
            |config| {
                let every = Some(Duration::from_secs(1));
                let nightly = ScheduleConfig { every, domain: "web".into(), ..ScheduleConfig::default() };
                config.schedules.insert("nightly".into(), nightly);
            },
            "schedules",
        ),
        (|config| config.service.grace = Duration::from_secs(1), "service"),
        (
            |config| config.domains.entry("web".into()).or_default().consume = Some(true),
            "domains.web.consume",
        ),
        (
            |config| {
                let exec = ExecConfig { argv: vec!["true".into()], ..ExecConfig::default() };
                config.domains.entry("web".into()).or_default().exec = Some(exec);
            },
            "domains.web.exec",
        ),
        (
            |config| config.domains.entry("web".into()).or_default().retry.max_attempts = Some(3),
            "domains.web.retry",
        ),
    ];
    for (change, path) in cases {
        let message = refused(&runtime, change);
        assert_eq!(
            message,
            format!("{path} cannot change while the runtime runs; leave it as it is, or restart with it")
        );
    }
}

#[test]
fn bounds_must_leave_room_for_what_was_set_by_hand() {
    let runtime = runtime();
    let pool = runtime.pool("a").unwrap();
    pool.scale_to(6).unwrap();
    let shrink = |config: &mut Config| config.pools.get_mut("a").unwrap().max_workers = 5;
    assert_eq!(
        refused(&runtime, shrink),
        "pools.a.max_workers is 5, below the 6 workers that were set by hand; \
         set it to at least 6, or let the load decide with Pool::auto first"
    );
    pool.auto();
    runtime.update(shrink).unwrap();
    eventually("it has shrunk", || pool_status(&runtime, "a").workers == 5);
}

#[test]
fn pools_that_come_and_go_are_part_of_what_changes_start_from() {
    let runtime = runtime();
    runtime.add_pool("c", &workers(1)).unwrap();
    runtime.set_group("web", GroupConfig { pools: vec!["c".into()], affinity: Affinity::Soft }).unwrap();
    runtime.set_domain_group("c", "web").unwrap();
    runtime.update(|config| config.health.every = Duration::from_secs(3)).unwrap();
    assert!(runtime.config().pools.contains_key("c"));
    assert_eq!(runtime.config().groups["web"].pools, ["c"]);
    runtime.remove_pool("c", Duration::from_secs(5)).unwrap();
    let config = runtime.config();
    assert!(!config.pools.contains_key("c") && config.groups.is_empty(), "{config:?}");
    runtime.update(|config| config.health.every = Duration::from_secs(4)).unwrap();
    assert_eq!(runtime.check_health().worst, Health::Healthy);
}

#[test]
fn changes_from_many_threads_are_all_made() {
    let runtime = runtime();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    runtime.update(|config| config.burst.floor += 1).unwrap();
                }
            });
        }
    });
    assert_eq!(runtime.config().burst.floor, 200);
}

#[test]
fn a_change_that_changes_again_is_told_and_not_waited_for() {
    let runtime = runtime();
    let nested = runtime.update(|config| {
        config.burst.floor = 7;
        runtime.update(|config| config.control.journal += 1).unwrap();
    });
    assert!(matches!(nested, Err(ChangeError::Contended)), "{nested:?}");
    assert_eq!(runtime.config().burst.floor, 100);
}

#[test]
fn after_the_end_nothing_changes_and_every_change_is_told() {
    let runtime = runtime();
    runtime.update(|config| config.burst.enabled = false).unwrap();
    assert!(!runtime.burst().enabled);
    let told = |entry: &heijunka::Entry| entry.to_string().contains("the configuration changed: burst");
    assert!(runtime.journal().iter().any(|entry| told(entry)));
    runtime.stop(Duration::from_secs(5));
    assert!(matches!(runtime.update(|config| config.burst.enabled = true), Err(ChangeError::Ended)));
}
