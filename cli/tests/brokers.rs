//! `heijunka check --brokers`, with real servers.
#![cfg(all(unix, feature = "nats", feature = "amqp"))]

mod common;

use common::{Ran, TempFile, run};
use heijunka_servers::{NatsServer, RabbitServer};

const QUEUE: &[u8] =
    b"[pools.a]\nmin_workers = 1\nmax_workers = 2\n[domains.a.exec]\nargv = ['true']\n[broker]\nkind = 'failover'\n";

const SAFE: &str = "  ok         nothing endangers what is promised";

/// Looks at both of them.
fn looked(nats: &str, amqp: &str, more: &[&str]) -> Ran {
    let config = TempFile::new(&format!("brokers-{:?}.toml", std::thread::current().id()), QUEUE);
    let mut set = vec![format!("broker.nats.urls=['{nats}']")];
    set.extend(amqp.split(' ').chain(more.iter().copied()).map(str::to_owned));
    let set = set.iter().flat_map(|set| ["--set", set]);
    run(["check", "--brokers", config.path()].into_iter().chain(set))
}

/// The lines about the broker that this one names.
fn about<'a>(ran: &'a Ran, broker: &str) -> Vec<&'a str> {
    let start = format!("{broker} at ");
    let after = ran.out.lines().skip_while(|line| !line.starts_with(&start));
    let lines =
        after.take_while(|line| line.starts_with(&start) || line.starts_with(' ')).collect::<Vec<_>>();
    assert!(!lines.is_empty(), "{}", ran.out);
    lines
}

fn has(lines: &[&str], start: &str, word: &str) -> bool {
    lines.iter().any(|line| line.starts_with(start) && line.contains(word))
}

#[test]
fn servers_as_they_should_be_those_warned_of_and_those_in_danger() {
    let nats = NatsServer::start();
    let vhost = RabbitServer::shared().vhost();
    let amqp = format!("broker.amqp.port={} broker.amqp.vhost={}", vhost.port(), vhost.name());

    let ran = looked(&nats.url(), &amqp, &[]);
    assert_eq!(ran.code, Some(0), "{} {}", ran.out, ran.err);
    let lines = about(&ran, "nats");
    assert_eq!(lines[0], format!("nats at {}", nats.url()));
    assert!(has(&lines, "  notes      ", "nats-server 2."), "{lines:?}");
    assert_eq!(lines.last(), Some(&SAFE));
    let lines = about(&ran, "amqp");
    assert_eq!(lines[0], format!("amqp at 127.0.0.1:{}, vhost {}", vhost.port(), vhost.name()));
    assert!(has(&lines, "  warns      ", "policies cannot be seen"), "{lines:?}");
    assert!(has(&lines, "             cure: ", "list_policies"), "{lines:?}");
    assert!(has(&lines, "  notes      ", "is version 3."), "{lines:?}");
    assert!(!has(&lines, "  warns      ", "classic"), "{lines:?}");
    assert_eq!(lines.last(), Some(&SAFE));
    assert!(vhost.queues().is_empty(), "nothing is changed there");

    let ran = looked(&nats.url(), &amqp, &["broker.amqp.queues=classic"]);
    assert_eq!(ran.code, Some(0), "{} {}", ran.out, ran.err);
    assert!(has(&about(&ran, "amqp"), "  warns      ", "classic"), "{}", ran.out);

    // One of the two is enough.
    for (kind, other) in [("nats", "amqp"), ("amqp", "nats")] {
        let ran = looked(&nats.url(), &amqp, &[&format!("broker.{kind}.create=false")]);
        assert_eq!(ran.code, Some(2), "{} {}", ran.out, ran.err);
        let lines = about(&ran, kind);
        assert!(lines[1].starts_with("  endangers  "), "the worst comes first: {lines:?}");
        assert!(lines[2].starts_with("             cure: ") && !lines.contains(&SAFE), "{lines:?}");
        assert!(about(&ran, other).contains(&SAFE), "{}", ran.out);
    }
}

#[test]
fn no_password_is_printed() {
    let nats = NatsServer::start_with("authorization { user: me, password: right }");
    let vhost = RabbitServer::shared().vhost();
    let amqp = format!("broker.amqp.port={} broker.amqp.vhost={}", vhost.port(), vhost.name());
    let shows_nothing = |ran: &Ran| {
        assert_eq!(ran.code, Some(2), "{} {}", ran.out, ran.err);
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{} {}", ran.out, ran.err);
    };
    // In a URL it is refused before anything else.
    let ran = looked(&format!("nats://me:hunter2@127.0.0.1:{}", nats.port()), &amqp, &[]);
    shows_nothing(&ran);
    assert!(ran.refusal().contains("broker.nats.urls[0] has a user or a token in it"), "{}", ran.err);
    let wrong = ["broker.nats.user=me", "broker.nats.password=hunter2", "broker.amqp.password=hunter2"];
    let ran = looked(&nats.url(), &amqp, &wrong);
    shows_nothing(&ran);
    assert!(has(&about(&ran, "nats"), "  fails      ", "check user, password"), "{}", ran.out);
    assert!(has(&about(&ran, "amqp"), "  fails      ", "check user and password"), "{}", ran.out);
    let right = ["broker.nats.user=me", "broker.nats.password=right"];
    assert_eq!(looked(&nats.url(), &amqp, &right).code, Some(0));
}
