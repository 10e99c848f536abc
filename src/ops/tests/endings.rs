//! How it ends.

use std::sync::Arc;
use std::time::Duration;

use super::rig::{LONG, Rig, routes};
use crate::ops::{Method, Response};
use crate::runtime::{PoolConfig, Runtime};

#[test]
fn what_was_asked_is_still_answered_and_nobody_else_let_in() {
    let (open, gate) = crate::sync::channel::bounded::<()>(0);
    let (begun, begins) = crate::sync::channel::bounded::<()>(1);
    let routes = routes().slow(Method::Post, "/wait", LONG, move |_| {
        let _ = begun.send(());
        let _ = gate.recv();
        Ok(Response::text("done"))
    });
    let rig = Rig::new(|_| (), routes);
    let mut idle = rig.client();
    assert_eq!(idle.post("/length", "").0, 200);
    let mut client = rig.client();
    client.send("POST /wait HTTP/1.1\r\n\r\n");
    begins.recv().unwrap();
    let Rig { ops, socket, folder: _folder, .. } = rig;
    let stopping = std::thread::Builder::new().spawn(move || ops.stop(LONG)).unwrap();
    assert!(idle.is_closed());
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_err());
    drop(open);
    assert_eq!(client.answer(), (200, "done".to_owned()));
    assert!(client.is_closed());
    assert!(stopping.join().unwrap().is_empty());
}

#[test]
fn what_does_not_end_in_time_is_named() {
    let (open, gate) = crate::sync::channel::bounded::<()>(0);
    let routes = routes().slow(Method::Post, "/wait", LONG, move |_| {
        let _ = gate.recv();
        Ok(Response::text("late"))
    });
    let rig = Rig::new(|limits| limits.helpers = 1, routes);
    let mut client = rig.client();
    client.send("POST /wait HTTP/1.1\r\n\r\n");
    rig.is_well();
    let Rig { ops, folder: _folder, .. } = rig;
    assert_eq!(ops.stop(Duration::from_millis(20)), ["hj-ops", "hj-ops-1"]);
    assert!(client.is_closed());
    drop(open);
}

#[test]
fn draining_begins_although_all_helpers_are_busy() {
    let runtime = Arc::new(Runtime::builder().pool("a", PoolConfig::default()).start().unwrap());
    let (asked, asks) = crate::sync::channel::bounded::<(bool, Option<Duration>)>(1);
    let (open, gate) = crate::sync::channel::bounded::<()>(0);
    let (begun, begins) = crate::sync::channel::bounded::<()>(1);
    let end = move |drains, within| asked.try_send((drains, within)).unwrap();
    let routes = crate::ops::routes(&runtime, None, end).slow(Method::Post, "/wait", LONG, move |_| {
        let _ = begun.send(());
        let _ = gate.recv();
        Ok(Response::text("done"))
    });
    let rig = Rig::new(|limits| limits.helpers = 1, routes);
    let mut busy = rig.client();
    busy.send("POST /wait HTTP/1.1\r\n\r\n");
    begins.recv().unwrap();
    let mut client = rig.client();
    assert_eq!(client.post("/drain?within=soon", "").0, 400);
    client.send("POST /drain?within=7s HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(asks.recv_timeout(LONG), Ok((true, Some(Duration::from_secs(7)))));
    assert!(runtime.drain(LONG).is_clean());
    drop(open);
    let (status, told) = client.answer();
    assert!(status == 200 && told.contains("\"clean\":true"), "{told}");
}

#[test]
fn dropped_it_ends_at_once() {
    let rig = Rig::usual();
    let mut client = rig.client();
    assert_eq!(client.post("/length", "").0, 200);
    let Rig { ops, folder: _folder, .. } = rig;
    drop(ops);
    assert!(client.is_closed());
}
