//! The end of what a program wrote, in bounded memory.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Keeps the last bytes of what it is given: what a program says last tells why it failed.
#[derive(Debug)]
pub(super) struct Capture {
    kept: VecDeque<u8>,
    most: usize,
    total: u64,
}

impl Capture {
    /// Keeps `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), most, total: 0 }
    }

    /// Takes what comes next, and drops as much of the oldest as is above the bound.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let bytes = &bytes[bytes.len().saturating_sub(self.most)..];
        let excess = (self.kept.len() + bytes.len()).saturating_sub(self.most);
        self.kept.drain(..excess);
        self.kept.extend(bytes);
    }

    /// Bytes that were written.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that were thrown away.
    pub(super) fn cut(&self) -> u64 {
        self.total - self.kept.len() as u64
    }

    /// What was kept.
    #[cfg(all(test, not(heijunka_loom)))]
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.kept.iter().copied().collect()
    }

    /// The end of it as one line of text, made of the last `most` bytes at most. Control characters and such that change how a
    /// line is read are escaped, what is no UTF-8 is replaced.
    pub(super) fn tail(&self, most: usize) -> Tail {
        let left = self.kept.len().saturating_sub(most);
        let mut bytes: Vec<u8> = self.kept.iter().skip(left).copied().collect();
        if self.cut() > 0 || left > 0 {
            // Not in the middle of a character.
            let within = bytes.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
            bytes.drain(..within);
        }
        let cut = self.total - bytes.len() as u64;
        let end = bytes.trim_ascii_end();
        Tail { text: visible(&String::from_utf8_lossy(end)), cut }
    }
}

/// The end of what was written, to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) text: String,
    /// Bytes that were written before it.
    pub(super) cut: u64,
}

/// On one line, without anything that a terminal would act upon.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            // Escapes what cannot be seen only; writing to a text cannot fail.
            _ => drop(write!(shown, "{}", character.escape_debug())),
        }
    }
    shown
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(most: usize, parts: &[&[u8]]) -> Capture {
        let mut capture = Capture::new(most);
        for part in parts {
            capture.push(part);
        }
        capture
    }

    #[test]
    fn a_tail_is_one_visible_line() {
        let capture =
            of(100, &[b"one\ntwo\t\x1b[31mred\x07 \"quoted\" \\ \xff ", "\u{202e}é\n\n".as_bytes()]);
        let Tail { text, cut } = capture.tail(100);
        assert_eq!(text, "one\\ntwo\\t\\u{1b}[31mred\\u{7} \"quoted\" \\ \u{fffd} \\u{202e}é");
        assert_eq!(cut, 0);
    }

    #[test]
    fn a_tail_begins_with_a_whole_character() {
        let capture = of(100, &["aééé".as_bytes()]);
        assert_eq!(capture.tail(3), Tail { text: "é".into(), cut: 5 });
        assert_eq!(of(3, &["aééé".as_bytes()]).tail(100), Tail { text: "é".into(), cut: 5 });
    }

    #[test]
    fn no_bound_no_text() {
        let capture = of(0, &[b"something"]);
        assert_eq!((capture.total(), capture.cut(), capture.bytes()), (9, 9, vec![]));
        assert_eq!(capture.tail(10), Tail { text: String::new(), cut: 9 });
    }

    proptest! {
        #[test]
        fn the_last_bytes_are_kept(most in 0_usize..40, parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..10)) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let all = parts.concat();
            let capture = of(most, &parts);
            prop_assert_eq!(capture.bytes(), &all[all.len().saturating_sub(most)..]);
            prop_assert_eq!(capture.total(), all.len() as u64);
            prop_assert_eq!(capture.cut(), all.len().saturating_sub(most) as u64);
            let text = capture.tail(most).text;
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
