//! Requests that stand: never more than what is wanted, and nothing kept that nobody takes.

use std::time::Duration;

use heijunka::{Broker, NatsSettings, Settled, Verdict};
use heijunka_servers::NatsServer;

use super::rig::{WITHIN, connect, item, lane, open, pull, settings, settle, take, until};

/// Delivered and not settled, as the server counts it.
fn delivered(server: &NatsServer) -> u64 {
    let info = server.request("$JS.API.CONSUMER.INFO.KANBAN.kb_normal_mail", b"").expect("it answers");
    let text = String::from_utf8_lossy(&info).into_owned();
    let (_, rest) = text.split_once("\"num_ack_pending\":").expect("it says so");
    rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|count| count.parse().ok()).expect("a number")
}

fn items(names: std::ops::Range<usize>) -> Vec<std::sync::Arc<heijunka::Item>> {
    names.map(|n| item(&format!("i{n}"))).collect()
}

#[test]
fn no_more_is_delivered_than_was_wanted() {
    let server = NatsServer::start();
    let nats = connect(NatsSettings { lease: Duration::from_secs(30), ..settings(&server) });
    open(&nats);
    assert!(nats.publish(&items(0..10), WITHIN).iter().all(Result::is_ok));
    let held = take(&nats, 3);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(delivered(&server), 3, "three were wanted");
    let more = pull(&nats, 20);
    assert_eq!(more.len(), 7);
    assert!(nats.publish(&items(10..60), WITHIN).iter().all(Result::is_ok));
    until("what was still wanted came", || delivered(&server) == 23);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(delivered(&server), 23, "thirteen more were wanted");
    assert_eq!(pull(&nats, 5).len(), 5);
    assert_eq!(pull(&nats, 100).len(), 8, "eight are here, and the rest is asked for");
    drop((held, more));
}

/// Whoever wanted items and went away for long does not keep them from others, nor is it held against them.
#[test]
fn what_nobody_takes_is_given_back_in_time_and_costs_nothing() {
    let server = NatsServer::start();
    let settings = NatsSettings { lease: Duration::from_secs(2), ..settings(&server) };
    let (first, second) = (connect(settings.clone()), connect(settings));
    open(&first);
    open(&second);
    assert!(pull(&first, 5).is_empty(), "nothing is there yet, and five are wanted");
    assert!(first.publish(&items(0..5), WITHIN).iter().all(Result::is_ok));
    until("they came to the first", || delivered(&server) == 5);
    let taken = take(&second, 5);
    for delivery in taken {
        assert_eq!((delivery.deliveries, delivery.failures), (1, Some(0)), "{:?}", delivery.item);
        assert!(matches!(settle(&second, delivery, Verdict::Ack), Settled::Done));
    }
    assert_eq!(second.item_count(WITHIN), Ok(0));
    assert_eq!(first.depth(&lane(), WITHIN).map(|depth| depth.ready), Ok(0));
}

/// What came and was not taken goes back when it is closed, at once.
#[test]
fn closing_gives_back_what_was_not_taken() {
    let server = NatsServer::start();
    let settings = NatsSettings { lease: Duration::from_secs(30), ..settings(&server) };
    let (first, second) = (connect(settings.clone()), connect(settings));
    open(&first);
    open(&second);
    assert!(pull(&first, 5).is_empty());
    assert!(second.publish(&items(0..5), WITHIN).iter().all(Result::is_ok));
    until("they came to the first", || delivered(&server) == 5);
    first.close(WITHIN);
    let taken = take(&second, 5);
    assert!(taken.iter().all(|delivery| delivery.deliveries == 1));
}

/// Failures are known in every process, and give-backs are no failures.
#[test]
fn failures_are_counted_across_processes() {
    let server = NatsServer::start();
    let settings = settings(&server);
    let (first, second) = (connect(settings.clone()), connect(settings));
    open(&first);
    open(&second);
    assert!(first.publish(&[item("a")], WITHIN)[0].is_ok());
    let zero = Duration::ZERO;
    let rounds = [
        (&first, Verdict::Retry { after: zero }, (1, Some(0))),
        (&second, Verdict::Release { after: zero }, (2, Some(1))),
        (&first, Verdict::Retry { after: zero }, (2, Some(1))),
        (&second, Verdict::Ack, (3, Some(2))),
    ];
    for (nats, verdict, expected) in rounds {
        let delivery = take(nats, 1).remove(0);
        assert_eq!((delivery.deliveries, delivery.failures), expected, "{verdict:?}");
        assert!(matches!(settle(nats, delivery, verdict), Settled::Done));
    }
    until("nothing is kept of what is done", || {
        let info = server.request("$JS.API.STREAM.INFO.KANBAN_COUNTS", b"").expect("it answers");
        String::from_utf8_lossy(&info).contains("\"messages\":0")
    });
}
