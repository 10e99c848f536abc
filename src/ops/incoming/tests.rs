//! What becomes of bytes, however they are cut.

use proptest::prelude::*;

use super::*;

fn limits() -> OpsLimits {
    OpsLimits { head: 1000, body: 1000, ..OpsLimits::default() }
}

/// All requests of `text`, cut after so many bytes each; the refusal that ended it.
fn read(text: &[u8], cuts: &[usize]) -> (Vec<Request>, Option<u16>) {
    let (mut incoming, mut requests, mut fed) = (Incoming::default(), Vec::new(), 0);
    for cut in cuts.iter().cycle() {
        loop {
            match incoming.step(&limits(), &|_| Ok(usize::MAX)) {
                Step::Done(request) => requests.push(*request),
                Step::Refuse(problem) => return (requests, Some(problem.status())),
                Step::Continue => {}
                Step::More => break,
            }
        }
        if fed == text.len() {
            break;
        }
        let end = (fed + cut).min(text.len());
        incoming.feed(&text[fed..end]);
        fed = end;
    }
    (requests, None)
}

fn whole(text: &str) -> (Vec<Request>, Option<u16>) {
    read(text.as_bytes(), &[usize::MAX / 2])
}

#[track_caller]
fn refusal(text: &str) -> u16 {
    let (requests, refusal) = whole(text);
    assert!(requests.is_empty(), "{requests:?}");
    refusal.expect("a refusal")
}

const TWO: &str = "POST /publish/high/mail?id=7 HTTP/1.1\r\nHeijunka-Key: é\r\nContent-Length: 5\r\n\r\nhello\
    PUT /a HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: x, Close\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
    HEAD / HTTP/1.0\r\n\r\n";

#[test]
fn requests_are_read_one_after_the_other() {
    let (requests, refusal) = whole(TWO);
    assert_eq!((requests.len(), refusal), (3, None));
    let [post, put, head] = requests.try_into().unwrap();
    assert_eq!((post.method, post.path.join("/").as_str()), (Method::Post, "publish/high/mail"));
    assert_eq!((post.query("id"), post.header("heijunka-key")), (Some("7"), Some("é")));
    assert_eq!((post.body.as_ref(), post.keep, post.head_only), (b"hello".as_slice(), true, false));
    assert_eq!((put.method, put.body.as_ref(), put.keep), (Method::Put, b"abc".as_slice(), false));
    assert_eq!((head.method, head.head_only, head.keep, head.old), (Method::Get, true, false, true));
}

#[test]
fn limits_and_nonsense_are_told_apart() {
    let get = "GET / HTTP/1.1\r\n";
    assert_eq!(refusal("\u{1}\u{2}\r\n\r\n"), 400);
    assert_eq!(refusal("GET / HTTP/2.0\r\n\r\n"), 505);
    assert_eq!(refusal("BREW /pot HTTP/1.1\r\n\r\n"), 501);
    assert_eq!(refusal("GET http://host/ HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(refusal(&format!("{get}a: {}", "b".repeat(1000))), 431);
    assert_eq!(refusal(&format!("{get}{}\r\n", "a:b\r\n".repeat(65))), 431);
    assert_eq!(refusal(&format!("{get}content-length: 1001\r\n\r\n")), 413);
    assert_eq!(refusal(&format!("{get}content-length: {}\r\n\r\n", "9".repeat(40))), 413);
    assert_eq!(refusal(&format!("{get}content-length: +1\r\n\r\n")), 400);
    assert_eq!(refusal(&format!("{get}content-length: 1\r\ncontent-length: 1\r\n\r\n")), 400);
    assert_eq!(refusal(&format!("{get}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n")), 400);
    assert_eq!(refusal(&format!("{get}transfer-encoding: gzip\r\n\r\n")), 501);
    assert_eq!(refusal(&format!("{get}transfer-encoding: chunked\r\n\r\n3e9\r\n")), 413);
}

#[test]
fn a_client_that_waits_is_told_to_go_on_once() {
    let mut incoming = Incoming::default();
    incoming.feed(b"POST / HTTP/1.1\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(incoming.step(&limits(), &|_| Ok(usize::MAX)), Step::Continue);
    assert_eq!(incoming.step(&limits(), &|_| Ok(usize::MAX)), Step::More);
    assert!(!incoming.is_empty());
    incoming.feed(b"ok");
    assert!(
        matches!(incoming.step(&limits(), &|_| Ok(usize::MAX)), Step::Done(request) if request.body.as_ref() == b"ok")
    );
    assert!(incoming.is_empty());
}

proptest! {
    #[test]
    fn however_they_are_cut_the_same_requests_come_out(cuts in proptest::collection::vec(1_usize..50, 1..20)) {
        prop_assert_eq!(read(TWO.as_bytes(), &cuts), whole(TWO));
    }

    /// Random bytes, and requests with some of their bytes changed: whole or cut, the answer is the same, and what is held
    /// stays within bounds.
    #[test]
    fn garbage_means_the_same_however_it_is_cut(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            proptest::collection::vec((0..TWO.len(), any::<u8>()), 0..4).prop_map(|changes| {
                let mut text = TWO.as_bytes().to_vec();
                for (at, byte) in changes { text[at] = byte }
                text
            }),
        ],
        cuts in proptest::collection::vec(1_usize..50, 1..20),
    ) {
        let (requests, refusal) = read(&bytes, &cuts);
        let (at_once, refused) = read(&bytes, &[usize::MAX / 2]);
        prop_assert_eq!(requests, at_once);
        // Only what was wrong in itself can have been found early.
        prop_assert_eq!(refusal.is_some(), refused.is_some());
    }
}
