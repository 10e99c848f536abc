//! What cannot work says so, where, and what would help; and shows no password.

use amiquip::{ExchangeDeclareOptions, ExchangeType, QueueDeclareOptions};
use heijunka::{
    Amqp, AmqpSettings, Arrivals, Broker, BrokerError, Clock, ItemError, Lane, Name, Priority, PublishError,
};
use heijunka_servers::RabbitServer;

use super::rig::{QUEUE, WITHIN, foreign, item, lane, open, settings, sized};

const SECRET: &str = "s3cret-of-mine";

fn refused(settings: AmqpSettings) -> BrokerError {
    let shown = format!("{settings:?}");
    let error = Amqp::connect(settings, Clock::monotonic()).expect_err("it cannot be connected to");
    assert!(!format!("{shown}{error}{error:?}").contains(SECRET), "a password was shown");
    error
}

#[test]
fn where_nobody_listens() {
    let error = refused(AmqpSettings { port: 1, password: SECRET.to_owned(), ..AmqpSettings::default() });
    assert!(matches!(&error, BrokerError::Unavailable(why) if why.contains("127.0.0.1:1")), "{error:?}");
}

#[test]
fn a_host_that_is_none() {
    let error = refused(AmqpSettings { host: "no.such.host.invalid".to_owned(), ..AmqpSettings::default() });
    assert!(matches!(&error, BrokerError::Unavailable(why) if why.contains("resolve")), "{error:?}");
}

#[test]
fn wrong_credentials() {
    let server = RabbitServer::shared();
    let wrong = AmqpSettings { password: SECRET.to_owned(), ..settings(server.port(), "/") };
    let error = refused(wrong);
    assert!(
        matches!(&error, BrokerError::Refused(why) if why.contains("check user and password")),
        "{error:?}"
    );
}

#[test]
fn a_vhost_that_is_missing() {
    let error = refused(settings(RabbitServer::shared().port(), "nowhere"));
    assert!(matches!(&error, BrokerError::Refused(why) if why.contains("add_vhost")), "{error:?}");
}

#[test]
fn settings_out_of_range() {
    let error = refused(AmqpSettings { prefix: "no spaces".to_owned(), ..AmqpSettings::default() });
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("prefix")), "{error:?}");
}

#[test]
fn a_queue_with_other_settings_is_refused_and_left_alone() {
    let vhost = RabbitServer::shared().vhost();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    let classic = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(QUEUE, classic.clone()).expect("it can be declared");
    let broker = super::rig::connect(settings(vhost.port(), vhost.name()));
    let error = broker.open(&[lane()], Arrivals::unheard(), WITHIN).expect_err("it is refused");
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains(QUEUE)), "{error:?}");
    channel.queue_declare(QUEUE, classic).expect("it is as it was");
    // The others are not harmed.
    let other = Lane { priority: Priority::Normal, domain: Name::new("sms").expect("it is a name") };
    broker.open(&[other], Arrivals::unheard(), WITHIN).expect("another lane can be opened");
}

#[test]
fn an_exchange_of_another_kind_is_refused_when_connecting() {
    let vhost = RabbitServer::shared().vhost();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    channel
        .exchange_declare(ExchangeType::Direct, "kanban", ExchangeDeclareOptions::default())
        .expect("it can be declared");
    let error = refused(settings(vhost.port(), vhost.name()));
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("'kanban'")), "{error:?}");
}

#[test]
fn nothing_is_created_unless_it_may_be() {
    let vhost = RabbitServer::shared().vhost();
    let own = AmqpSettings { create: false, ..settings(vhost.port(), vhost.name()) };
    let error = refused(own.clone());
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("create = true")), "{error:?}");
    let creator = open(settings(vhost.port(), vhost.name()));
    creator.close(WITHIN);
    let broker = open(own);
    assert!(broker.publish(&[item("a")], WITHIN)[0].is_ok());
}

#[test]
fn items_that_cannot_be_stored_are_not_and_others_are() {
    let vhost = RabbitServer::shared().vhost();
    let broker = open(AmqpSettings { max_payload: 1000, ..settings(vhost.port(), vhost.name()) });
    let mut stray = (*item("stray")).clone();
    stray.lane.domain = Name::new("nobodys").expect("it is a name");
    let mut wordy = (*item("wordy")).clone();
    wordy.headers.extend((0..50).map(|n| (format!("h{n}"), "x".repeat(4000))));
    let items = [item("a"), sized("large", 1001), stray.into(), wordy.into(), item("b")];
    let answers = broker.publish(&items, WITHIN);
    assert!(answers[0].is_ok() && answers[4].is_ok(), "{answers:?}");
    let too_large = ItemError::TooLarge { bytes: 1001, most: 1000 };
    assert_eq!(answers[1], Err(PublishError::Invalid(too_large)));
    let not_stored = |answer: &Result<_, PublishError>, word: &str| matches!(answer, Err(PublishError::NotStored(BrokerError::Refused(why))) if why.contains(word));
    assert!(not_stored(&answers[2], "kanban.normal.nobodys"), "{:?}", answers[2]);
    assert!(not_stored(&answers[3], "headers"), "{:?}", answers[3]);
}

#[test]
fn an_item_too_large_for_the_server_is_not_stored() {
    let server = RabbitServer::start_with("max_message_size = 65536");
    let broker = open(settings(server.port(), "/"));
    let answers = broker.publish(&[sized("large", 100_000)], WITHIN);
    assert!(
        matches!(&answers[0], Err(PublishError::NotStored(why)) if why.to_string().contains("65536")),
        "{answers:?}"
    );
    super::rig::until("the next is stored", || broker.publish(&[item("small")], WITHIN)[0].is_ok());
}
