//! Schedules: when, for whom, and what is wrong with them.

use super::super::Warning;
use super::{read, refusal};

const POOL: &str = "[pools.mail]\n";

/// A schedule that is whole but for the keys that are given.
fn schedule(keys: &str) -> String {
    format!("{POOL}[schedules.x]\n{keys}\n")
}

#[track_caller]
fn refused(keys: &str, line: &str) {
    assert_eq!(refusal(&schedule(keys)), line);
}

const FIELDS: &str = "write [second] minute hour day month weekday, such as \"0 0 3 * * *\"";

#[test]
fn it_says_when_once() {
    refused("domain = 'mail'", "2:12: schedules.x has neither cron nor every; set one of the two");
    refused(
        "domain = 'mail'\ncron = '* * * * *'\nevery = '1s'",
        "5:9: schedules.x.every and schedules.x.cron are both set; remove one of the two",
    );
    for (outside, said) in [("99ms", "99ms"), ("31d", "1month 13h 26m 24s")] {
        refused(
            &format!("domain = 'mail'\nevery = '{outside}'"),
            &format!("4:9: schedules.x.every is {said}; set it to 100ms at least and 30days at most"),
        );
    }
    for bound in ["100ms", "30d"] {
        assert!(read(&schedule(&format!("domain = 'mail'\nevery = '{bound}'"))).is_ok(), "{bound}");
    }
}

#[test]
fn cron_expressions() {
    for good in [
        "* * * * *",
        "*/10 * * * * *",
        "0 0 3 * * *",
        "0 0 29 2 *",
        "0 0 0 1 1 * 2020",
        "0 0 0 1 1 * 2100",
        "@daily",
        "0 9 L * *",
        "0 9 * * MON#1",
    ] {
        let read = read(&schedule(&format!("domain = 'mail'\ncron = '{good}'")));
        assert!(read.is_ok(), "{}", read.unwrap_err());
    }
    for never in ["0 0 30 2 *", "0 0 0 31 4,6,9,11 *", "0 0 0 29 2 * 2001"] {
        refused(
            &format!("domain = 'mail'\ncron = '{never}'"),
            &format!("4:8: schedules.x.cron is \"{never}\": it never fires; {FIELDS}"),
        );
    }
    for bad in
        ["", "* * *", "61 * * * *", "* * * * * * * *", "a b c d e", "@often", "5-1 * * * *", "*/0 * * * *"]
    {
        let line = refusal(&schedule(&format!("domain = 'mail'\ncron = '{bad}'")));
        assert!(line.starts_with(&format!("4:8: schedules.x.cron is \"{bad}\": ")), "{line}");
        assert!(line.ends_with(FIELDS) && !line.contains('\n'), "{line}");
    }
    let long = refusal(&schedule(&format!("domain = 'mail'\ncron = '{}'", "* ".repeat(200))));
    assert!(long.contains("…: it has more than 256 characters; "), "{long}");
    refused("domain = 'mail'\ncron = 5", "4:8: schedules.x.cron is 5; set it to a string in quotes");
}

#[test]
fn time_zones() {
    let zone = "domain = 'mail'\ncron = '* * * * *'\nzone = ";
    for unknown in ["Mars/Base", "", "../etc/passwd"] {
        refused(
            &format!("{zone}'{unknown}'"),
            &format!(
                "5:8: schedules.x.zone is \"{unknown}\", which is not known here; \
                 set it to the IANA name of a time zone, such as \"UTC\" or \"Europe/Berlin\""
            ),
        );
    }
    assert!(read(&schedule(&format!("{zone}'UTC'"))).is_ok());
}

#[test]
fn whom_it_is_for() {
    refused("every = '1s'", "2:12: schedules.x.domain is missing; name the domain that its items are for");
    refused(
        "every = '1s'\ndomain = 'a b'",
        "4:10: schedules.x.domain is \"a b\"; a name is 1 to 64 letters, digits, '-' or '_'",
    );
    let long = "x".repeat(51);
    let rule = "the name of a schedule is 1 to 50 letters, digits, '-' or '_'";
    let text = |name: &str| format!("{POOL}[schedules.{name}]\nevery = '1s'\ndomain = 'mail'");
    assert_eq!(refusal(&text(&long)), format!("2:12: schedules.{long} is not a name; {rule}"));
    assert_eq!(refusal(&text("'a b'")), format!("2:12: schedules.\"a b\" is not a name; {rule}"));
    assert!(read(&text(&long[1..])).is_ok());
}

#[test]
fn its_items() {
    let every = "every = '1s'\ndomain = 'mail'\n";
    let said = |keys: &str| refusal(&schedule(&format!("{every}{keys}")));
    let cure = "set it to a whole number from 1 to 10000";
    assert_eq!(said("batch = 0"), format!("5:9: schedules.x.batch is 0, below 1; {cure}"));
    assert_eq!(said("batch = 10001"), format!("5:9: schedules.x.batch is 10001, above 10000; {cure}"));
    assert_eq!(
        said("deadline = '0s'"),
        "5:12: schedules.x.deadline is 0s; set it to 1ms at least and 30days at most"
    );
    assert_eq!(
        said("priority = 'urgent'"),
        "5:12: schedules.x.priority is \"urgent\"; set it to one of \"high\", \"normal\", \"low\""
    );
    assert_eq!(
        said("misfire = 'all'"),
        "5:11: schedules.x.misfire is \"all\"; set it to one of \"once\", \"skip\""
    );
    assert_eq!(
        said("overlap = 'once'"),
        "5:11: schedules.x.overlap is \"once\"; set it to one of \"skip\", \"allow\""
    );
    assert_eq!(
        said("key = \"a\\n\""),
        "5:7: schedules.x.key is \"a\\n\"; a key may have up to 256 bytes, and no control characters"
    );
    assert_eq!(
        said("payload = 'four'\n[kanban]\npayload = 3"),
        "5:11: schedules.x.payload has 4 bytes, above kanban.payload (3); keep it to at most 3"
    );
    assert!(read(&schedule(&format!("{every}payload = 'four'\n[kanban]\npayload = 4"))).is_ok());
    assert_eq!(said("cannary = true"), "5:1: schedules.x.cannary is not a known key; did you mean canary?");
}

#[test]
fn a_schedule_into_a_memory_that_nobody_reads_is_warned_of() {
    let warnings = |text: &str| {
        let text = format!("{POOL}[schedules.x]\nevery = '1s'\ndomain = 'post'\n{text}");
        read(&text).unwrap().check_for(64).unwrap()
    };
    let warning = Warning::NobodyConsumes { schedule: "x".into(), domain: "post".into() };
    assert_eq!(
        warning.to_string(),
        "schedules.x publishes for post, which this process does not consume, and its broker is in memory; \
         let domains.post consume, or set broker.kind to \"file\""
    );
    assert_eq!(warnings(""), std::slice::from_ref(&warning));
    assert_eq!(warnings("[pools.post]\n[domains.post]\nconsume = false"), [warning]);
    assert_eq!(warnings("[broker]\nkind = 'file'"), [], "another process may");
    assert_eq!(warnings("[pools.post]"), [], "it may have a handler in code");
    assert_eq!(warnings("[pools.post]\n[domains.post]\nconsume = true"), []);
}

#[test]
fn debug_shows_what_is_set_and_no_secrets() {
    let config = read(
        "[pools.mail]\n[domains.mail.exec]\nargv = ['send']\nenvironment = { TOKEN = 'hush' }\n\
         [schedules.s]\nevery = '1s'\ndomain = 'mail'\npayload = 'hush'\nkey = 'hush'\n",
    );
    let shown = format!("{:?}", config.unwrap());
    assert!(shown.contains("TOKEN") && shown.contains("4 bytes"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}
