//! Clients that mean harm, or do not know better: they get nowhere, and keep nobody else from anything.

use std::io::Write as _;
use std::net::Shutdown;
use std::time::Duration;

use proptest::prelude::*;

use super::rig::{LONG, Rig, SHORT, routes};
use crate::ops::{Method, Response};

#[test]
fn there_may_be_only_so_many_connections() {
    let rig = Rig::new(|limits| limits.connections = 3, routes());
    let mut clients: Vec<_> = (0..3).map(|_| rig.client()).collect();
    for client in &mut clients {
        assert_eq!(client.send("GET /ticks HTTP/1.1\r\n\r\n").head().0, 200);
    }
    let mut further = rig.client();
    assert_eq!(further.answer().0, 503);
    assert!(further.is_closed());
    // Those that are there go on, and one that leaves makes room.
    assert!(clients[0].chunk().is_some());
    drop(clients.pop());
    while rig.client().post("/length", "").0 == 503 {}
}

#[test]
fn whoever_has_been_silent_the_longest_makes_room() {
    let rig = Rig::new(|limits| limits.connections = 2, routes());
    let (mut first, mut second) = (rig.client(), rig.client());
    for client in [&mut first, &mut second] {
        assert_eq!(client.post("/length", "").0, 200);
    }
    let mut third = rig.client();
    assert_eq!(third.post("/length", "").0, 200);
    assert!(first.is_closed());
    assert_eq!(second.post("/length", "").0, 200);
    assert_eq!(third.post("/length", "").0, 200);
}

#[test]
fn more_than_is_allowed_is_refused_with_its_own_status() {
    let limits = |limits: &mut crate::ops::OpsLimits| (limits.head, limits.body) = (1000, 1000);
    let rig = Rig::new(limits, routes());
    let long = "x".repeat(2000);
    let refused = |text: String| {
        let mut client = rig.client();
        let (status, _) = client.ask(text);
        assert!(client.is_closed());
        status
    };
    assert_eq!(refused(format!("GET /{long} HTTP/1.1\r\n\r\n")), 431);
    assert_eq!(refused(format!("GET / HTTP/1.1\r\na: {long}")), 431);
    assert_eq!(refused(format!("POST /length HTTP/1.1\r\ncontent-length: 2000\r\n\r\n{long}")), 413);
    assert_eq!(refused("POST /length HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n".into()), 413);
    assert_eq!(rig.client().post("/length", &long[..1000]).1, "1000");
}

#[test]
fn a_client_that_is_refused_while_it_sends_gets_to_know_why() {
    let rig = Rig::new(|limits| limits.body = 1000, routes());
    let mut client = rig.client();
    client.send("POST /length HTTP/1.1\r\ncontent-length: 5000000\r\n\r\n");
    // More than the socket takes without being read, less than what is still read of it.
    client.send("x".repeat(900_000));
    assert_eq!(client.answer().0, 413);
}

#[test]
fn all_bodies_together_are_bounded() {
    let rig = Rig::new(|limits| limits.memory = 100_000, routes());
    let half = format!("POST /length HTTP/1.1\r\ncontent-length: 80000\r\n\r\n{}", "x".repeat(70_000));
    let (mut first, mut second) = (rig.client(), rig.client());
    first.send(&half);
    // The second finds the memory taken, as soon as what the first sent has been read.
    let mut statuses = Vec::new();
    while !statuses.contains(&503) {
        statuses.push(second.send(&half).send("x".repeat(10_000)).answer().0);
        second = rig.client();
    }
    assert_eq!(first.ask("x".repeat(10_000)), (200, "80000".to_owned()));
    assert_eq!(second.post("/length", &"x".repeat(90_000)).0, 200);
}

#[test]
fn a_request_that_drips_is_given_up_and_an_idle_connection_closed() {
    let rig = Rig::new(|limits| (limits.request, limits.idle) = (SHORT, SHORT), routes());
    for text in ["GET /hello", "POST /length HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf"] {
        let mut client = rig.client();
        assert_eq!(client.ask(text).0, 408);
        assert!(client.is_closed());
    }
    // One byte now and then does not help.
    let mut client = rig.client();
    let dripped = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(2));
        client.try_send("G").is_ok()
    });
    assert!(dripped.take(100_000).any(|sent| !sent), "hung up on");
    let mut silent = rig.client();
    assert!(silent.is_closed());
    let mut idle = rig.client();
    assert_eq!(idle.post("/length", "").0, 200);
    assert!(idle.is_closed());
    rig.is_well();
}

#[test]
fn a_client_that_does_not_read_is_hung_up_on() {
    let rig = Rig::new(|limits| limits.request = SHORT, routes());
    let mut whole = rig.client();
    whole.send("GET /large HTTP/1.1\r\n\r\n");
    let mut lines = rig.client();
    lines.send("POST /count?to=100000000 HTTP/1.1\r\n\r\n");
    // Their sockets are closed while unread bytes lie in them: writing tells.
    for client in [&mut whole, &mut lines] {
        let waits = || {
            std::thread::sleep(Duration::from_millis(2));
            client.try_send("G").is_ok()
        };
        assert!(std::iter::repeat_with(waits).take(10_000).any(|sent| !sent));
    }
    rig.is_well();
}

#[test]
fn a_handler_that_says_nothing_more_learns_that_nobody_reads() {
    let (tell, told) = crate::sync::channel::bounded::<bool>(1);
    let routes = routes().lines(Method::Post, "/once", LONG, move |_, lines| {
        lines.line(&"x".repeat(2 << 20))?;
        let gone = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(2));
            lines.is_gone()
        });
        let _ = tell.send(gone.take(2000).any(|gone| gone));
        Ok(())
    });
    let rig = Rig::new(|limits| limits.request = SHORT, routes);
    let mut client = rig.client();
    client.send("POST /once HTTP/1.1\r\n\r\n");
    assert!(told.recv().unwrap(), "long before its own time is over");
}

#[test]
fn clients_that_do_not_read_keep_nobody_else_waiting() {
    let rig = Rig::new(|limits| limits.request = LONG, routes());
    let mut clients: Vec<_> = (0..3).map(|_| rig.client()).collect();
    for client in &mut clients {
        client.send("POST /count?to=100000000 HTTP/1.1\r\n\r\n");
        assert_eq!(client.head().0, 200);
    }
    rig.is_well();
    assert_eq!(rig.client().post("/slow", "four").1, "4", "the fourth helper serves");
}

#[test]
fn too_many_requests_that_block_are_refused_and_quick_ones_are_not() {
    let (open, gate) = crate::sync::channel::bounded::<()>(0);
    let wait = move |_: &crate::ops::Request| {
        let _ = gate.recv();
        Ok(Response::text(""))
    };
    let routes = routes().slow(Method::Post, "/wait", LONG, wait);
    let rig = Rig::new(|limits| (limits.helpers, limits.queue) = (1, 1), routes);
    let mut clients: Vec<_> = (0..4).map(|_| rig.client()).collect();
    for client in &mut clients {
        client.send("POST /wait HTTP/1.1\r\n\r\n");
    }
    // One runs and one waits, or one waits and none runs yet: at least two are refused.
    let refused = |client: &mut super::rig::Client| {
        client.socket.set_nonblocking(true).unwrap();
        let answered = std::io::Read::read(&mut client.socket, &mut [0; 12]).is_ok();
        client.socket.set_nonblocking(false).unwrap();
        answered
    };
    while clients.iter_mut().filter_map(|client| refused(client).then_some(())).count() < 2 {
        rig.is_well();
    }
    drop(open);
}

#[test]
fn clients_that_leave_in_the_middle_leave_nothing_behind() {
    let rig = Rig::new(|limits| limits.connections = 2, routes());
    for text in [
        "",
        "GET",
        "POST /length HTTP/1.1\r\ncontent-length: 100\r\n\r\nhalf",
        "POST /slow HTTP/1.1\r\n\r\n",
        "POST /count?to=1000000 HTTP/1.1\r\n\r\n",
        "GET /large HTTP/1.1\r\n\r\n",
    ] {
        for _ in 0..5 {
            let mut client = rig.client();
            // With only so many connections, some find them taken.
            let _ = client.try_send(text);
            drop(client);
        }
    }
    while rig.client().post("/slow", "").0 == 503 {}
    // Half a leave is none: who has said all may still listen.
    let mut client = rig.client();
    client.send("POST /slow HTTP/1.1\r\n\r\n").socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().0, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is sent, it is answered in HTTP or not at all, and the next one is served.
    #[test]
    fn garbage_harms_nobody(
        texts in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..500),
            "(GET|POST|PUT|X) /[ -~]{0,20} HTTP/1\\.[0-3]\r\n([a-z-]{1,20}: ?[ -~]{0,20}\r\n){0,4}\r\n[ -~\r\n]{0,50}"
                .prop_map(String::into_bytes),
            "POST /length HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n[0-9a-f\r\n; ]{0,60}"
                .prop_map(String::into_bytes),
        ], 1..20),
    ) {
        let rig = Rig::new(|limits| limits.request = Duration::from_secs(2), routes());
        for text in texts {
            let mut client = rig.client();
            let _ = client.socket.write_all(&text);
            let _ = client.socket.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            let _ = std::io::Read::read_to_end(&mut client.socket, &mut answer);
            prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
        }
        rig.is_well();
        prop_assert!(rig.ops.stop(LONG).is_empty());
    }
}
