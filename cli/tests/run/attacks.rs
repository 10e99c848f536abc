//! Many who mean harm at once, against the real service: it stays small, and others are answered.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use heijunka::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::Web;
use crate::service::Home;

/// What the process has of memory of its own, in KiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// As many connections at once, unless `HEIJUNKA_CROWD` says otherwise.
const CROWD: usize = 2_000;

/// Opens so many connections, and says this on each.
fn crowd(address: &str, many: usize, says: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        // Who was put out meanwhile cannot say anything any more.
        let _ = stream.write_all(says);
        stream
    };
    (0..many).map(connect).collect()
}

#[test]
fn a_crowd_that_only_holds_on_keeps_nobody_from_being_answered_and_takes_no_memory() {
    let wanted = std::env::var("HEIJUNKA_CROWD").map_or(CROWD, |text| text.parse().expect("a number"));
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(100_000).min(100_000);
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum }).unwrap();
    let many = usize::try_from(most).unwrap().saturating_sub(500).min(wanted);

    let home = Home::new("true");
    let web = Web::start(&home, "");
    web.get("/metrics");
    let before = memory(web.process());
    let clock = Clock::monotonic();
    let held = b"POST /publish/high/mail HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n";
    for (name, says) in [
        ("says nothing", &b""[..]),
        ("begins a request", b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nx-slow: "),
        ("begins a body without a token", held),
        ("wants much and does not read it", &b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(4)),
    ] {
        let crowd = crowd(&web.address, many, says);
        let mut longest = Duration::ZERO;
        for _ in 0..50 {
            let begun = clock.now();
            assert!(web.get("/metrics").contains("heijunka_ready 1"));
            longest = longest.max(clock.now().since(begun));
        }
        let more = memory(web.process()).saturating_sub(before);
        println!(
            "{} connections, each of which {name}: {more} KiB more, a scrape took {longest:.1?} at most",
            crowd.len()
        );
        // Each of 256 places may hold a head, an answer, and what the allocator keeps of them.
        assert!(more < 64 << 10, "{name}: {more} KiB");
    }
    // Work goes on as before.
    assert_eq!(web.act("POST /publish/high/mail", "x").0, 200);
    web.wait_for("heijunka_items_settled_total{outcome=\"acked\"}", 1.0);
    web.stop();
}

#[test]
fn a_gibibyte_is_refused_at_its_first_bytes() {
    let home = Home::new("true");
    let web = Web::start(&home, "");
    web.get("/metrics");
    let before = memory(web.process());
    for (token, status) in [("", "401"), ("authorization: Bearer correct-horse-battery-staple\r\n", "413")] {
        let mut stream = TcpStream::connect(&web.address).unwrap();
        let head = format!(
            "POST /publish/high/mail HTTP/1.1\r\nhost: localhost\r\n{token}content-length: {}\r\n\r\n",
            1_u64 << 30
        );
        stream.write_all(head.as_bytes()).unwrap();
        let (piece, mut sent) = (vec![b'x'; 1 << 20], 0_u64);
        while sent < 1 << 30 && stream.write_all(&piece).is_ok() {
            sent += piece.len() as u64;
        }
        assert!(sent < 64 << 20, "{sent} bytes were taken");
        let mut answer = Vec::new();
        // The connection may be reset before all of it is read.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert!(memory(web.process()).saturating_sub(before) < 16 << 10);
    web.stop();
}
