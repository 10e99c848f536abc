//! What gets through the guard, and what it makes of the rest.

use std::io::Read;

use proptest::prelude::*;

use super::{FAULT, Guard, HEAD, Limits};

const LIMITS: Limits = Limits { frame: 4096, body: 1 << 20 };

/// Gives what it has, a few bytes at a time.
struct Drip(Vec<u8>, usize);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

fn through(bytes: Vec<u8>, step: usize) -> std::io::Result<Vec<u8>> {
    let mut clean = Vec::new();
    Guard::new(Drip(bytes, step), LIMITS).read_to_end(&mut clean)?;
    Ok(clean)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 0, 1], &length[..], payload, &[0xCE]].concat()
}

/// A content header with these properties.
fn header(body: u64, flags: u16, properties: &[u8]) -> Vec<u8> {
    let start = [&[0, 60, 0, 0], &body.to_be_bytes()[..], &flags.to_be_bytes()].concat();
    frame(2, &[&start, properties].concat())
}

const HEADERS: u16 = 1 << 13;

fn table(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    let mut content = Vec::new();
    for _ in 0..depth {
        content = [b"\x01tF", &table(&content)[..]].concat();
    }
    table(&content)
}

fn is_stripped(bytes: &[u8]) -> bool {
    bytes.windows(FAULT.len()).any(|window| window == FAULT.as_bytes())
}

#[test]
fn good_frames_pass_unchanged_in_whatever_pieces_they_come() {
    let text = b"\x04name\x53\x00\x00\x00\x02\xc3\xa4";
    let all = [
        header(3, HEADERS, &table(text)),
        frame(3, b"abc"),
        frame(8, b""),
        header(0, HEADERS, &nested(10)),
        header(0, 0x8000 | 0x0080, b"\x04text\x02id"),
    ]
    .concat();
    for step in [1, 2, 7, 1000] {
        assert_eq!(through(all.clone(), step).unwrap(), all);
    }
}

#[test]
fn hostile_properties_are_stripped_and_the_message_goes_on() {
    let not_utf8 = table(b"\x01n\x53\x00\x00\x00\x01\xff");
    let unknown = table(b"\x01n?");
    let longer = table(b"\x01n\x53\x7f\xff\xff\xff");
    let hostile = [
        header(1, HEADERS, &nested(300)),
        header(1, HEADERS, &not_utf8),
        header(1, HEADERS, &unknown),
        header(1, HEADERS, &longer),
        header(1, HEADERS, &[0xff; 4]),
        header(1, 0x8000, b"\x01\xff"),
        header(1, 1, b""),
        header(1, 0, b"more"),
    ];
    for hostile in hostile {
        let clean = through([hostile.clone(), frame(3, b"x")].concat(), 100).unwrap();
        assert!(is_stripped(&clean), "{hostile:?}");
        assert!(clean.ends_with(&frame(3, b"x")));
        // What was put in its place passes itself.
        assert_eq!(through(clean.clone(), 5).unwrap(), clean);
    }
}

#[test]
fn what_only_a_broken_server_says_ends_the_connection() {
    let broken = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        frame(3, &[0; 5000]),
        header(1 << 44, 0, b""),
        [&frame(3, b"x")[..=HEAD], b"\x00"].concat(),
        frame(2, b"short"),
        // connection.start with a table that nests too deeply.
        frame(1, &[&[0, 10, 0, 10, 0, 9], &nested(300)[..]].concat()),
        // basic.deliver that ends too early.
        frame(1, &[0, 60, 0, 60, 9]),
    ];
    for broken in broken {
        through(broken.clone(), 100).expect_err("it ends the connection");
    }
}

#[test]
fn a_routing_key_that_is_no_text_is_mended_in_place() {
    let deliver = [&[0, 60, 0, 60][..], b"\x02ct", &[0; 9], b"\x01e", b"\x02k\xff"].concat();
    let mended = [&[0, 60, 0, 60][..], b"\x02ct", &[0; 9], b"\x01e", b"\x02k?"].concat();
    assert_eq!(through(frame(1, &deliver), 3).unwrap(), frame(1, &mended));
}

#[test]
fn a_delivery_to_an_ended_subscription_goes_to_the_first_of_its_channel() {
    let deliver = |tag: &[u8]| {
        let head = [&[0, 60, 0, 60, u8::try_from(tag.len()).unwrap()], tag].concat();
        frame(1, &[&head[..], &[0; 9], b"\x01e\x01k"].concat())
    };
    let told = |method: u8, tag: &[u8]| {
        frame(1, &[&[0, 60, 0, method, u8::try_from(tag.len()).unwrap()], tag].concat())
    };
    let before = [told(21, b"first"), told(21, b"two"), deliver(b"two"), told(31, b"two")].concat();
    let clean = through([before.clone(), deliver(b"two")].concat(), 9).unwrap();
    assert_eq!(clean, [before, deliver(b"first")].concat());
}

proptest! {
    /// Whatever comes, it does not panic, and what passes once passes again as it is.
    #[test]
    fn noise_passes_unchanged_mended_or_not_at_all(
        kind in prop::sample::select(vec![1_u8, 2, 3, 8]),
        start in prop::sample::select(vec![vec![0, 60, 0, 60], vec![0, 60, 0, 71], vec![0, 60, 0, 50], vec![0, 10, 0, 10], vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0]]),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        step in 1_usize..50,
    ) {
        let bytes = frame(kind, &[start, noise].concat());
        if let Ok(clean) = through(bytes, step) {
            prop_assert_eq!(through(clean.clone(), step).unwrap(), clean);
        }
    }
}
