//! Wrong use: a clear error that names the broker and the cure.

use std::time::Duration;

use heijunka::{Broker, BrokerError, Clock, Nats, NatsAuth, NatsSettings, PublishError, Severity};
use heijunka_servers::NatsServer;

use super::rig::{WITHIN, connect, item, lane, nobody, open, settings};

fn refused(settings: NatsSettings) -> BrokerError {
    Nats::connect(settings, Clock::monotonic()).expect_err("it cannot be used")
}

fn says(error: &BrokerError, words: &[&str]) {
    let text = error.to_string();
    assert!(text.contains("NATS") || text.contains("JetStream"), "it names the broker: {text}");
    assert!(!text.contains("secret"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// Makes a stream or consumer as somebody else might.
fn make(server: &NatsServer, what: &str, config: &str) {
    let answer = server.request(&format!("$JS.API.{what}"), config.as_bytes()).expect("it answers");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.contains("\"error\""), "{answer}");
}

/// What a preflight says, worst first.
fn findings(settings: &NatsSettings) -> Vec<(Severity, String)> {
    let found = Nats::preflight(settings).expect("it can be looked at");
    assert!(
        found.iter().all(|finding| finding.severity == Severity::Notes || !finding.cure.is_empty()),
        "{found:?}"
    );
    found.into_iter().map(|finding| (finding.severity, finding.to_string())).collect()
}

fn endangers(settings: &NatsSettings, word: &str) {
    let found = findings(settings);
    let is = |(severity, text): &(Severity, String)| *severity == Severity::Endangers && text.contains(word);
    assert!(found.iter().any(is), "{word}: {found:#?}");
}

#[test]
fn a_server_that_is_not_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = port.expect("there is a free port").port();
    let error = refused(NatsSettings::at(format!("nats://user:secret@127.0.0.1:{port}")));
    assert!(matches!(error, BrokerError::Unavailable(_)), "{error:?}");
    says(&error, &["127.0.0.1", "check"]);
    let error = refused(NatsSettings::at("http://127.0.0.1:1"));
    assert!(matches!(error, BrokerError::Unusable(_)), "{error:?}");
    says(&error, &["nats://"]);
}

#[test]
fn a_server_that_says_nothing() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = socket.local_addr().expect("it is bound").port();
    let connect_timeout = Duration::from_millis(300);
    let settings = NatsSettings { connect_timeout, ..NatsSettings::at(format!("nats://127.0.0.1:{port}")) };
    let error = refused(settings);
    assert!(matches!(error, BrokerError::Unavailable(_)), "{error:?}");
    says(&error, &["does not answer"]);
}

#[test]
fn wrong_credentials() {
    let server = NatsServer::start_with("authorization { user: heijunka, password: right }");
    let user = |password: &str| NatsAuth::UserPassword("heijunka".into(), password.into());
    for auth in [NatsAuth::None, user("secret"), NatsAuth::Token("secret".into())] {
        let error = refused(NatsSettings { auth, ..settings(&server) });
        assert!(matches!(error, BrokerError::Refused(_)), "{error:?}");
        says(&error, &["check"]);
    }
}

const NO_JETSTREAM: &str = "accounts { A { users: [{user: a, password: a}] }, SYS { users: [{user: s, password: s}] } }\nsystem_account: SYS\nno_auth_user: a";

#[test]
fn jetstream_that_is_not_enabled() {
    let server = NatsServer::start_with(NO_JETSTREAM);
    let error = refused(settings(&server));
    says(&error, &["enable"]);
    endangers(&settings(&server), "JetStream is not there");
}

#[test]
fn a_stream_with_other_settings_is_refused_with_the_difference_and_not_altered() {
    let server = NatsServer::start();
    let config = r#"{"name":"KANBAN","subjects":["kanban.>"],"retention":"workqueue","storage":"memory","discard":"old","num_replicas":1,"max_age":0,"duplicate_window":120000000000}"#;
    make(&server, "STREAM.CREATE.KANBAN", config);
    let error = refused(settings(&server));
    assert!(matches!(error, BrokerError::Unusable(_)), "{error:?}");
    says(&error, &["storage", "memory", "file", "discard", "old", "new", "edit"]);
    endangers(&settings(&server), "storage");
    endangers(&settings(&server), "discard");
    let info = server.request("$JS.API.STREAM.INFO.KANBAN", b"").expect("it answers");
    assert!(String::from_utf8_lossy(&info).contains("\"storage\":\"memory\""), "nothing was altered");
}

#[test]
fn a_consumer_with_other_settings_is_refused_with_the_difference() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    let config = r#"{"stream_name":"KANBAN","config":{"durable_name":"kb_normal_mail","filter_subject":"kanban.normal.mail","ack_policy":"explicit","ack_wait":500000000,"max_deliver":3,"deliver_policy":"all","replay_policy":"instant"}}"#;
    make(&server, "CONSUMER.DURABLE.CREATE.KANBAN.kb_normal_mail", config);
    let error = nats.open(&[lane()], nobody(), WITHIN).expect_err("it has another limit");
    says(&error, &["kb_normal_mail", "max_deliver", "3", "-1"]);
    endangers(&settings(&server), "max_deliver");
}

#[test]
fn what_is_missing_is_not_created_when_that_is_off() {
    let server = NatsServer::start();
    let off = NatsSettings { create: false, ..settings(&server) };
    says(&refused(off.clone()), &["KANBAN", "create"]);
    endangers(&off, "KANBAN");
    let nats = connect(settings(&server));
    drop(nats);
    let nats = connect(off);
    says(
        &nats.open(&[lane()], nobody(), WITHIN).expect_err("there is no consumer"),
        &["kb_normal_mail", "create"],
    );
}

#[test]
fn a_server_as_it_should_be_has_nothing_that_endangers() {
    let server = NatsServer::start();
    let settings = settings(&server);
    for _ in 0..2 {
        let found = findings(&settings);
        assert!(found.iter().all(|(severity, _)| *severity < Severity::Endangers), "{found:#?}");
        assert!(found.iter().any(|(_, text)| text.contains("nats-server 2.")), "{found:#?}");
        open(&connect(settings.clone()));
    }
    let nats = connect(settings);
    assert_eq!(nats.item_count(WITHIN), Ok(0), "looking stores nothing");
}

#[test]
fn what_may_not_be_published_is_told_at_once() {
    let server = NatsServer::start_with(
        "authorization { users: [{user: a, password: a, permissions: { publish: { deny: [\"kanban.normal.>\"] } }}] }\nno_auth_user: a",
    );
    let nats = connect(settings(&server));
    let clock = Clock::monotonic();
    let since = clock.now();
    let answer = nats.publish(&[item("a")], Duration::from_secs(60)).remove(0);
    assert!(clock.now().since(since) < Duration::from_secs(30), "it was told at once");
    let Err(PublishError::NotStored(error @ BrokerError::Refused(_))) = answer else { panic!("{answer:?}") };
    says(&error, &["kanban.normal.mail", "permission"]);
    endangers(&settings(&server), "kanban.normal");
}

#[test]
fn no_permission_on_the_stream() {
    let server = NatsServer::start_with(
        "authorization { users: [{user: a, password: a, permissions: { publish: { deny: [\"$JS.API.STREAM.>\"] } }}] }\nno_auth_user: a",
    );
    let error = refused(settings(&server));
    assert!(matches!(error, BrokerError::Refused(_)), "{error:?}");
    says(&error, &["STREAM", "permission"]);
    endangers(&settings(&server), "STREAM");
}

#[test]
fn an_item_too_large_for_the_server() {
    let server = NatsServer::start_with("max_payload: 64KB");
    let nats = connect(settings(&server));
    let most = nats.traits().max_payload;
    assert!(most < 64 * 1024);
    let mut large = (*item("a")).clone();
    large.payload = vec![0; most + 1].into();
    let answers = nats.publish(&[large.into(), item("b")], WITHIN);
    assert!(matches!(answers[0], Err(PublishError::Invalid(_))), "{answers:?}");
    assert!(answers[1].is_ok(), "{answers:?}");
    // Headers count as well.
    let mut large = (*item("c")).clone();
    large.headers = (0..70).map(|n| (format!("h{n}"), "x".repeat(1000))).collect();
    let answer = nats.publish(&[large.into()], WITHIN);
    assert!(matches!(answer[0], Err(PublishError::Invalid(_))), "{answer:?}");
    assert!(findings(&settings(&server)).iter().any(|(_, text)| text.contains("max_payload")));
}

#[test]
fn a_stream_that_is_full() {
    let server = NatsServer::start();
    let config = r#"{"name":"KANBAN","subjects":["kanban.>"],"retention":"workqueue","storage":"file","discard":"new","num_replicas":1,"max_msgs":1,"duplicate_window":120000000000}"#;
    make(&server, "STREAM.CREATE.KANBAN", config);
    let nats = connect(settings(&server));
    let answers = nats.publish(&[item("a"), item("b")], WITHIN);
    assert!(answers[0].is_ok(), "{answers:?}");
    let Err(PublishError::NotStored(error @ BrokerError::Full(_))) = &answers[1] else {
        panic!("{answers:?}")
    };
    says(error, &["raise"]);
}
