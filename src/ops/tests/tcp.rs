//! Over TCP anybody may come: everybody can look, nobody acts without the token, and nobody keeps others from being answered.

use std::time::Duration;

use super::rig::{Client, HttpRig, LONG, SHORT, TOKEN, routes};

fn usual() -> HttpRig {
    HttpRig::new(|_| (), routes())
}

impl HttpRig {
    /// A request with this token, and more headers.
    fn acting(&self, first: &str, token: &str, more: &str) -> String {
        format!("{first} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n{more}\r\n", self.address)
    }
}

#[test]
fn everybody_can_look_and_nobody_acts_without_the_token() {
    let rig = usual();
    assert_eq!(rig.get("/open"), (200, "open".to_owned()));
    let (status, body) = rig.get("/hello/you");
    assert_eq!(status, 401, "{body}");
    assert!(body.contains("Authorization: Bearer") && !body.contains(TOKEN), "{body}");
    let ask = |token: &str| rig.client().ask(rig.acting("POST /length", token, "content-length: 0\r\n"));
    assert_eq!(ask("wrong-horse-battery-staple").0, 401);
    assert_eq!(ask(TOKEN), (200, "0".to_owned()));
}

#[test]
fn who_is_refused_is_told_how_to_make_himself_known() {
    let rig = usual();
    let mut client = rig.client();
    client.send(format!("POST /length HTTP/1.1\r\nhost: {}\r\n\r\n", rig.address));
    let (status, head) = client.head();
    assert_eq!(status, 401);
    assert!(head.contains("www-authenticate: Bearer"), "{head}");
    assert!(
        head.contains("x-content-type-options: nosniff") && head.contains("cache-control: no-store"),
        "{head}"
    );
}

#[test]
fn a_huge_body_is_not_even_read() {
    let rig = usual();
    let gib = "content-length: 1073741824\r\n";
    let refused = |text: String| {
        let mut client = rig.client();
        let (status, _) = client.ask(text);
        assert!(client.is_closed());
        status
    };
    let host = format!("host: {}\r\n", rig.address);
    // Not of those who may not act, not where none is wanted, and not where there is nothing.
    assert_eq!(refused(format!("POST /length HTTP/1.1\r\n{host}{gib}\r\n")), 401);
    assert_eq!(refused(format!("GET /open HTTP/1.1\r\n{host}content-length: 1\r\n\r\n")), 413);
    assert_eq!(refused(format!("GET /open HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n1\r\nx")), 413);
    assert_eq!(refused(format!("POST /nowhere HTTP/1.1\r\n{host}{gib}\r\n")), 413);
    // Of whoever may, as much as is allowed; and whoever waits to be asked is told before he sends it.
    assert_eq!(refused(rig.acting("POST /length", TOKEN, gib)), 413);
    assert_eq!(
        refused(rig.acting(
            "POST /length",
            "wrong-horse-battery",
            "content-length: 9\r\nexpect: 100-continue\r\n"
        )),
        401
    );
    rig.is_well();
}

#[test]
fn silent_connections_make_room() {
    let rig = HttpRig::new(|limits| limits.connections = 8, routes());
    // Some say nothing, some begin and go no further, and all of them are still there.
    let mut held: Vec<_> = (0..100)
        .map(|number| {
            let mut client = rig.client();
            if number % 2 == 0 {
                let _ = client.try_send("GET /open HTTP/1.1\r\nx-slow: ");
            }
            client
        })
        .collect();
    for _ in 0..20 {
        rig.is_well();
    }
    // The earliest have gone.
    assert!(held.iter_mut().take(90).all(Client::is_gone));
}

#[test]
fn who_is_being_answered_is_not_put_out() {
    let rig = HttpRig::new(|limits| limits.connections = 2, routes());
    let (mut first, mut second) = (rig.client(), rig.client());
    for client in [&mut first, &mut second] {
        client.send(format!("GET /ticks HTTP/1.1\r\nhost: {}\r\n\r\n", rig.address));
        assert_eq!(client.head().0, 200);
    }
    assert_eq!(rig.get("/open").0, 503);
    drop(first);
    while rig.get("/open").0 != 200 {}
    assert!(second.chunk().is_some());
}

#[test]
fn who_listens_is_told_again_and_again() {
    let rig = usual();
    let mut client = rig.client();
    client.send(format!("GET /ticks HTTP/1.1\r\nhost: {}\r\n\r\n", rig.address));
    let (status, head) = client.head();
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/event-stream") && head.contains("cache-control: no-store"),
        "{head}"
    );
    for number in 1..=5 {
        assert_eq!(client.chunk().unwrap(), format!("data: {number}\n\n").into_bytes());
    }
    // What it says meanwhile is nothing to anybody, and another begins from the beginning.
    client.send("GET /open HTTP/1.1\r\n\r\n");
    assert_eq!(client.chunk().unwrap(), b"data: 6\n\n");
    let mut old = rig.client();
    old.send("GET /ticks HTTP/1.0\r\n\r\n");
    assert_eq!(old.head().0, 200);
    assert_eq!(old.take(9), b"data: 1\n\n");
    assert!(rig.ops.stop(LONG).is_empty(), "those who listen keep nobody from ending");
}

#[test]
fn only_so_many_listen_and_one_that_does_not_read_is_hung_up_on() {
    let rig = HttpRig::new(|limits| (limits.listeners, limits.request) = (1, SHORT), routes());
    let listen = || {
        let mut client = rig.client();
        client.send(format!("GET /floods HTTP/1.1\r\nhost: {}\r\n\r\n", rig.address));
        client
    };
    let mut first = listen();
    assert_eq!(first.head().0, 200);
    assert_eq!(listen().answer().0, 503);
    // It reads no more: its place is free after a while.
    while listen().head().0 != 200 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_is_no_request_is_refused_and_leads_nowhere() {
    let rig = usual();
    let hello = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3];
    for garbage in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &hello,
        &[0; 300],
        "GET /\u{202e} HTTP/1.1\r\n\r\n".as_bytes(),
    ] {
        let mut client = rig.client();
        client.send(garbage);
        let status = client.head().0;
        assert!((400..=505).contains(&status), "{status}");
    }
    let ask = |path: &str| rig.client().ask(rig.acting(&format!("GET {path}"), TOKEN, ""));
    for path in ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/open/..%2fhello"] {
        assert_eq!(ask(path).0, 404, "{path}");
    }
    // What is told back of a path is no part of the head.
    let mut client = rig.client();
    client.send(rig.acting("GET /a%0d%0aset-cookie:%20a=b", TOKEN, ""));
    let (status, head) = client.head();
    assert_eq!(status, 404);
    assert!(!head.contains("set-cookie"), "{head}");
    let behind = "GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n\0\0garbage\r\n\r\nGET /open HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut client = rig.client();
    client.send(behind);
    assert_eq!((client.answer().0, client.answer().0), (200, 400));
    assert!(client.is_closed());
    rig.is_well();
}
