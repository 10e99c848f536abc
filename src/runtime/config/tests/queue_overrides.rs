//! The environment and `--set` reach every table of the pull queue.

use std::time::Duration;

use super::super::{BrokerKind, Loader};

const POOL: &str = "[pools.mail]\n";

#[test]
fn overrides_reach_every_table() {
    let file = "[pools.mail-a]\n[domains.mail-a]\nexec.argv = ['x']\n";
    let config = Loader::new()
        .variables([
            ("HEIJUNKA_BROKER__KIND", "file"),
            ("HEIJUNKA_BROKER__MAX_BYTES", "2GiB"),
            ("HEIJUNKA_KANBAN__PAYLOAD", "1024"),
            ("HEIJUNKA_KANBAN__RETRY__BASE", "2s"),
            ("HEIJUNKA_KANBAN__SEEN__TTL", "5s"),
            ("HEIJUNKA_DOMAINS__MAIL_A__RETRY__MAX_ATTEMPTS", "7"),
            ("HEIJUNKA_DOMAINS__MAIL_A__EXEC__OUTPUT", "1KiB"),
            ("HEIJUNKA_SERVICE__ON_SIGNAL", "stop"),
            ("HEIJUNKA_SERVICE__SOCKET", "/run/x"),
        ])
        .set("kanban.breaker.failures=9")
        .set("domains.mail-a.exec.argv=[\"y\", \"z\"]")
        .set("domains.mail-a.exec.environment.LANG=C")
        .set("domains.mail-a.consume=false")
        .set("schedules.x.cron=0 0 3 * * *")
        .set("schedules.x.domain=mail-a")
        .variables([("HEIJUNKA_SCHEDULES__X__ENABLED", "false")])
        .parse("f", file)
        .unwrap();
    let broker = config.broker.clone().unwrap();
    assert_eq!((broker.kind, broker.max_bytes), (BrokerKind::File, 2 << 30));
    let kanban = &config.kanban;
    assert_eq!((kanban.payload, kanban.breaker.failures), (1024, 9));
    assert_eq!((kanban.retry.base, kanban.seen.ttl), (Duration::from_secs(2), Duration::from_secs(5)));
    let domain = &config.domains["mail-a"];
    assert_eq!((domain.retry.max_attempts, domain.consume), (Some(7), Some(false)));
    let exec = domain.exec.clone().unwrap();
    assert_eq!((exec.output, exec.argv), (1024, vec!["y".to_owned(), "z".to_owned()]));
    assert_eq!(exec.environment["LANG"], "C");
    let schedule = &config.schedules["x"];
    assert_eq!((schedule.cron.as_deref(), schedule.enabled), (Some("0 0 3 * * *"), false));
    assert_eq!(config.service.socket.as_deref(), Some(std::path::Path::new("/run/x")));
}

#[test]
fn overrides_are_named_when_they_are_wrong() {
    let said = |loader: Loader| loader.parse("f", POOL).unwrap_err().to_string();
    assert_eq!(
        said(Loader::new().set("kanban.payload=1GiB")),
        "--set kanban.payload=1GiB: kanban.payload is 1GiB; set it to 1B at least and 64MiB at most"
    );
    assert_eq!(
        said(Loader::new().variables([("HEIJUNKA_KANBAN__RETRY__MAX_DELIVERIES", "2")])),
        "environment HEIJUNKA_KANBAN__RETRY__MAX_DELIVERIES: kanban.retry.max_attempts is 5 (the default), \
         above kanban.retry.max_deliveries (2); set it to at most 2"
    );
    assert_eq!(
        said(Loader::new().set("domains.mail.exec.output=5")),
        "--set domains.mail.exec.output=5: domains.mail.exec.argv is empty; name the program, such as \
         [\"/usr/bin/send-mail\"]"
    );
    assert_eq!(
        said(Loader::new().set("schedules.x.cron=never").set("schedules.x.domain=mail")),
        "--set schedules.x.cron=never: schedules.x.cron is \"never\": \
         Pattern must have between 5 and 7 fields; \
         write [second] minute hour day month weekday, such as \"0 0 3 * * *\""
    );
}
