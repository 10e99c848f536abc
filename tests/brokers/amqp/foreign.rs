//! Items that other clients published, kind and hostile ones.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use amiquip::{AmqpProperties, AmqpValue, Channel, FieldTable, Publish};
use heijunka::{Amqp, Broker, Delivery, Settled, Verdict};
use heijunka_servers::{RabbitServer, Vhost};

use super::rig::{HANGS, QUEUE, WITHIN, foreign, item, open, pull, settings, settle, take_one, until};

fn world() -> (Vhost, Amqp) {
    let vhost = RabbitServer::shared().vhost();
    let broker = open(settings(vhost.port(), vhost.name()));
    (vhost, broker)
}

fn publish(channel: &Channel, body: &[u8], properties: AmqpProperties) {
    channel
        .basic_publish("kanban", Publish::with_properties(body, QUEUE, properties))
        .expect("another client publishes");
}

fn headers(pairs: &[(&str, AmqpValue)]) -> AmqpProperties {
    let table: FieldTable = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    AmqpProperties::default().with_headers(table)
}

fn text(text: &str) -> AmqpValue {
    AmqpValue::LongString(text.to_owned())
}

/// As a consumer does with what it cannot decode.
fn bury(broker: &Amqp, delivery: Delivery) {
    let death = heijunka::Death {
        item: delivery.item.clone(),
        reason: "undecodable",
        error: delivery.fault.clone().unwrap_or_default(),
        attempts: 0,
        at: SystemTime::now().into(),
    };
    let settled = settle(broker, delivery, Verdict::DeadLetter(Box::new(death)));
    assert!(matches!(settled, Settled::Done), "{settled:?}");
}

#[test]
fn a_message_without_anything_is_an_item_with_a_lasting_id() {
    let (vhost, broker) = world();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    publish(&channel, b"plain", AmqpProperties::default());
    let first = take_one(&broker);
    assert_eq!((&*first.item.payload, &first.fault, first.deliveries), (&b"plain"[..], &None, 1));
    let id = first.item.id.clone();
    let settled = settle(&broker, first, Verdict::Release { after: Duration::ZERO });
    assert!(matches!(settled, Settled::Done), "{settled:?}");
    let again = take_one(&broker);
    assert_eq!(again.item.id, id, "a redelivery has the same id");
    let settled = settle(&broker, again, Verdict::Retry { after: Duration::from_millis(1) });
    assert!(matches!(settled, Settled::Done), "{settled:?}");
    let again = take_one(&broker);
    assert_eq!((again.item.id.clone(), again.failures), (id, Some(1)), "and so has a copy");
}

#[test]
fn plain_headers_are_passed_on_and_a_good_message_id_is_the_items() {
    let (vhost, broker) = world();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    let table = FieldTable::from_iter([("deep".to_owned(), text("x"))]);
    let pairs = [
        ("tenant", text("blue")),
        ("size", AmqpValue::LongInt(-3)),
        ("good", AmqpValue::Boolean(true)),
        ("no name", text("left out")),
        ("table", AmqpValue::FieldTable(table)),
    ];
    publish(&channel, b"", headers(&pairs).with_message_id("theirs-1".to_owned()));
    let delivery = take_one(&broker);
    assert_eq!((delivery.item.id.as_str(), &delivery.fault), ("theirs-1", &None));
    let headers: Vec<_> = delivery.item.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(headers, [("good", "true"), ("size", "-3"), ("tenant", "blue")]);
}

#[test]
fn a_header_that_says_nonsense_is_a_fault_and_not_the_end() {
    let (vhost, broker) = world();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    let wrong = [
        headers(&[("heijunka-deadline", text("soon"))]),
        headers(&[("heijunka-failures", AmqpValue::LongInt(-1))]),
        headers(&[("heijunka-key", text("%zz"))]),
        headers(&[("heijunka-h-a", AmqpValue::Void)]),
    ];
    let count = wrong.len();
    for properties in wrong {
        publish(&channel, b"kept", properties);
    }
    broker.publish(&[item("good")], WITHIN);
    let mut good = 0;
    for _ in 0..=count {
        let delivery = take_one(&broker);
        if delivery.item.id.as_str() == "good" {
            good += 1;
            continue;
        }
        let fault = delivery.fault.clone().expect("it is a fault");
        assert!(fault.contains("heijunka-"), "it names the header: {fault}");
        bury(&broker, delivery);
    }
    assert_eq!(good, 1);
    let letters = broker.dead_letters(0, 10, WITHIN).expect("they can be listed");
    assert_eq!(letters.len(), count);
    assert!(letters.iter().all(|letter| &*letter.item.payload == b"kept" && letter.reason == "undecodable"));
}

/// 4 000 tables within each other, which end any parser that recurses.
#[test]
fn a_hostile_header_is_stripped_and_its_item_can_die_in_peace() {
    let (vhost, broker) = world();
    let (port, name) = (vhost.port(), vhost.name().to_owned());
    // Making and dropping it recurses as well.
    let hostile = move || {
        let mut value = AmqpValue::Void;
        for _ in 0..2500 {
            value = AmqpValue::FieldTable(FieldTable::from_iter([("t".to_owned(), value)]));
        }
        let (connection, channel) = foreign(port, &name);
        publish(&channel, b"evil", headers(&[("t", value)]));
        drop(channel);
        connection.close().expect("it was published");
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(hostile).expect("a thread starts");
    thread.join().expect("it was published");
    broker.publish(&[item("good")], WITHIN);
    let delivery = take_one(&broker);
    let fault = delivery.fault.clone().expect("it is a fault");
    assert!(fault.contains("nested"), "it says why: {fault}");
    assert_eq!(&*delivery.item.payload, b"evil");
    bury(&broker, delivery);
    assert_eq!(take_one(&broker).item.id.as_str(), "good");
    assert_eq!(broker.dead_letter_count(WITHIN).expect("they can be counted").0, 1);
    assert_eq!(broker.reconnects(), (0, 0), "no connection was lost over it");
}

#[test]
fn what_is_not_due_yet_is_put_off_again() {
    let (vhost, broker) = world();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    let clock = heijunka::Clock::monotonic();
    let due = SystemTime::now() + Duration::from_millis(1500);
    let millis = due.duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
    let millis = i64::try_from(millis).expect("it is not that late");
    publish(&channel, b"later", headers(&[("heijunka-due", AmqpValue::LongLongInt(millis))]));
    let since = clock.now();
    let mut early = true;
    until("it is due", || {
        let came = pull(&broker, 1);
        early = SystemTime::now() < due;
        assert!(came.is_empty() || !early, "it came before it was due");
        !came.is_empty()
    });
    assert!(clock.now().since(since) < HANGS);
}

#[test]
fn a_letter_that_nobody_numbered_is_listed_and_can_be_removed() {
    let (vhost, broker) = world();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    channel
        .basic_publish("kanban.dlx", Publish::new(b"stray", "anything at all"))
        .expect("another client publishes");
    let mut letters = Vec::new();
    until("it is there", || {
        letters = broker.dead_letters(0, 10, WITHIN).expect("they can be listed");
        !letters.is_empty()
    });
    assert_eq!((letters.len(), &*letters[0].item.payload), (1, &b"stray"[..]));
    assert_eq!(broker.remove_dead_letter(letters[0].serial, WITHIN), Ok(true));
    assert_eq!(broker.dead_letters(0, 10, WITHIN), Ok(Vec::new()));
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Under the name that others give it, both ways, and in the copy that a retry is.
#[test]
fn a_traceparent_is_understood_and_stands_where_others_look_for_it() {
    let (vhost, broker) = world();
    let (_connection, channel) = foreign(vhost.port(), vhost.name());
    publish(&channel, b"x", headers(&[("Traceparent", text(TRACE)), ("tracestate", text("a=1"))]));
    let theirs = take_one(&broker);
    assert_eq!(theirs.item.trace().map(|trace| trace.to_string()).as_deref(), Some(TRACE));
    let settled = settle(&broker, theirs, Verdict::Retry { after: Duration::from_millis(1) });
    assert!(matches!(settled, Settled::Done), "{settled:?}");
    let again = take_one(&broker);
    assert_eq!(again.item.trace().map(|trace| trace.to_string()).as_deref(), Some(TRACE));
    assert_eq!(again.item.trace_state(), Some("a=1"));
    let settled = settle(&broker, again, Verdict::Ack);
    assert!(matches!(settled, Settled::Done), "{settled:?}");
    // A queue of theirs beside ours sees what we publish.
    let queue = channel
        .queue_declare("theirs", amiquip::QueueDeclareOptions::default())
        .expect("another client declares a queue");
    queue.bind(&exchange(&channel), QUEUE, FieldTable::new()).expect("it can be bound");
    let mut item = (*item("a")).clone();
    item.headers.insert("traceparent".to_owned(), TRACE.to_owned());
    assert!(broker.publish(&[item.into()], WITHIN)[0].is_ok());
    let got = queue.get(true).expect("it can be read").expect("it is confirmed, so it is there");
    let told = got.delivery.properties.headers().clone().expect("there are headers");
    assert_eq!(told.get("traceparent"), Some(&text(TRACE)));
}

/// The exchange that items are published to.
fn exchange(channel: &Channel) -> amiquip::Exchange<'_> {
    channel.exchange_declare_passive("kanban").expect("the exchange of our queues is there")
}
