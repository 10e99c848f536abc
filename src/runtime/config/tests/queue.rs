//! The pull queue: what is refused, with the whole line, and what is warned of.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{
    BrokerConfig, BrokerKind, Config, DomainConfig, ExecConfig, PoolConfig, RetryConfig, Warning,
};
use super::{read, refusal};

pub(super) const POOL: &str = "[pools.mail]\n";

/// `key` in `table` written with `value`, and what follows the path in the line.
#[track_caller]
pub(super) fn refused(table: &str, key: &str, value: &str, said: &str) {
    let line = refusal(&format!("{POOL}[{table}]\n{key} = {value}\n"));
    assert_eq!(line, format!("3:{}: {table}.{key} {said}", key.len() + 4));
}

#[track_caller]
pub(super) fn accepted(table: &str, key: &str, value: &str) {
    let read = read(&format!("{POOL}[{table}]\n{key} = {value}\n"));
    assert!(read.is_ok(), "{}", read.unwrap_err());
}

#[track_caller]
pub(super) fn line(text: &str, expected: &str) {
    assert_eq!(refusal(&format!("{POOL}{text}")), expected);
}

#[test]
fn whole_numbers_out_of_bounds() {
    for (table, key, from, to) in [
        ("broker", "max_items", 1, 1_000_000_000),
        ("broker", "max_dead_letters", 1, 1_000_000_000),
        ("broker.nats", "replicas", 1, 5),
        ("broker.nats", "window", 1, 65_536),
        ("broker.amqp", "port", 1, 65_535),
        ("broker.amqp", "window", 1, 65_535),
        ("broker.failover", "failures", 1, 1000),
        ("broker.failover", "bad_probes", 1, 1000),
        ("broker.failover", "good_probes", 1, 1000),
        ("kanban", "pull", 1, 1000),
        ("kanban", "prefetch", 0, 1000),
        ("kanban", "slots", 1, 65_536),
        ("kanban", "window", 1, 1000),
        ("kanban", "items_per_worker", 1, 1_000_000),
        ("kanban", "target_max", 1, 50),
        ("kanban", "target_min", 1, 50),
        ("kanban.retry", "max_attempts", 1, 1000),
        ("kanban.retry", "max_deliveries", 1, 10_000),
        ("kanban.breaker", "failures", 1, 1000),
        ("kanban.seen", "capacity", 1, 100_000_000),
        ("domains.mail.retry", "max_attempts", 1, 1000),
        ("domains.mail.retry", "max_deliveries", 1, 10_000),
    ] {
        let cure = format!("set it to a whole number from {from} to {to}");
        let above: u32 = to + 1;
        refused(table, key, &above.to_string(), &format!("is {above}, above {to}; {cure}"));
        refused(table, key, "-1", &format!("is -1 and must not be negative; {cure}"));
        refused(table, key, "'x'", &format!("is \"x\"; {cure}"));
        if from > 0 {
            refused(table, key, "0", &format!("is 0, below {from}; {cure}"));
        }
    }
    for (table, key, bound) in [
        ("kanban", "prefetch", "0"),
        ("kanban", "slots", "65536"),
        ("kanban", "target_max", "50"),
        ("kanban.retry", "max_deliveries", "10000"),
        ("kanban.seen", "capacity", "100000000"),
        ("broker", "max_items", "1_000_000_000"),
    ] {
        accepted(table, key, bound);
    }
}

#[test]
fn durations() {
    for (table, key, from, to, low, high) in [
        ("broker", "lease", "1s", "1h", "999ms", "1h 1s"),
        ("broker.nats", "lease", "100ms", "1h", "99ms", "1h 1s"),
        ("broker.nats", "connect_timeout", "10ms", "5m", "9ms", "5m 1s"),
        ("broker.amqp", "lease", "100ms", "1day", "99ms", "1day 1s"),
        ("broker.amqp", "connect_timeout", "100ms", "1m", "99ms", "1m 1s"),
        ("broker.amqp", "heartbeat", "1s", "1m", "999ms", "1m 1s"),
        ("broker.failover", "probe_every", "10ms", "1h", "9ms", "1h 1s"),
        ("broker.failover", "probe_within", "10ms", "1m", "9ms", "1m 1s"),
        ("broker.failover", "hold_most", "10ms", "1day", "9ms", "1day 1s"),
        ("broker.failover", "again_within", "0s", "1day", "", "1day 1s"),
        ("broker.failover", "patience", "10ms", "1m", "9ms", "1m 1s"),
        ("kanban", "publish_timeout", "10ms", "10m", "9ms", "10m 1s"),
        ("kanban", "settle_timeout", "10ms", "10m", "9ms", "10m 1s"),
        ("kanban", "stall_after", "1ms", "1day", "999us", "1day 1ms"),
        ("kanban", "sample", "10ms", "1h", "9ms", "1h 1s"),
        ("kanban.retry", "cap", "1ms", "1day", "999us", "1day 1s"),
        ("kanban.retry", "base", "1ms", "1h", "999us", "1h 1s"),
        ("kanban.retry", "timeout", "1ms", "1day", "0s", "1day 1s"),
        ("kanban.breaker", "open", "10ms", "1h", "9ms", "1h 1s"),
        ("kanban.seen", "ttl", "1s", "30days", "999ms", "30days 1s"),
        ("domains.mail.retry", "cap", "1ms", "1day", "999us", "1day 1s"),
        ("domains.mail.retry", "base", "1ms", "1h", "999us", "1h 1s"),
        ("domains.mail.retry", "timeout", "1ms", "1day", "999us", "1day 1s"),
        ("service", "grace", "0s", "1day", "", "1day 1s"),
    ] {
        for outside in [low, high].into_iter().filter(|outside| !outside.is_empty()) {
            let said = format!("is {outside}; set it to {from} at least and {to} at most");
            refused(table, key, &format!("'{outside}'"), &said);
        }
        let cure = "set it to a duration such as \"50us\", in ns, us, ms, s, min, h or d";
        refused(table, key, "5", &format!("is 5; {cure}"));
        // A relation may stand in the way of one of the two.
        if !["cap", "base", "hold_most"].contains(&key) {
            accepted(table, key, &format!("'{from}'"));
            accepted(table, key, &format!("'{to}'"));
        }
    }
}

#[test]
fn shares_and_words() {
    let share = "not a share above 0 and up to 1; set it to one, such as 0.8 or \"80%\"";
    refused("kanban", "share", "0", &format!("is 0 (0 %), {share}"));
    refused("kanban", "share", "'101%'", &format!("is 1.01 (101 %), {share}"));
    refused("kanban", "expired", "'keep'", "is \"keep\"; set it to one of \"dead_letter\", \"drop\"");
    let kinds = "set it to one of \"memory\", \"file\", \"nats\", \"amqp\", \"failover\"";
    refused("broker", "kind", "'redis'", &format!("is \"redis\"; {kinds}"));
    refused("broker", "sync", "'never'", "is \"never\"; set it to one of \"process\", \"disk\"");
    refused("broker", "path", "5", "is 5; set it to a string in quotes");
    refused("service", "on_signal", "'die'", "is \"die\"; set it to one of \"stop\", \"drain\", \"auto\"");
    refused("domains.mail", "consume", "1", "is 1; set it to true or false");
}

#[test]
fn mistyped_keys() {
    line("[brokr]\nkind = 'file'", "2:2: brokr is not a known key; did you mean broker?");
    line("[kanban]\npul = 5", "3:1: kanban.pul is not a known key; did you mean pull?");
    line(
        "[kanban.retry]\nattempts = 5",
        "3:1: kanban.retry.attempts is not a known key; did you mean max_attempts?",
    );
    line(
        "[domains.mail.retry]\nmax_atempts = 5",
        "3:1: domains.mail.retry.max_atempts is not a known key; did you mean max_attempts?",
    );
    line(
        "[domains.mail.exec]\nargs = []",
        "3:1: domains.mail.exec.args is not a known key; did you mean argv?",
    );
    line("[service]\nsoket = 'x'", "3:1: service.soket is not a known key; did you mean socket?");
}

#[test]
fn relations() {
    line(
        "[kanban.retry]\nmax_attempts = 6\nmax_deliveries = 5",
        "3:16: kanban.retry.max_attempts is 6, above kanban.retry.max_deliveries (5); set it to at most 5",
    );
    line(
        "[kanban.retry]\nmax_deliveries = 4",
        "3:18: kanban.retry.max_attempts is 5 (the default), above kanban.retry.max_deliveries (4); \
         set it to at most 4",
    );
    line(
        "[kanban.retry]\nbase = '2s'\ncap = '1s'",
        "3:8: kanban.retry.base is 2s, above kanban.retry.cap (1s); set it to at most 1s",
    );
    line(
        "[kanban]\ntarget_min = 21",
        "3:14: kanban.target_min is 21, above kanban.target_max (20); set it to at most 20",
    );
    line(
        "[kanban]\ntarget_max = 1",
        "3:14: kanban.target_min is 2 (the default), above kanban.target_max (1); set it to at most 1",
    );
    line(
        "[kanban]\npayload = '2MiB'\n[broker]\nmax_bytes = '1MiB'",
        "3:11: kanban.payload is 2MiB, above broker.max_bytes (1MiB); set it to at most 1MiB",
    );
    for equal in [
        "[kanban.retry]\nmax_attempts = 20\nbase = '10min'",
        "[kanban]\ntarget_min = 20",
        "[broker]\nmax_bytes = '1MiB'",
    ] {
        assert!(read(&format!("{POOL}{equal}")).is_ok(), "{equal}");
    }
}

#[test]
fn what_a_domain_overrides_is_held_against_what_it_does_not() {
    line(
        "[domains.mail.retry]\nmax_attempts = 21",
        "3:16: domains.mail.retry.max_attempts is 21, above kanban.retry.max_deliveries (20); set it to at most 20",
    );
    line(
        "[domains.mail.retry]\ncap = '500ms'",
        "3:7: kanban.retry.base is 1s (the default), above domains.mail.retry.cap (500ms); set it to at most 500ms",
    );
    line(
        "[kanban.retry]\nmax_deliveries = 8\n[domains.mail.retry]\nmax_attempts = 9",
        "5:16: domains.mail.retry.max_attempts is 9, above kanban.retry.max_deliveries (8); set it to at most 8",
    );
    let text = "[domains.mail.retry]\nmax_attempts = 21\nmax_deliveries = 21\ncap = '1s'\n[kanban.retry]\ntimeout = '2s'";
    let config = read(&format!("{POOL}{text}")).unwrap();
    let all = RetryConfig { timeout: Duration::from_secs(2), ..RetryConfig::default() };
    let cap = Duration::from_secs(1);
    let own = RetryConfig { max_attempts: 21, max_deliveries: 21, cap, ..all.clone() };
    assert_eq!((config.retry_of("mail"), config.retry_of("other")), (own, all));
}

#[test]
fn programs_and_paths() {
    line(
        "[domains.mail.exec]\noutput = 5",
        "2:15: domains.mail.exec.argv is empty; name the program, such as [\"/usr/bin/send-mail\"]",
    );
    line(
        "[domains.mail.exec]\nargv = []",
        "3:8: domains.mail.exec.argv is empty; name the program, such as [\"/usr/bin/send-mail\"]",
    );
    line("[domains.mail.exec]\nargv = ['']", "3:9: domains.mail.exec.argv[0] is empty; name the program");
    line(
        "[domains.mail.exec]\nargv = ['x', \"a\\u0000\"]",
        "3:14: domains.mail.exec.argv[1] is \"a\\0\"; remove the NUL character",
    );
    line(
        "[domains.mail.exec]\nargv = 'x'",
        "3:8: domains.mail.exec.argv is \"x\"; set it to an array of strings, such as [\"a\", \"b\"]",
    );
    line(
        "[domains.mail.exec]\nargv = ['x']\ndirectory = ''",
        "4:13: domains.mail.exec.directory is empty; give a path",
    );
    line(
        "[domains.mail.exec]\nargv = ['x']\nenvironment = { 'A=B' = 'c' }",
        "4:17: domains.mail.exec.environment.\"A=B\" is not a name; \
         a name has one character at least, and neither '=' nor NUL",
    );
    line(
        "[domains.mail.exec]\nargv = ['x']\nenvironment = { A = \"\\u0000\" }",
        "4:21: domains.mail.exec.environment.A is \"\\0\"; remove the NUL character",
    );
    line(
        "[domains.mail.exec]\nargv = ['x']\nenvironment = { A = 5 }",
        "4:21: domains.mail.exec.environment.A is 5; set it to a string in quotes",
    );
    line("[broker]\nkind = 'file'\npath = ''", "4:8: broker.path is empty; give a path");
    assert!(read(&format!("{POOL}[broker]\npath = ''")).is_ok(), "nobody opens it");
    line("[service]\nsocket = ''", "3:10: service.socket is empty; give a path");
    let long = "x".repeat(104);
    line(
        &format!("[service]\nsocket = '{long}'"),
        "3:10: service.socket has 104 bytes; choose a path of at most 103",
    );
    assert!(read(&format!("{POOL}[service]\nsocket = '{}'", &long[1..])).is_ok());
    line("[service]\nstate = ''", "3:9: service.state is empty; give a path");
    line(
        "[service.http]\ntoken = 'env:'",
        "3:9: service.http.token is empty; give a token, env:NAME or file:PATH, or leave it out",
    );
    line(
        "[service.http]\nhosts = ['']",
        "3:10: service.http.hosts[0] is empty; give a name, or leave it out",
    );
    let said = "is \"localhost\"; set it to an address with a port, such as \"127.0.0.1:9090\", or \"off\"";
    refused("service.http", "listen", "'localhost'", said);
    assert!(read(&format!("{POOL}[service.http]\nlisten = 'off'")).is_ok());
    // A consumed domain needs a pool like every other.
    line(
        "[domains.post]\nconsume = true",
        "2:10: domains.post has no pool; add [pools.post], or set its group to one that has pools",
    );
}

#[test]
fn there_is_a_queue_where_something_needs_one() {
    let queue = |text: &str| read(&format!("{POOL}{text}")).unwrap().queue();
    assert_eq!(queue(""), None);
    assert_eq!(queue("[kanban]\npull = 5\n[service]\n[domains.mail]\nconsume = false"), None);
    assert_eq!(queue("[domains.mail]\nconsume = true"), Some(BrokerConfig::default()));
    assert_eq!(queue("[domains.mail.exec]\nargv = ['x']"), Some(BrokerConfig::default()));
    assert_eq!(queue("[domains.mail]\nconsume = false\nexec.argv = ['x']"), None);
    assert_eq!(queue("[schedules.s]\nevery = '1s'\ndomain = 'mail'"), Some(BrokerConfig::default()));
    assert_eq!(queue("[broker]\nkind = 'file'").unwrap().kind, BrokerKind::File);
}

#[test]
fn a_handler_that_outlasts_the_stall_is_warned_of() {
    let warnings = |text: &str| read(&format!("{POOL}{text}")).unwrap().check_for(64).unwrap();
    let long = "[domains.mail]\nconsume = true\nretry.timeout = '301s'";
    let (timeout, stall_after) = (Duration::from_secs(301), Duration::from_secs(300));
    let warning = Warning::StalledBeforeTimeout { domain: "mail".into(), timeout, stall_after };
    assert_eq!(
        warning.to_string(),
        "a handler of mail may take 5m 1s, above kanban.stall_after (5m), from where on its item may be delivered \
         again; raise kanban.stall_after or lower the timeout"
    );
    assert_eq!(warnings(long), [warning]);
    assert_eq!(warnings(&long.replace("301", "300")), []);
    assert_eq!(warnings(&long.replace("true", "false")), []);
    assert_eq!(warnings(&format!("{long}\n[kanban]\nstall_after = '301s'")), []);
}

#[test]
fn configurations_built_in_code_are_checked_as_well() {
    let mut config = Config::default();
    config.pools.insert("mail".into(), PoolConfig::default());
    let exec = Some(ExecConfig::default());
    config.domains.insert("mail".into(), DomainConfig { exec, ..DomainConfig::default() });
    assert_eq!(config.check().unwrap_err().path(), "domains.mail.exec.argv");
    config.domains.clear();
    config.kanban.share = f64::NAN;
    assert_eq!(config.check().unwrap_err().path(), "kanban.share");
}

/// One key of the queue's tables with a random value: past the parser, into reading and checking.
fn one_setting() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "broker.kind",
        "broker.max_bytes",
        "broker.max_items",
        "broker.lease",
        "broker.nats.urls",
        "broker.nats.password",
        "broker.nats.tls",
        "broker.amqp.port",
        "broker.amqp.password",
        "broker.failover.primary",
        "broker.failover.hold",
        "kanban.share",
        "kanban.payload",
        "kanban.expired",
        "kanban.retry.cap",
        "kanban.retry",
        "kanban.seen.ttl",
        "domains.a.exec",
        "domains.a.exec.argv",
        "domains.a.exec.environment.A",
        "domains.a.retry.timeout",
        "schedules.s.cron",
        "schedules.s.every",
        "schedules.s.zone",
        "schedules.s.priority",
        "schedules",
        "service.socket",
        "service.state",
        "service.http",
        "service.http.listen",
        "service.http.token",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        "[0-9]{1,22} ?(B|KiB|MiB|GiB|TiB|kB|MB|x|)".prop_map(|text| format!("'{text}'")),
        "[0-9]{1,9}(y|w|s|ms|d)".prop_map(|text| format!("'{text}'")),
        "[0-9*/,LW#?A-F -]{0,20}".prop_map(|text| format!("'{text}'")),
        "[a-zA-Zµ/_.]{0,20}".prop_map(|text| format!("'{text}'")),
        prop::sample::select(vec!["true", "[]", "{}", "[[1]]", "{a=1}", "['x', '']", "\"\\u0000\""])
            .prop_map(str::to_owned),
    ];
    (key, value).prop_map(|(key, value)| format!("{key} = {value}\n[pools.a]\n"))
}

proptest! {
    #[test]
    fn any_setting_is_read_or_refused(text in one_setting()) {
        if let Err(error) = read(&text) {
            let line = error.to_string();
            prop_assert!(!line.contains('\n') && line.len() < 400, "{}", line);
            prop_assert!(!error.fault().is_empty() && !error.cure().is_empty());
            prop_assert!(error.place().is_some());
        }
    }
}
