//! `heijunka check`.

mod common;

use common::{TempFile, run};

const GOOD: &[u8] = b"[admission]\nsoft = 800\nhard = 900\n\
    [pools.a]\nmin_workers = 1\nmax_workers = 2\n\
    [pools.b]\nmin_workers = 1\nmax_workers = 4\n";

#[test]
fn a_good_configuration_is_summed_up() {
    let config = TempFile::new("good.toml", GOOD);
    let ran = run(["check", config.path()]);
    assert_eq!(
        (ran.code, ran.out.lines().next_back()),
        (Some(0), Some("ok: 2 domains, 2 pools, 2..6 workers, soft 800 hard 900"))
    );
    let ran = run(["check", config.path(), "--set", "admission.hard=1000", "--set", "pools.b.max_workers=9"]);
    assert_eq!(
        ran.out.lines().next_back(),
        Some("ok: 2 domains, 2 pools, 2..11 workers, soft 800 hard 1000")
    );
}

#[test]
fn the_queue_is_summed_up_where_there_is_one() {
    let text = "[pools.a]\nmin_workers = 1\nmax_workers = 2\n[domains.a.exec]\nargv = ['true']\n\
        [schedules.s]\nevery = '1s'\ndomain = 'a'\n[schedules.t]\ncron = '@daily'\ndomain = 'a'\n";
    let config = TempFile::new("queue.toml", text.as_bytes());
    let ran = run(["check", config.path()]);
    let before = "ok: 1 domain, 1 pool, 1..2 workers, soft 1000 hard 1200";
    let line = format!("{before}, memory broker, 1 domain consumed, 2 schedules");
    assert_eq!((ran.code, ran.out.lines().next_back()), (Some(0), Some(line.as_str())));
    let ran = run(["check", config.path(), "--set", "broker.kind=file", "--set", "domains.a.consume=false"]);
    let line = format!("{before}, file broker, 0 domains consumed, 2 schedules");
    assert_eq!(ran.out.lines().next_back(), Some(line.as_str()));
}

const QUEUE: &str = "[pools.a]\nmin_workers = 1\nmax_workers = 2\n[domains.a.exec]\nargv = ['true']\n";

#[test]
fn brokers_are_looked_at_when_asked_to() {
    let config = TempFile::new("brokers.toml", QUEUE.as_bytes());
    let ran = run(["check", "--brokers", config.path()]);
    assert_eq!(ran.code, Some(2), "in memory, nothing survives: {}", ran.out);
    assert!(ran.out.contains("endangers  items are in memory") && ran.out.contains("cure: "), "{}", ran.out);
    let file = ["--set", "broker.kind=file", "--set", "broker.sync=disk"];
    let ran = run(["check", "--brokers", config.path()].into_iter().chain(file));
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert!(ran.out.contains("nothing endangers what is promised"), "{}", ran.out);
    let gone = ["--set", "broker.path=/nonexistent/queue.redb"];
    let ran = run(["check", "--brokers", config.path()].into_iter().chain(file).chain(gone));
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    let none = TempFile::new("none.toml", GOOD);
    let ran = run(["check", "--brokers", none.path()]);
    assert_eq!((ran.code, ran.out.contains("there is no broker")), (Some(0), true), "{}", ran.out);
}

#[test]
fn brokers_that_do_not_answer_are_said_to_and_no_password_is_shown() {
    let config = TempFile::new("away.toml", QUEUE.as_bytes());
    let set = [
        "broker.kind=failover",
        "broker.nats.urls=['nats://127.0.0.1:1']",
        "broker.nats.token=hunter2",
        "broker.nats.connect_timeout=1s",
        "broker.amqp.port=1",
        "broker.amqp.password=hunter2",
        "broker.amqp.connect_timeout=1s",
    ];
    let ran = run(["check", "--brokers", config.path()]
        .into_iter()
        .chain(set.iter().flat_map(|set| ["--set", *set])));
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    for broker in ["nats at nats://127.0.0.1:1", "amqp at 127.0.0.1:1, vhost /"] {
        assert!(ran.out.contains(broker), "{}", ran.out);
    }
    assert_eq!(ran.out.matches("  fails  ").count(), 2, "{}", ran.out);
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{} {}", ran.out, ran.err);
    let missing = ["check", "--brokers", config.path(), "--set", "broker.kind=amqp", "--set"];
    let ran = run(missing.into_iter().chain(["broker.amqp.password=env:HEIJUNKA_NO_SUCH"]));
    assert!(ran.code == Some(2) && ran.out.contains("HEIJUNKA_NO_SUCH"), "{}", ran.out);
}

#[test]
fn a_bad_one_is_refused_in_one_line() {
    let config = TempFile::new("bad.toml", GOOD);
    let ran = run(["check", config.path(), "--set", "admission.hard=10"]);
    assert!(ran.refusal().contains("soft"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
    let ran = run(["check", "/nonexistent/heijunka.toml"]);
    assert!(ran.refusal().contains("/nonexistent/heijunka.toml"), "{}", ran.err);
}
