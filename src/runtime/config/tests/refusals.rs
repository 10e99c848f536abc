//! Every kind of bad input, with the whole line it is refused with.

use super::super::{Config, GroupConfig, PoolConfig};
use super::{read, refusal};

/// A pool, so that a configuration is whole but for what is tested.
const POOL: &str = "[pools.payment]\n";

#[track_caller]
fn refused(before_pool: &str, line: &str) {
    assert_eq!(refusal(&format!("{before_pool}\n{POOL}")), line);
}

#[track_caller]
fn pool_refused(keys: &str, line: &str) {
    assert_eq!(refusal(&format!("{POOL}{keys}\n")), line);
}

#[test]
fn mistyped_keys_and_tables() {
    refused("[admission]\nsfot = 5", "2:1: admission.sfot is not a known key; did you mean soft?");
    refused(
        "[admission]\nburst = 5",
        "2:1: admission.burst is not a known key; the keys here are soft, hard, reserve, sub_limits",
    );
    refused("[admision]\nsoft = 5", "1:2: admision is not a known key; did you mean admission?");
    refused("[pool.payment]", "1:2: pool is not a known key; did you mean pools?");
    pool_refused(
        "max_worker = 5",
        "2:1: pools.payment.max_worker is not a known key; did you mean max_workers?",
    );
    refused(
        "groups.g = { pool = ['payment'] }",
        "1:14: groups.g.pool is not a known key; did you mean pools?",
    );
    refused("'so \"far\n' = 1", "1:9: not TOML: key with no value; expected here: `=`");
    refused(
        "'so \"far' = 1",
        "1:1: \"so \\\"far\" is not a known key; the keys here are admission, domains, pools, groups, \
         control, scaling, health, balance, burst, broker, kanban, schedules, tracing, service",
    );
}

#[test]
fn numbers_out_of_bounds() {
    refused(
        "[admission]\nhard = -5",
        "2:8: admission.hard is -5 and must not be negative; set it to a whole number from 1 to 2097151",
    );
    refused(
        "[admission]\nhard = 0",
        "2:8: admission.hard is 0, below 1; set it to a whole number from 1 to 2097151",
    );
    refused(
        "[admission]\nhard = 2_097_152",
        "2:8: admission.hard is 2097152, above 2097151; set it to a whole number from 1 to 2097151",
    );
    refused(
        "[admission]\nsoft = 99999999999999999999",
        "2:8: admission.soft is 99999999999999999999; set it to a whole number from 1 to 2097151",
    );
    refused(
        "[admission.sub_limits]\npulled = 0",
        "2:10: admission.sub_limits.pulled is 0, below 1; set it to a whole number from 1 to 2097151",
    );
    pool_refused(
        "min_workers = 0",
        "2:15: pools.payment.min_workers is 0, below 1; set it to a whole number from 1 to 50",
    );
    pool_refused(
        "max_workers = 51",
        "2:15: pools.payment.max_workers is 51, above 50; set it to a whole number from 1 to 50",
    );
    pool_refused(
        "weight = 101",
        "2:10: pools.payment.weight is 101, above 100; set it to a whole number from 1 to 100",
    );
    pool_refused(
        "lane = 65_537",
        "2:8: pools.payment.lane is 65537, above 65536; set it to a whole number from 1 to 65536",
    );
    pool_refused(
        "lane = -1",
        "2:8: pools.payment.lane is -1 and must not be negative; set it to a whole number from 1 to 65536",
    );
}

#[test]
fn relations() {
    refused(
        "[admission]\nhard = 1200\nsoft = 1500",
        "3:8: admission.soft is 1500, above admission.hard (1200); set it to at most 1200",
    );
    // Only the hard limit was written: its line is where the reader should look.
    refused(
        "[admission]\nhard = 500",
        "2:8: admission.soft is 1000 (the default), above admission.hard (500); set it to at most 500",
    );
    refused(
        "[admission.sub_limits]\npulled = 1201",
        "2:10: admission.sub_limits.pulled is 1201, above admission.hard (1200); set it to at most 1200",
    );
    pool_refused(
        "min_workers = 9\nmax_workers = 8",
        "2:15: pools.payment.min_workers is 9, above pools.payment.max_workers (8); set it to at most 8",
    );
    pool_refused(
        "max_workers = 1",
        "2:15: pools.payment.min_workers is 2 (the default), above pools.payment.max_workers (1); set it to at most 1",
    );
}

#[test]
fn shares() {
    let cure = "set it to one, such as 0.2 or \"20%\"";
    for (reserve, said) in [
        ("\"120%\"", "is 1.2 (120 %)"),
        ("20", "is 20 (2000 %)"),
        ("1.0", "is 1 (100 %)"),
        ("-0.1", "is -0.1 (-10 %)"),
        ("\"-5%\"", "is -0.05 (-5 %)"),
        ("nan", "is NaN (NaN %)"),
    ] {
        let line = format!("2:11: admission.reserve {said}, not a share from 0 to below 1; {cure}");
        refused(&format!("[admission]\nreserve = {reserve}"), &line);
    }
    refused(
        "[admission]\nreserve = \"a fifth\"",
        "2:11: admission.reserve is \"a fifth\"; set it to a share from 0 to below 1, such as 0.2 or \"20%\"",
    );
}

#[test]
fn durations() {
    let cure = "set it to a duration such as \"50us\", in ns, us, ms, s, min, h or d";
    pool_refused(
        "spin = '50uz'",
        &format!("2:8: pools.payment.spin is \"50uz\", with the unknown unit \"uz\"; {cure}"),
    );
    pool_refused("spin = '50'", &format!("2:8: pools.payment.spin is \"50\", without a unit; {cure}"));
    pool_refused("spin = 50", &format!("2:8: pools.payment.spin is 50; {cure}"));
    pool_refused("spin = '-5us'", &format!("2:8: pools.payment.spin is \"-5us\"; {cure}"));
    // Handed to the parser of durations, this would overflow its sum.
    let huge = "18446744073709551615s 1000ms";
    pool_refused(&format!("spin = '{huge}'"), &format!("2:8: pools.payment.spin is \"{huge}\"; {cure}"));
    pool_refused("spin = '2s'", "2:8: pools.payment.spin is 2s; set it to 1us at least and 1s at most");
    pool_refused("spin = '999ns'", "2:8: pools.payment.spin is 999ns; set it to 1us at least and 1s at most");
    pool_refused(
        "idle = 'park'\nspin = '50us'",
        "3:8: pools.payment.spin means nothing unless idle is \"backoff\"; remove it, or set idle to \"backoff\"",
    );
}

#[test]
fn wrong_types() {
    refused(
        "[admission]\nhard = 'many'",
        "2:8: admission.hard is \"many\"; set it to a whole number from 1 to 2097151",
    );
    refused(
        "[admission]\nhard = 1.5",
        "2:8: admission.hard is 1.5; set it to a whole number from 1 to 2097151",
    );
    refused(
        "[admission]\nhard = 2026-01-01",
        "2:8: admission.hard is a date or time; set it to a whole number from 1 to 2097151",
    );
    refused("admission = 5", "1:13: admission is 5; set it to a table");
    refused("domains = []", "1:11: domains is an array; set it to a table");
    assert_eq!(refusal("[[pools.payment]]"), "1:1: pools.payment is an array; set it to a table");
    pool_refused("pin = 'yes'", "2:7: pools.payment.pin is \"yes\"; set it to true or false");
    pool_refused("domain = 5", "2:10: pools.payment.domain is 5; set it to a string in quotes");
    pool_refused(
        "kind = 'gpu'",
        "2:8: pools.payment.kind is \"gpu\"; set it to one of \"cpu\", \"blocking\"",
    );
    pool_refused(
        "kind = 5",
        "2:8: pools.payment.kind is of type integer; set it to one of \"cpu\", \"blocking\"",
    );
    pool_refused(
        "idle = 'sleep'",
        "2:8: pools.payment.idle is \"sleep\"; set it to one of \"backoff\", \"spin\", \"park\"",
    );
    refused(
        "[groups.g]\npools = 'payment'",
        "2:9: groups.g.pools is \"payment\"; set it to an array of strings, such as [\"a\", \"b\"]",
    );
    refused(
        "[groups.g]\npools = ['payment', 5]",
        "2:21: groups.g.pools[1] is 5; set it to a string in quotes",
    );
}

#[test]
fn names_that_name_nothing() {
    refused(
        "[groups.g]\npools = ['payment', 'paiment']",
        "2:21: groups.g.pools[1] names \"paiment\", and there is no such pool; did you mean payment?",
    );
    refused(
        "[groups.g]\npools = ['report']",
        "2:10: groups.g.pools[0] names \"report\", and there is no such pool; add [pools.report]",
    );
    refused(
        "[groups.g]\npools = [\"re\\nport\"]",
        "2:10: groups.g.pools[0] names \"re\\nport\", and there is no such pool; add [pools.\"re\\nport\"]",
    );
    refused(
        "[domains.payment]\ngroup = 'cards'",
        "2:9: domains.payment.group names \"cards\", and there is no such group; add [groups.cards]",
    );
    refused(
        "[groups.cards]\npools = ['payment']\n[domains.payment]\ngroup = 'card'",
        "4:9: domains.payment.group names \"card\", and there is no such group; did you mean cards?",
    );
    refused(
        "[domains.payment]\nsub_limit = 'pulled'",
        "2:13: domains.payment.sub_limit names \"pulled\", and there is no such sub-limit; \
         add it to [admission.sub_limits]",
    );
}

#[test]
fn groups_and_domains_without_pools() {
    refused("[groups.g]", "1:9: groups.g.pools is empty; name at least one pool");
    refused("[groups.g]\npools = []", "2:9: groups.g.pools is empty; name at least one pool");
    refused(
        "[groups.g]\npools = ['payment', 'payment']",
        "2:21: groups.g.pools[1] names \"payment\" again; name each pool once",
    );
    refused("[domains.paymnet]", "1:10: domains.paymnet has no pool; did you mean payment?");
    refused(
        "[domains.report]",
        "1:10: domains.report has no pool; add [pools.report], or set its group to one that has pools",
    );
}

#[test]
fn names_that_are_none() {
    let rule = "a name is 1 to 64 letters, digits, '-' or '_'";
    refused("[pools.'a b']", &format!("1:8: pools.\"a b\" is not a name; {rule}"));
    refused("[pools.'']", &format!("1:8: pools.\"\" is not a name; {rule}"));
    refused("[domains.'ü']", &format!("1:10: domains.\"ü\" is not a name; {rule}"));
    refused("[groups.'a.b']\npools = ['payment']", &format!("1:9: groups.\"a.b\" is not a name; {rule}"));
    refused(
        "[admission.sub_limits]\n'a b' = 5",
        &format!("2:1: admission.sub_limits.\"a b\" is not a name; {rule}"),
    );
    pool_refused("domain = 'a b'", &format!("2:10: pools.payment.domain is \"a b\"; {rule}"));
    let long = "x".repeat(65);
    let shown = "x".repeat(64);
    refused(&format!("[pools.{long}]"), &format!("1:8: pools.\"{shown}\"… is not a name; {rule}"));
}

#[test]
fn no_pool_and_too_many() {
    let nothing = "heijunka.toml: pools is empty; at least one [pools.NAME] is needed";
    for text in ["", "# to do\n", "[admission]\nhard = 1000\n", "\u{feff}"] {
        assert_eq!(read(text).unwrap_err().to_string(), nothing);
    }
    assert_eq!(refusal("\n[pools]"), "2:2: pools is empty; at least one [pools.NAME] is needed");
    let many = (0..256).map(|n| format!("[pools.p{n}]\n")).collect::<Vec<_>>().concat();
    assert_eq!(refusal(&many), "1:2: pools has 256 pools; keep at most 255");
}

#[test]
fn what_is_not_toml() {
    refused("[admission]\nsoft 1000", "2:6: not TOML: key with no value; expected here: `=`");
    refused(
        "[admission]\nreserve = 20%",
        "2:11: not TOML: string values must be quoted; expected here: literal string",
    );
    refused("[admission]\nsoft = 1\nsoft = 2", "3:1: \"soft\" is defined twice; keep one of the two");
    assert_eq!(
        refusal("[pools.a]\n[pools.b]\n[pools.a]"),
        "3:8: \"a\" is defined twice; keep one of the two"
    );
    refused("[admission]\n# é\0", "2:4: there is a NUL byte; remove it");
    for text in ["[".repeat(100_000), "{a=".repeat(100_000)] {
        let line = refusal(&format!("a = {text}"));
        assert!(line.contains("not TOML: cannot recurse further"), "{line}");
    }
}

#[test]
fn columns_count_characters() {
    refused(
        "admission = { hard = 0 }",
        "1:22: admission.hard is 0, below 1; set it to a whole number from 1 to 2097151",
    );
    refused(
        "\u{feff}admission.sub_limits = { 'é' = 1 }\r\n",
        "1:26: admission.sub_limits.\"é\" is not a name; a name is 1 to 64 letters, digits, '-' or '_'",
    );
    pool_refused(
        "domain = 'é'",
        "2:10: pools.payment.domain is \"é\"; a name is 1 to 64 letters, digits, '-' or '_'",
    );
}

#[test]
fn a_configuration_built_in_code_has_paths_and_no_place() {
    let mut config = Config::default();
    let error = config.check().unwrap_err();
    assert_eq!(error.place(), None);
    assert_eq!(error.to_string(), "pools is empty; at least one [pools.NAME] is needed");

    config.pools.insert("payment".into(), PoolConfig { weight: 0, ..PoolConfig::default() });
    let error = config.check().unwrap_err();
    assert_eq!(error.path(), "pools.payment.weight");
    assert_eq!(
        error.to_string(),
        "pools.payment.weight is 0, below 1; set it to a whole number from 1 to 100"
    );

    config.pools.insert("payment".into(), PoolConfig::default());
    config.groups.insert("g".into(), GroupConfig { pools: vec!["report".into()], ..GroupConfig::default() });
    assert_eq!(config.check().unwrap_err().path(), "groups.g.pools[0]");
}
