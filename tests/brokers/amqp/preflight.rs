//! The look before anything depends on a server.

use amiquip::{ExchangeDeclareOptions, ExchangeType, QueueDeclareOptions};
use heijunka::{Amqp, AmqpSettings, Broker, BrokerError, Finding, QueueKind, Severity};
use heijunka_servers::{RabbitServer, Vhost};

use super::rig::{WITHIN, foreign, open, settings};

const SECRET: &str = "s3cret-of-mine";

fn looked(settings: &AmqpSettings) -> Vec<Finding> {
    Amqp::preflight(settings).expect("it can be looked at")
}

/// What is wrong with it.
fn dangers(settings: &AmqpSettings) -> Vec<String> {
    let bad = looked(settings).into_iter().filter(|finding| finding.severity == Severity::Endangers);
    bad.map(|finding| format!("{} {}", finding.what, finding.cure)).collect()
}

fn own(vhost: &Vhost) -> AmqpSettings {
    settings(vhost.port(), vhost.name())
}

/// A user of this host with these permissions: to configure, to write and to read.
fn user(vhost: &Vhost, permissions: Option<[&str; 3]>) -> AmqpSettings {
    let (server, name) = (RabbitServer::shared(), format!("user-of-{}", vhost.name()));
    server.ctl(&["add_user", &name, SECRET]);
    if let Some([configure, write, read]) = permissions {
        server.ctl(&["set_permissions", "-p", vhost.name(), &name, configure, write, read]);
    }
    AmqpSettings { user: name, password: SECRET.to_owned(), ..own(vhost) }
}

#[test]
fn a_server_as_it_should_be_is_told_of_and_left_as_it_was() {
    let vhost = RabbitServer::shared().vhost();
    let found = looked(&own(&vhost));
    assert!(found.iter().all(|finding| finding.severity < Severity::Endangers), "{found:?}");
    let noted = |word: &str| found.iter().any(|finding| finding.what.contains(word));
    assert!(noted("is version 3.") && noted("kanban.retry.10m") && noted("policies"), "{found:?}");
    assert!(vhost.queues().is_empty(), "{:?}", vhost.queues());
    // And once it is used.
    open(own(&vhost)).close(WITHIN);
    let before = vhost.queues();
    let found = looked(&own(&vhost));
    assert!(found.iter().all(|finding| finding.severity < Severity::Endangers), "{found:?}");
    assert!(!found.iter().any(|finding| finding.what.contains("not there yet")), "{found:?}");
    assert_eq!(vhost.queues(), before);
}

#[test]
fn a_user_with_what_is_needed_and_no_more() {
    let vhost = RabbitServer::shared().vhost();
    let needed = "^kanban(\\..*)?$";
    let own = user(&vhost, Some([needed; 3]));
    assert_eq!(dangers(&own), [""; 0], "before it is used");
    open(own.clone()).close(WITHIN);
    assert_eq!(dangers(&own), [""; 0], "when it is used");
}

#[test]
fn users_that_may_not_do_what_must_be_done() {
    for [configure, write, read] in
        [["^$", "^$", "^$"], ["^$", ".*", ".*"], [".*", "^$", ".*"], [".*", ".*", "^$"]]
    {
        let vhost = RabbitServer::shared().vhost();
        open(own(&vhost)).close(WITHIN);
        let settings = user(&vhost, Some([configure, write, read]));
        let bad = dangers(&settings);
        let case = format!("{configure} {write} {read}: {bad:?}");
        assert!(bad.iter().any(|bad| bad.contains("set_permissions")), "{case}");
        assert!(!case.contains(SECRET), "{case}");
        // What need not be declared needs no permission to.
        let bad = dangers(&AmqpSettings { create: false, ..settings });
        assert_eq!(bad.is_empty(), configure == "^$", "{bad:?}");
    }
}

#[test]
fn a_user_whom_the_virtual_host_does_not_know() {
    let vhost = RabbitServer::shared().vhost();
    let error = Amqp::preflight(&user(&vhost, None)).expect_err("it is not let in");
    assert!(matches!(&error, BrokerError::Refused(why) if why.contains("set_permissions")), "{error:?}");
    assert!(!error.to_string().contains(SECRET), "{error}");
}

#[test]
fn classic_queues_are_warned_of() {
    let vhost = RabbitServer::shared().vhost();
    let classic = AmqpSettings { queues: QueueKind::Classic, ..own(&vhost) };
    open(classic.clone()).close(WITHIN);
    let found = looked(&classic);
    let warned = |finding: &Finding| finding.severity == Severity::Warns && finding.cure.contains("quorum");
    assert!(found.iter().any(warned), "{found:?}");
    assert_eq!(dangers(&classic), [""; 0]);
    // For one who wants others they are wrong, each of them.
    let bad = dangers(&own(&vhost));
    let queues = ["'kanban.dlq'", "'kanban.retry.1s'", "'kanban.retry.10m'"];
    assert!(queues.iter().all(|queue| bad.iter().any(|bad| bad.contains(queue))), "{bad:?}");
}

#[test]
fn what_is_ours_and_is_otherwise_is_found_and_left_alone() {
    let vhost = RabbitServer::shared().vhost();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    let classic = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("kanban.retry.5s", classic.clone()).expect("it can be declared");
    channel
        .exchange_declare(ExchangeType::Direct, "kanban.dlx", ExchangeDeclareOptions::default())
        .expect("it can be declared");
    let bad = dangers(&own(&vhost));
    assert_eq!(bad.len(), 2, "{bad:?}");
    assert!(bad[0].contains("'kanban.dlx'") && bad[1].contains("'kanban.retry.5s'"), "{bad:?}");
    channel.queue_declare("kanban.retry.5s", classic).expect("it is as it was");
    assert_eq!(vhost.queues().len(), 1);
}

#[test]
fn what_is_missing_endangers_if_nothing_may_be_declared() {
    let vhost = RabbitServer::shared().vhost();
    let bad = dangers(&AmqpSettings { create: false, ..own(&vhost) });
    assert!(
        matches!(&bad[..], [bad] if bad.contains("kanban.dlq") && bad.contains("create = true")),
        "{bad:?}"
    );
}

#[test]
fn who_cannot_be_asked() {
    let server = RabbitServer::shared();
    let wrong = AmqpSettings { password: SECRET.to_owned(), ..settings(server.port(), "/") };
    let error = Amqp::preflight(&wrong).expect_err("it is not let in");
    assert!(
        matches!(&error, BrokerError::Refused(why) if why.contains("check user and password")),
        "{error:?}"
    );
    assert!(!error.to_string().contains(SECRET), "{error}");
    let error = Amqp::preflight(&settings(1, "/")).expect_err("nobody is there");
    assert!(matches!(&error, BrokerError::Unavailable(why) if why.contains("127.0.0.1:1")), "{error:?}");
    let wrong = AmqpSettings { prefix: String::new(), ..settings(server.port(), "/") };
    let error = Amqp::preflight(&wrong).expect_err("the settings are wrong");
    assert!(matches!(error, BrokerError::Unusable(_)), "{error:?}");
}
