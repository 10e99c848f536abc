//! File < environment < `--set`, and errors that name the one that is wrong.

use super::super::{Config, Loader};
use crate::thread::Idle;
use std::ffi::OsString;
use std::time::Duration;

const FILE: &str = "\
[admission]
soft = 800
hard = 1200
[pools.payment-a]
weight = 2
spin = '50us'
[groups.g]
pools = ['payment-a']
";

#[track_caller]
fn set(text: &str) -> Config {
    Loader::new().set(text).parse("heijunka.toml", FILE).unwrap()
}

#[track_caller]
fn variable(name: &str, value: &str) -> Config {
    Loader::new().variables([(name, value)]).parse("heijunka.toml", FILE).unwrap()
}

#[track_caller]
fn refused(loader: &Loader, line: &str) {
    assert_eq!(loader.parse("heijunka.toml", FILE).unwrap_err().to_string(), line);
}

#[test]
fn later_sources_win() {
    let loader = Loader::new();
    let hard = |loader: &Loader| loader.parse("heijunka.toml", FILE).unwrap().admission.hard;
    assert_eq!(hard(&loader), 1200);
    let loader = loader.set("admission.hard=1000").set("admission.hard=900");
    assert_eq!(hard(&loader), 900, "the last of two");
    let loader = loader.variables([("HEIJUNKA_ADMISSION__HARD", "1100")]);
    assert_eq!(hard(&loader), 900, "whichever was given first");
    assert_eq!(hard(&Loader::new().variables([("HEIJUNKA_ADMISSION__HARD", "1100")])), 1100);
}

#[test]
fn values_are_toml_or_else_strings() {
    assert_eq!(
        set("pools.payment-a.spin=30us").pools["payment-a"].idle,
        Idle::Backoff { spin: Duration::from_micros(30) }
    );
    assert!((set("admission.reserve=30%").admission.reserve - 0.3).abs() < 1e-12);
    assert_eq!(set(" admission . hard = 0x400 ").admission.hard, 1024);
    assert_eq!(set("pools.payment-a.domain='5'").pools["payment-a"].domain.as_deref(), Some("5"));
    assert_eq!(set("admission.sub_limits.pulled=5").admission.sub_limits["pulled"], 5);
    assert_eq!(set("groups.h.pools=[\"payment-a\"]").groups["h"].pools, ["payment-a"]);
}

#[test]
fn tables_are_joined_key_by_key() {
    let pool = &set("pools.payment-a={max_workers=4, min_workers=1}").pools["payment-a"];
    assert_eq!((pool.min_workers, pool.max_workers, pool.weight), (1, 4, 2));
    let declared = [("HEIJUNKA_POOLS__B__WEIGHT", "7"), ("HEIJUNKA_POOLS__B", "{lane=9}")];
    let b = &Loader::new().variables(declared).parse("heijunka.toml", FILE).unwrap().pools["b"];
    assert_eq!((b.weight, b.lane), (7, 9), "a table before its keys, whatever the order of the environment");
    let config = set("pools.payment-b={}");
    assert_eq!(config.pools["payment-b"], super::super::PoolConfig::default());
    assert_eq!(set("pools.payment-a={}").pools["payment-a"].weight, 2, "an empty table changes nothing");
}

#[test]
fn variables_find_names_they_cannot_spell() {
    assert_eq!(variable("HEIJUNKA_POOLS__PAYMENT_A__WEIGHT", "7").pools["payment-a"].weight, 7);
    assert_eq!(variable("HEIJUNKA_POOLS__PAYMENT-A__WEIGHT", "7").pools["payment-a"].weight, 7);
    let upper = Loader::new().variables([("HEIJUNKA_POOLS__PAYMENT__WEIGHT", "7")]);
    assert_eq!(upper.parse("f", "[pools.Payment]").unwrap().pools["Payment"].weight, 7);
    // Of two that it could mean, a variable means neither, unless it spells one of them.
    let two = "[pools.a-b]\n[pools.A-b]\n[pools.c_d]\n[pools.c-d]";
    let loader = Loader::new().variables([("HEIJUNKA_POOLS__C_D__WEIGHT", "7")]);
    assert_eq!(loader.parse("f", two).unwrap().pools["c_d"].weight, 7);
    let loader = Loader::new().variables([("HEIJUNKA_POOLS__A_B__WEIGHT", "7")]);
    assert!(loader.parse("f", two).is_err());
}

#[test]
fn variables_of_others_are_left_alone() {
    let others = [
        ("HEIJUNKA_PORT", "tcp://10.0.0.1:9090"),
        ("HEIJUNKA_PORT_9090_TCP_ADDR", "10.0.0.1"),
        ("HEIJUNKA_SERVICE_HOST", "10.0.0.1"),
        ("HEIJUNKA_SERVICE_PORT", "80"),
        ("HEIJUNKA_SERVICE_PORT_HTTP", "80"),
        ("HEIJUNKA_BROKER_SERVICE_HOST", "10.0.0.1"),
        ("HEIJUNKA_CONTROL_SERVICE_HOST", "10.0.0.1"),
        ("HEIJUNKA_CONTROL_SERVICE_PORT_HTTP", "80"),
        ("HEIJUNKA_HEALTH_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("HEIJUNKA_POOLS_PORT", "tcp://10.0.0.1:80"),
        ("HEIJUNKA_CONFIG", "heijunka.toml"),
        ("HEIJUNKA", "x"),
        ("PATH", "/bin"),
        ("MY_HEIJUNKA_ADMISSION__HARD", "5"),
    ];
    let config = Loader::new().variables(others).parse("heijunka.toml", FILE).unwrap();
    assert_eq!(config, Config::from_toml("heijunka.toml", FILE).unwrap());
}

#[test]
fn unknown_paths_are_refused() {
    refused(
        &Loader::new().set("admission.hrad=5"),
        "--set admission.hrad=5: admission.hrad is not a known key; did you mean hard?",
    );
    refused(
        &Loader::new().set("admision.hard=5"),
        "--set admision.hard=5: admision is not a known key; did you mean admission?",
    );
    refused(
        &Loader::new().set("pools.payment-b.weight=5"),
        "--set pools.payment-b.weight=5: pools.payment-b does not exist; did you mean payment-a?",
    );
    refused(
        &Loader::new().set("pools.report.weight=5"),
        "--set pools.report.weight=5: pools.report does not exist; declare it first: pools.report={}",
    );
    refused(
        &Loader::new().set("domains.report.priority=true"),
        "--set domains.report.priority=true: domains.report has no pool; \
         add [pools.report], or set its group to one that has pools",
    );
    refused(
        &Loader::new().set("admission.hard.x=5"),
        "--set admission.hard.x=5: admission.hard is a table; set it to a whole number from 1 to 2097151",
    );
    refused(
        &Loader::new().variables([("HEIJUNKA_ADMISSION__HRAD", "5")]),
        "environment HEIJUNKA_ADMISSION__HRAD: admission.hrad is not a known key; did you mean hard?",
    );
    refused(
        &Loader::new().set("pools.a\nb.weight=5"),
        "--set pools.a\\nb.weight=5: pools.\"a\\nb\" does not exist; declare it first: pools.\"a\\nb\"={}",
    );
    let deep = Loader::new().set(format!("a{}=5", ".a".repeat(100_000)));
    assert_eq!(deep.parse("heijunka.toml", FILE).unwrap_err().path(), "a");
}

#[test]
fn bad_values_are_refused() {
    refused(
        &Loader::new().set("admission.hard=many"),
        "--set admission.hard=many: admission.hard is \"many\"; set it to a whole number from 1 to 2097151",
    );
    refused(
        &Loader::new().variables([("HEIJUNKA_ADMISSION__HARD", "-1")]),
        "environment HEIJUNKA_ADMISSION__HARD: admission.hard is -1 and must not be negative; \
         set it to a whole number from 1 to 2097151",
    );
    refused(
        &Loader::new().set("groups.g.pools=[\"payment-a\", \"x\"]"),
        "--set groups.g.pools=[\"payment-a\", \"x\"]: groups.g.pools[1] names \"x\", and there is no such pool; \
         add [pools.x]",
    );
    refused(
        &Loader::new().set("pools.payment-a.idle=park"),
        "--set pools.payment-a.idle=park: pools.payment-a.spin means nothing unless idle is \"backoff\"; \
         remove it, or set idle to \"backoff\"",
    );
}

#[test]
fn of_a_relation_the_side_written_last_is_named() {
    refused(
        &Loader::new().set("admission.hard=500"),
        "--set admission.hard=500: admission.soft is 800, above admission.hard (500); set it to at most 500",
    );
    refused(
        &Loader::new().set("admission.soft=700").variables([("HEIJUNKA_ADMISSION__HARD", "600")]),
        "--set admission.soft=700: admission.soft is 700, above admission.hard (600); set it to at most 600",
    );
    // What an override left alone is still blamed on the file.
    refused(
        &Loader::new().set("admission.soft=900").set("pools.payment-a={weight=3}").set("admission.hard=0"),
        "--set admission.hard=0: admission.hard is 0, below 1; set it to a whole number from 1 to 2097151",
    );
    let broken = format!("{FILE}[domains.report]\n");
    let error = Loader::new().set("admission.soft=900").parse("heijunka.toml", &broken).unwrap_err();
    assert_eq!(error.place(), Some("heijunka.toml:9:10"));
}

#[test]
fn overrides_that_are_none() {
    for name in [
        "HEIJUNKA_CONTROL_TICK",
        "HEIJUNKA_SCALING_UP",
        "HEIJUNKA_HEALTH_EVERY",
        "HEIJUNKA_BALANCE_BELOW",
        "HEIJUNKA_BURST_LEASE",
        "HEIJUNKA_BROKER_KIND",
        "HEIJUNKA_KANBAN_PULL",
        "HEIJUNKA_SCHEDULES_X_CRON",
        "HEIJUNKA_SERVICE_GRACE",
    ] {
        let error = Loader::new().variables([(name, "1")]).parse("heijunka.toml", FILE).unwrap_err();
        assert_eq!(error.fault(), "the levels are separated by one underscore", "{name}");
    }

    refused(
        &Loader::new().set("admission.hard"),
        "--set admission.hard: there is no value; write PATH=VALUE, such as admission.hard=500",
    );
    refused(
        &Loader::new().set("admission..hard=5"),
        "--set admission..hard=5: a part of the path is empty; write every level, such as admission.hard",
    );
    refused(
        &Loader::new().set("=\n5"),
        "--set =\\n5: a part of the path is empty; write every level, such as admission.hard",
    );
    refused(
        &Loader::new().variables([("HEIJUNKA_ADMISSION_HARD", "5")]),
        "environment HEIJUNKA_ADMISSION_HARD: the levels are separated by one underscore; \
         separate them by two, such as HEIJUNKA_ADMISSION__HARD",
    );
}

#[test]
#[cfg(unix)]
fn variables_may_hold_any_bytes() {
    use std::os::unix::ffi::OsStringExt;

    let bytes = || OsString::from_vec(vec![0xff]);
    refused(
        &Loader::new().variables([(OsString::from("HEIJUNKA_ADMISSION__HARD"), bytes())]),
        "environment HEIJUNKA_ADMISSION__HARD: the value is not UTF-8; write it in UTF-8",
    );
    let others = Loader::new().variables([(bytes(), bytes()), ("OTHER".into(), bytes())]);
    assert!(others.parse("heijunka.toml", FILE).is_ok());
}
