//! Many items in one request, over the wire.

use std::sync::Arc;

use parking_lot::Mutex;

use super::rig::{LONG, Rig, routes};
use crate::kanban::{BrokerError, ItemError, ItemId, PublishError, Stored};
use crate::ops::wire::{NewItem, Receipt, Stored as Outcome};
use crate::ops::{Method, Response, publish_lines};

type Batches = Arc<Mutex<Vec<usize>>>;

/// Publishes by the id: `dup`, `bad`, `full` and `late` are what they say, all others stored.
fn rig() -> (Rig, Batches) {
    let batches = Batches::default();
    let seen = batches.clone();
    let by_id = |id: &str| match id {
        "bad" => Err(PublishError::Invalid(ItemError::Key)),
        "full" => Err(PublishError::NotStored(BrokerError::Full("disk".into()))),
        "late" => Err(PublishError::Unknown(BrokerError::TimedOut(LONG))),
        "dup" => Ok((ItemId::unique(), Stored::Duplicate)),
        _ => Ok((ItemId::unique(), Stored::New)),
    };
    let routes = routes()
        .lines(Method::Post, "/publish", LONG, move |request, lines| {
            publish_lines(request.body(), lines, |specs| {
                seen.lock().push(specs.len());
                let id = |spec: crate::kanban::ItemSpec| {
                    spec.build(crate::time::Timestamp::default(), 1000).unwrap().id
                };
                specs.into_iter().map(|spec| by_id(id(spec).as_str())).collect()
            })
        })
        .slow(Method::Post, "/publish/{priority}/{domain}", LONG, |request| {
            let item = NewItem::from_request(request)?.build(crate::time::Timestamp::default(), 1000);
            let item = item.map_err(|error| crate::ops::Problem::bad(error.to_string()))?;
            let told = format!("{} {} {:?} {:?}", item.lane.subject(), item.id, item.headers, item.payload);
            Ok(Response::text(told))
        });
    (Rig::new(|_| (), routes), batches)
}

fn receipts(body: &str) -> Vec<Receipt> {
    body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_line_has_its_receipt_in_its_order() {
    let (rig, batches) = rig();
    let line = |id: &str| format!("{{\"domain\": \"mail\", \"id\": \"{id}\"}}\n");
    let body = ["a", "dup", "bad", "full", "late"].map(line).concat() + "\r\n\nnonsense\n" + &line("b");
    let (status, answer) = rig.client().post("/publish", &body);
    let ends: Vec<_> = receipts(&answer).iter().map(|receipt| (receipt.line, receipt.outcome)).collect();
    let expected = [
        (1, Outcome::Stored),
        (2, Outcome::Duplicate),
        (3, Outcome::Invalid),
        (4, Outcome::NotStored),
        (5, Outcome::Unknown),
        (8, Outcome::Invalid),
        (9, Outcome::Stored),
    ];
    assert_eq!((status, ends.as_slice()), (200, expected.as_slice()));
    assert_eq!(*batches.lock(), [6]);
}

#[test]
fn many_lines_are_published_in_parts() {
    let (rig, batches) = rig();
    let (_, answer) = rig.client().post("/publish", &"{\"domain\": \"mail\"}\n".repeat(1300));
    let receipts = receipts(&answer);
    assert!(receipts.iter().map(|receipt| receipt.line).eq(1..=1300));
    assert!(receipts.iter().all(|receipt| receipt.outcome == Outcome::Stored));
    assert_eq!(*batches.lock(), [500, 500, 300]);
}

#[test]
fn a_single_item_is_told_by_query_and_headers() {
    let (rig, _) = rig();
    let mut client = rig.client();
    let (status, told) = client.ask(
        "POST /publish/low/mail?id=7&header-Trace=a%20b HTTP/1.1\r\nHeijunka-Header-X: y\r\nContent-Length: 2\r\n\r\nhi",
    );
    assert_eq!((status, told.as_str()), (200, r#"kanban.low.mail 7 {"Trace": "a b", "x": "y"} b"hi""#));
    for wrong in ["urgent/mail", "low/mail?id=1&id=2", "low/mail?ID=1", "low/mail?deadline=x", "low/a%20b"] {
        assert_eq!(client.post(&format!("/publish/{wrong}"), "").0, 400, "{wrong}");
    }
    let twice = "POST /publish/low/mail?id=7 HTTP/1.1\r\nHeijunka-Id: 8\r\n\r\n";
    assert_eq!(client.ask(twice).0, 400);
    assert_eq!(client.ask("POST /publish/low/mail HTTP/1.1\r\nHeijunka-Idd: 8\r\n\r\n").0, 400);
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn the_traceparent_of_a_request_is_its_items_unless_it_has_its_own() {
    let (rig, _) = rig();
    let ask =
        |headers: &str| rig.client().ask(format!("POST /publish/high/mail HTTP/1.1\r\n{headers}\r\n")).1;
    let told = ask(&format!("Traceparent: {TRACE}\r\ntracestate: a=1\r\nTraceState: b=2\r\n"));
    assert!(
        told.contains(&format!("{{\"traceparent\": \"{TRACE}\", \"tracestate\": \"a=1,b=2\"}}")),
        "{told}"
    );
    let own = TRACE.replace("4bf9", "aaaa");
    let told =
        ask(&format!("traceparent: {TRACE}\r\ntracestate: a=1\r\nheijunka-header-traceparent: {own}\r\n"));
    assert!(told.contains(&format!("{{\"traceparent\": \"{own}\"}}")), "{told}");
    // Never a reason to refuse.
    for wrong in [&TRACE.to_uppercase(), "", "ff", &format!("{TRACE}\r\ntraceparent: {own}")] {
        let told = ask(&format!("traceparent: {wrong}\r\ntracestate: a=1\r\n"));
        assert!(told.contains(" {} "), "{wrong}: {told}");
    }
    let told = ask(&format!("traceparent: {TRACE}\r\ntracestate: {}\r\n", "x".repeat(5000)));
    assert!(told.contains(&format!("{{\"traceparent\": \"{TRACE}\"}}")), "{told}");
}
