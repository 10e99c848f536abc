//! Items of other clients, and what is no item at all.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use heijunka::{Broker, Death, Settled, Timestamp, Verdict};
use heijunka_servers::NatsServer;

use super::rig::{WITHIN, connect, item, lane, open, pull, settings, settle, take, until};

/// Publishes as any client may, with these lines before the payload.
fn publish(server: &NatsServer, headers: &[u8], payload: &[u8]) {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    socket.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n").expect("it reads");
    let subject = lane().subject();
    let (verb, sizes) = if headers.is_empty() {
        ("PUB", payload.len().to_string())
    } else {
        ("HPUB", format!("{} {}", headers.len(), headers.len() + payload.len()))
    };
    write!(socket, "{verb} {subject} {sizes}\r\n").expect("it reads");
    for part in [headers, payload, b"\r\nPING\r\n"] {
        socket.write_all(part).expect("it reads");
    }
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "PONG"), "it took it");
}

#[test]
fn a_plain_message_is_an_item_with_an_id_that_stays() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    publish(&server, b"", b"hello");
    let first = take(&nats, 1).remove(0);
    assert_eq!(first.item.id.as_str(), "KANBAN:1");
    assert_eq!(&first.item.payload[..], b"hello");
    assert_eq!(first.fault, None);
    assert!(matches!(
        settle(&nats, first, Verdict::Retry { after: std::time::Duration::ZERO }),
        Settled::Done
    ));
    let again = take(&nats, 1).remove(0);
    assert_eq!((again.item.id.as_str(), again.failures), ("KANBAN:1", Some(1)));
    assert!(matches!(settle(&nats, again, Verdict::Ack), Settled::Done));
    assert_eq!(nats.item_count(WITHIN), Ok(0));
}

#[test]
fn plain_headers_are_passed_on() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    publish(&server, b"NATS/1.0\r\nTrace: abc\r\nNats-Msg-Id: 7\r\n\r\n", b"x");
    let taken = take(&nats, 1).remove(0);
    assert_eq!(taken.item.headers.get("Trace").map(String::as_str), Some("abc"));
    assert_eq!(taken.item.headers.len(), 1, "{:?}", taken.item);
}

#[test]
fn a_header_of_ours_that_says_nonsense_is_a_fault_and_can_be_buried() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    publish(&server, b"NATS/1.0\r\nheijunka-deadline: soon\r\n\r\n", b"x");
    let taken = take(&nats, 1).remove(0);
    let fault = taken.fault.clone().expect("it has a fault");
    assert!(fault.contains("heijunka-deadline"), "{fault}");
    let death = Death {
        item: taken.item.clone(),
        reason: "undecodable",
        error: fault,
        attempts: 0,
        at: Timestamp::from_millis(1),
    };
    assert!(matches!(settle(&nats, taken, Verdict::DeadLetter(Box::new(death))), Settled::Done));
    let letters = nats.dead_letters(0, 10, WITHIN).expect("they can be listed");
    assert_eq!(letters.len(), 1);
    assert_eq!(&letters[0].item.payload[..], b"x");
    assert_eq!(nats.item_count(WITHIN), Ok(0));
}

/// The client gives up the connection at each delivery of such a one: it is found and buried, and what comes after it flows.
#[test]
fn headers_that_nobody_can_read_do_not_stop_the_lane() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    publish(&server, b"NATS/1.0\r\nno colon here\r\n\r\n", b"first");
    publish(&server, b"NATS/1.0\r\nName: \xff\xfe\r\n\r\n", b"second");
    assert!(nats.publish(&[item("good")], WITHIN)[0].is_ok());
    let mut good = Vec::new();
    until("the good one came, and the others are buried", || {
        // While the connection is being made anew it says so.
        if let Ok(came) = nats.pull(&[heijunka::Want { lane: &lane(), most: 5 }], WITHIN) {
            good.extend(came);
        }
        !good.is_empty() && nats.dead_letter_count(WITHIN).is_ok_and(|(count, _)| count == 2)
    });
    assert!(good.iter().all(|delivery| delivery.item.id.as_str() == "good"));
    let letters = nats.dead_letters(0, 10, WITHIN).expect("they can be listed");
    let payloads: Vec<_> = letters.iter().map(|letter| &letter.item.payload[..]).collect();
    assert_eq!(payloads, [&b"first"[..], b"second"]);
    assert!(letters.iter().all(|letter| letter.reason == "undecodable"));
    until("it can be settled", || {
        let last = good.pop().or_else(|| pull(&nats, 1).pop());
        last.is_some_and(|delivery| matches!(settle(&nats, delivery, Verdict::Ack), Settled::Done))
    });
    assert_eq!(nats.item_count(WITHIN), Ok(0));
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Under the name that others give it, both ways.
#[test]
fn a_traceparent_is_understood_and_stands_where_others_look_for_it() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    let headers = format!("NATS/1.0\r\nTraceparent: {TRACE}\r\ntracestate: a=1\r\n\r\n");
    publish(&server, headers.as_bytes(), b"x");
    let theirs = take(&nats, 1).remove(0);
    assert_eq!(theirs.item.trace().map(|trace| trace.to_string()).as_deref(), Some(TRACE));
    assert_eq!(theirs.item.trace_state(), Some("a=1"));
    assert!(matches!(settle(&nats, theirs, Verdict::Ack), Settled::Done));
    let mut socket = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    let ask =
        format!("CONNECT {{\"verbose\":false,\"headers\":true}}\r\nSUB {} 1\r\nPING\r\n", lane().subject());
    socket.write_all(ask.as_bytes()).expect("it reads");
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "PONG"), "it has subscribed");
    let mut item = (*item("a")).clone();
    item.headers.extend([("traceparent".to_owned(), TRACE.to_owned()), ("other".to_owned(), "1".to_owned())]);
    assert!(nats.publish(&[item.into()], WITHIN)[0].is_ok());
    let seen: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    assert!(seen.contains(&format!("traceparent: {TRACE}")), "{seen:?}");
    assert_eq!(take(&nats, 1)[0].item.trace().map(|trace| trace.to_string()).as_deref(), Some(TRACE));
}
