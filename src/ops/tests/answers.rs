//! What is answered to good requests.

use super::rig::{Rig, routes};

#[test]
fn requests_of_one_connection_are_answered_one_after_the_other() {
    let rig = Rig::usual();
    let mut client = rig.client();
    for _ in 0..3 {
        assert_eq!(client.ask("GET /hello/w%C3%B6rld HTTP/1.1\r\n\r\n"), (200, "hello, wörld".to_owned()));
        assert_eq!(client.post("/length", "12345"), (200, "5".to_owned()));
        assert_eq!(client.post("/slow", "1234567"), (200, "7".to_owned()));
        assert_eq!(client.post("/count?to=3", ""), (200, "1\n2\n3\n".to_owned()));
    }
    // All at once: each in its turn.
    client.send("GET /hello/a HTTP/1.1\r\n\r\nPOST /slow HTTP/1.1\r\ncontent-length: 2\r\n\r\nab");
    client.send("GET /hello/b HTTP/1.1\r\nConnection: close\r\n\r\n");
    let bodies = [client.answer().1, client.answer().1, client.answer().1];
    assert_eq!(bodies, ["hello, a", "2", "hello, b"]);
    assert!(client.is_closed());
}

#[test]
fn bodies_come_in_chunks_and_after_being_asked_for() {
    let rig = Rig::usual();
    let mut client = rig.client();
    client.send("POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_eq!(client.ask("2\r\nde\r\n0\r\n\r\n"), (200, "5".to_owned()));
    client.send("POST /length HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.head().0, 100);
    assert_eq!(client.ask("four"), (200, "4".to_owned()));
    // A large one, longer than what is read in a turn.
    let (status, length) = client.post("/length", &"x".repeat(3 << 20));
    assert_eq!((status, length), (200, (3 << 20).to_string()));
}

#[test]
fn a_large_answer_arrives_in_whole() {
    let (status, body) = Rig::usual().client().ask("GET /large HTTP/1.1\r\n\r\n");
    assert_eq!((status, body.len()), (200, 10 << 20));
}

#[test]
fn the_head_alone_is_told_of_what_can_be_read() {
    let rig = Rig::usual();
    let mut client = rig.client();
    let (status, head) = client.send("HEAD /hello/you HTTP/1.1\r\n\r\n").head();
    assert_eq!((status, head.contains("content-length: 10\r\n")), (200, true), "{head}");
    assert_eq!(client.ask("GET /hello/you HTTP/1.1\r\n\r\n").0, 200, "no body stood in between");
}

#[test]
fn an_old_client_gets_its_lines_until_the_end_of_the_connection() {
    let rig = Rig::usual();
    let mut client = rig.client();
    assert_eq!(client.ask("POST /count?to=2 HTTP/1.0\r\n\r\n"), (200, "1\n2\n".to_owned()));
    let mut client = rig.client();
    assert_eq!(client.ask("GET /hello/you HTTP/1.0\r\n\r\n"), (200, "hello, you".to_owned()));
    assert!(client.is_closed());
}

#[test]
fn many_lines_arrive_in_order_through_a_small_buffer() {
    let rig = Rig::usual();
    let (status, body) = rig.client().post("/count?to=100000", "");
    assert_eq!(status, 200);
    assert!(body.lines().map(|line| line.parse::<u64>().unwrap()).eq(1..=100_000));
}

#[test]
fn what_cannot_be_done_is_said_and_the_connection_stays() {
    let rig = Rig::usual();
    let mut client = rig.client();
    let (status, body) = client.ask("GET /hallo HTTP/1.1\r\n\r\n");
    assert!(status == 404 && body.contains("/hello/{name}"), "{body}");
    let (status, head) = client.send("DELETE /length HTTP/1.1\r\n\r\n").head();
    assert!(status == 405 && head.contains("allow: POST\r\n"), "{head}");
    client = rig.client();
    let (status, body) = client.post("/count?to=x", "");
    assert!(status == 400 && body.contains("\"x\\\""), "{body}");
    assert_eq!(client.post("/count?too=1", "").0, 400);
    assert_eq!(client.post("/count?to=1&to=2", "").0, 400);
    assert_eq!(client.post("/count?to=1", "").0, 200);
}

#[test]
fn a_handler_that_panics_is_a_fault_of_its_own() {
    let rig = Rig::usual();
    let mut client = rig.client();
    for path in ["/panic", "/slow/panic"] {
        for _ in 0..10 {
            let (status, body) = client.post(path, "");
            assert!(status == 500 && body.contains("on purpose"), "{body}");
        }
    }
    assert_eq!(client.post("/slow", "still").1, "5");
}

#[test]
fn what_takes_longer_than_it_may_is_given_up() {
    let rig = Rig::new(|_| (), routes());
    let mut client = rig.client();
    assert_eq!(client.post("/sleep", "").0, 504);
    assert!(client.is_closed());
    rig.is_well();
}
