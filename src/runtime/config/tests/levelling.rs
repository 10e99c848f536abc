//! What self-levelling goes by: every refusal with its line, and what depends on the cores.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{
    BalanceConfig, BurstConfig, Config, ControlConfig, HealthConfig, Kind, Loader, PoolConfig, ScalingConfig,
    Warning,
};
use super::refusal;

const POOL: &str = "[pools.payment]\n";

/// `key` written with each value, and what is said of it: its fault, then its cure.
#[track_caller]
fn refused(table: &str, key: &str, cure: &str, values: &[(&str, &str)]) {
    for (value, fault) in values {
        let line = refusal(&format!("{POOL}[{table}]\n{key} = {value}\n"));
        let column = key.len() + 4;
        assert_eq!(line, format!("3:{column}: {table}.{key} is {fault}; set it to {cure}"));
    }
}

/// The line for a configuration built in code, in a process of two cores.
#[track_caller]
fn refused_in_code(change: impl Fn(&mut Config), line: &str) {
    assert_eq!(changed(change).check_for(2).unwrap_err().to_string(), line);
}

fn changed(change: impl Fn(&mut Config)) -> Config {
    let mut config = Config::default();
    config.pools.insert("payment".into(), PoolConfig::default());
    change(&mut config);
    config
}

#[test]
fn whole_numbers_out_of_bounds() {
    for (table, key, from, to) in [
        ("control", "journal", 16, 100_000),
        ("scaling", "cores", 1, 1024),
        ("health", "replacements", 0, 6),
        ("burst", "floor", 1, 1_000_000_000),
        ("burst", "workers", 1, 50),
        ("burst", "renewals", 0, 100),
    ] {
        let cure = format!("a whole number from {from} to {to}");
        let above = (to + 1).to_string();
        let high = format!("{above}, above {to}");
        let values =
            [(above.as_str(), high.as_str()), ("-1", "-1 and must not be negative"), ("'x'", "\"x\"")];
        refused(table, key, &cure, &values);
        if from > 0 {
            let below = (from - 1).to_string();
            refused(table, key, &cure, &[(below.as_str(), format!("{below}, below {from}").as_str())]);
        }
    }
}

#[test]
fn numbers_out_of_bounds() {
    refused(
        "burst",
        "threshold",
        "a number from 2 to 1000",
        &[
            ("1.99", "1.99, below 2"),
            ("1001", "1001, above 1000"),
            ("nan", "NaN"),
            ("inf", "inf, above 1000"),
            ("1e300", "1e300, above 1000"),
            ("'ten'", "\"ten\""),
            ("true", "true"),
        ],
    );
    refused(
        "burst",
        "cost",
        "a number from 0 to 1000",
        &[
            ("-0.5", "-0.5, below 0"),
            ("1000.5", "1000.5, above 1000"),
            ("-inf", "-inf, below 0"),
            ("nan", "NaN"),
        ],
    );
}

#[test]
fn shares() {
    for (table, key) in [
        ("scaling", "up"),
        ("scaling", "target"),
        ("scaling", "down"),
        ("health", "degraded"),
        ("health", "critical"),
        ("balance", "below"),
    ] {
        refused(
            table,
            key,
            "one, such as 0.8 or \"80%\"",
            &[
                ("0", "0 (0 %), not a share above 0 and up to 1"),
                ("\"120%\"", "1.2 (120 %), not a share above 0 and up to 1"),
                ("-0.1", "-0.1 (-10 %), not a share above 0 and up to 1"),
                ("nan", "NaN (NaN %), not a share above 0 and up to 1"),
                ("inf", "inf (inf %), not a share above 0 and up to 1"),
            ],
        );
        refused(table, key, "a share above 0 and up to 1, such as 0.8 or \"80%\"", &[("'x'", "\"x\"")]);
    }
}

#[test]
fn durations() {
    for (table, key, from, to, low, high) in [
        ("pools.p", "queue_delay", "1us", "1m", "999ns", "1m 1s"),
        ("pools.p", "stall_after", "1ms", "1day", "999us", "1day 1ms"),
        ("control", "tick", "10ms", "10s", "9ms", "10s 1ns"),
        ("scaling", "calm", "1s", "1h", "999ms", "1h 1s"),
        ("health", "every", "100ms", "1h", "99ms", "1h 1s"),
        ("balance", "cooldown", "100ms", "1h", "99ms", "1h 1s"),
        ("burst", "lease", "1s", "1day", "999ms", "1day 1s"),
        ("burst", "return_every", "100ms", "1h", "99ms", "1h 1s"),
        ("burst", "cooldown", "0s", "1day", "", "1day 1s"),
    ] {
        let cure = format!("{from} at least and {to} at most");
        for outside in [low, high].into_iter().filter(|outside| !outside.is_empty()) {
            refused(table, key, &cure, &[(format!("'{outside}'").as_str(), outside)]);
        }
        let cure = "a duration such as \"50us\", in ns, us, ms, s, min, h or d";
        refused(table, key, cure, &[("5", "5"), ("'5'", "\"5\", without a unit")]);
        for bound in [from, to] {
            let text = format!("{POOL}[{table}]\n{key} = '{bound}'\n");
            assert!(super::read(&text).is_ok(), "{:?}", super::read(&text));
        }
    }
}

#[test]
fn mistyped_keys() {
    let said = |text: &str| refusal(&format!("{POOL}{text}"));
    assert_eq!(
        said("[scaling]\ntraget = 0.7"),
        "3:1: scaling.traget is not a known key; did you mean target?"
    );
    assert_eq!(said("[burts]"), "2:2: burts is not a known key; did you mean burst?");
    assert_eq!(
        said("stall_afer = '1s'"),
        "2:1: pools.payment.stall_afer is not a known key; did you mean stall_after?"
    );
    assert_eq!(said("[control]\ntik = '1s'"), "3:1: control.tik is not a known key; did you mean tick?");
    assert_eq!(
        said("[health]\nworkers = 1"),
        "3:1: health.workers is not a known key; \
         the keys here are enabled, every, degraded, critical, replacements"
    );
    assert_eq!(said("[balance]\nbelwo = 1"), "3:1: balance.belwo is not a known key; did you mean below?");
    assert_eq!(said("[health]\nenabled = 1"), "3:11: health.enabled is 1; set it to true or false");
    assert_eq!(
        Loader::new().set("burst.leas=5s").parse("f", POOL).unwrap_err().to_string(),
        "--set burst.leas=5s: burst.leas is not a known key; did you mean lease?"
    );
}

#[test]
fn shares_in_the_wrong_order() {
    let said = |text: &str| refusal(&format!("{POOL}{text}"));
    assert_eq!(
        said("[scaling]\nup = 0.8\ntarget = 0.8"),
        "4:10: scaling.target is 0.8, not below scaling.up (0.8); set it to less than 0.8"
    );
    // The side that somebody wrote is where the reader should look.
    assert_eq!(
        said("[scaling]\nup = '60%'"),
        "3:6: scaling.target is 0.7 (the default), not below scaling.up (0.6); set it to less than 0.6"
    );
    assert_eq!(
        said("[scaling]\ntarget = 0.4"),
        "3:10: scaling.down is 0.5 (the default), not below scaling.target (0.4); set it to less than 0.4"
    );
    assert_eq!(
        said("[health]\ncritical = 0.05"),
        "3:12: health.degraded is 0.1 (the default), above health.critical (0.05); set it to at most 0.05"
    );
    assert_eq!(
        said("[health]\ndegraded = 0.6"),
        "3:12: health.degraded is 0.6, above health.critical (0.5); set it to at most 0.5"
    );
    assert!(super::read("[pools.a]\n[health]\ndegraded = 0.5").is_ok());
}

#[test]
fn a_burst_stays_within_the_core_budget_while_a_pool_computes() {
    let eight = |config: &mut Config| config.burst.workers = Some(8);
    refused_in_code(
        eight,
        "burst.workers is 8, above the core budget (2); set it to at most 2, or declare the pools \"blocking\"",
    );
    assert!(changed(eight).check_for(8).is_ok());
    let blocking = changed(|config| {
        eight(config);
        config.pools.insert("payment".into(), PoolConfig { kind: Kind::Blocking, ..PoolConfig::default() });
    });
    assert!(blocking.check_for(2).is_ok());
    // The budget is what was set, whatever the process may use.
    let text = format!("{POOL}[scaling]\ncores = 4\n[burst]\nworkers = 5");
    assert_eq!(
        refusal(&text),
        "5:11: burst.workers is 5, above the core budget (4); set it to at most 4, or declare the pools \"blocking\""
    );
    assert!(super::read(&text.replace("= 5", "= 4")).is_ok());
    // Of the two, the one written last is at fault.
    let error = Loader::new().set("scaling.cores=1").parse("f", &text.replace("= 5", "= 4")).unwrap_err();
    assert_eq!(error.place(), Some("--set scaling.cores=1"));
    assert_eq!(error.path(), "burst.workers");
}

#[test]
fn what_a_burst_lends_unless_told_is_five_or_the_budget() {
    let config = changed(|_| {});
    assert_eq!([1, 2, 5, 64].map(|cores| config.burst_workers(cores)), [1, 2, 5, 5]);
    let told = changed(|config| config.burst.workers = Some(7));
    assert_eq!(told.burst_workers(64), 7);
    let budget = changed(|config| config.scaling.cores = Some(3));
    assert_eq!((budget.burst_workers(64), budget.core_budget(64)), (3, 3));
    let blocking = changed(|config| {
        config.pools.insert("payment".into(), PoolConfig { kind: Kind::Blocking, ..PoolConfig::default() });
    });
    assert_eq!(blocking.burst_workers(1), 5);
}

#[test]
fn a_budget_above_the_cores_is_allowed_with_a_warning() {
    let config = changed(|config| config.scaling.cores = Some(8));
    assert_eq!(config.check_for(8).unwrap(), []);
    let warnings = config.check_for(4).unwrap();
    assert_eq!(warnings, [Warning::BudgetAboveCores { budget: 8, cores: 4 }]);
    assert_eq!(
        warnings[0].to_string(),
        "scaling.cores is 8, above the cores this process may use (4); set it to at most 4 or allow more cores"
    );
    // Minima are compared with the budget.
    let config = changed(|config| config.scaling.cores = Some(1));
    assert_eq!(config.check_for(4).unwrap(), [Warning::MoreWorkersThanCores { workers: 2, cores: 1 }]);
}

#[test]
fn configurations_built_in_code_are_checked_as_well() {
    refused_in_code(
        |config| config.scaling.down = f64::NAN,
        "scaling.down is NaN (NaN %), not a share above 0 and up to 1; set it to one, such as 0.8 or \"80%\"",
    );
    refused_in_code(
        |config| config.burst.cost = f64::NEG_INFINITY,
        "burst.cost is -inf, below 0; set it to a number from 0 to 1000",
    );
    refused_in_code(
        |config| config.burst.threshold = 1e-300,
        "burst.threshold is 1e-300, below 2; set it to a number from 2 to 1000",
    );
    refused_in_code(
        |config| config.control.tick = Duration::ZERO,
        "control.tick is 0s; set it to 10ms at least and 10s at most",
    );
    refused_in_code(
        |config| config.pools.get_mut("payment").unwrap().stall_after = Duration::ZERO,
        "pools.payment.stall_after is 0s; set it to 1ms at least and 1day at most",
    );
}

fn number() -> BoxedStrategy<f64> {
    prop_oneof![prop::num::f64::ANY, 0.0..2.0, prop::sample::select(vec![0.0, -0.0, 0.5, 1.0, f64::NAN])]
        .boxed()
}

fn duration() -> BoxedStrategy<Duration> {
    prop_oneof![
        any::<Duration>(),
        Just(Duration::MAX),
        Just(Duration::ZERO),
        (0..100_000_u64).prop_map(Duration::from_secs)
    ]
    .boxed()
}

fn any_config() -> BoxedStrategy<Config> {
    let numbers = [(); 8].map(|()| number());
    let durations = [(); 9].map(|()| duration());
    let wholes = [(); 4].map(|()| prop_oneof![any::<u32>(), 0..200_u32]);
    let maybe = [(); 2].map(|()| prop::option::of(prop_oneof![any::<u32>(), 0..60_u32]));
    (numbers, durations, wholes, maybe)
        .prop_map(|(numbers, durations, wholes, [cores, workers])| {
            let [up, target, down, degraded, critical, below, threshold, cost] = numbers;
            let [tick, calm, every, settle, lease, return_every, cooldown, queue_delay, stall_after] =
                durations;
            let [journal, replacements, floor, renewals] = wholes;
            changed(|config| {
                config.control = ControlConfig { tick, journal };
                config.scaling = ScalingConfig { auto: true, up, target, down, calm, cores };
                config.health = HealthConfig { enabled: true, every, degraded, critical, replacements };
                config.balance = BalanceConfig { enabled: true, below, cooldown: settle };
                config.burst = BurstConfig {
                    enabled: true,
                    threshold,
                    floor,
                    workers,
                    lease,
                    renewals,
                    return_every,
                    cooldown,
                    cost,
                };
                let pool = PoolConfig { queue_delay, stall_after, ..PoolConfig::default() };
                config.pools.insert("payment".into(), pool);
            })
        })
        .boxed()
}

/// One table as it comes, the others as they are: a fault in one would hide those behind it.
fn one_table() -> impl Strategy<Value = Config> {
    (any_config(), 0..6).prop_map(|(any, table)| {
        changed(|config| match table {
            0 => config.control = any.control.clone(),
            1 => config.scaling = any.scaling.clone(),
            2 => config.health = any.health.clone(),
            3 => config.balance = any.balance.clone(),
            4 => config.burst = any.burst.clone(),
            _ => config.pools = any.pools.clone(),
        })
    })
}

proptest! {
    /// Whatever is in a configuration, the law answers in one line; and what it lets pass is in order.
    #[test]
    fn any_configuration_is_allowed_or_refused(
        config in prop_oneof![any_config(), one_table()], cores in 0..100_usize,
    ) {
        if let Err(error) = config.check_for(cores) {
            let line = error.to_string();
            prop_assert!(!line.contains('\n') && line.len() < 200, "{}", line);
            prop_assert!(!error.fault().is_empty() && !error.cure().is_empty());
            return Ok(());
        }
        let Config { scaling, health, burst, .. } = &config;
        prop_assert!(0.0 < scaling.down && scaling.down < scaling.target);
        prop_assert!(scaling.target < scaling.up && scaling.up <= 1.0);
        prop_assert!(0.0 < health.degraded && health.degraded <= health.critical && health.critical <= 1.0);
        prop_assert!((2.0..=1000.0).contains(&burst.threshold) && (0.0..=1000.0).contains(&burst.cost));
        let lent = config.burst_workers(cores);
        prop_assert!(lent >= 1 && lent as usize <= config.core_budget(cores));
    }
}
