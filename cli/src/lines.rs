//! Lines of bounded length from an unbounded, untrusted input.

use std::io::{self, BufRead, Cursor, Read as _};

/// What [`Lines::read`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line was appended, with `\n` as its end.
    Text,
    /// A line above the limit was skipped; nothing was appended.
    TooLong,
    /// There are no more lines.
    End,
}

/// Reads lines, never holding more than one of so many bytes.
pub(crate) struct Lines<R> {
    input: R,
    /// Bytes a line may have.
    most: usize,
    /// Lines given back, to be read again before the input.
    again: Cursor<Vec<u8>>,
    number: u64,
    position: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R, most: usize) -> Self {
        Self { input, most, again: Cursor::default(), number: 0, position: 0 }
    }

    /// Bytes a line may have.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The number of the line read last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Bytes of the input read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Appends the next line to `text`.
    pub(crate) fn read(&mut self, text: &mut Vec<u8>) -> io::Result<Line> {
        let start = text.len();
        let limit = self.most as u64 + 1;
        let read = match self.again.by_ref().read_until(b'\n', text)? {
            0 => {
                let read = (&mut self.input).take(limit).read_until(b'\n', text)?;
                self.position += read as u64;
                read
            }
            read => read,
        };
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        if text.last() != Some(&b'\n') && read > self.most {
            text.truncate(start);
            self.position += self.input.skip_until(b'\n')? as u64;
            return Ok(Line::TooLong);
        }
        end_with_newline(text);
        if start == 0 && self.number == 1 && text.starts_with(b"\xEF\xBB\xBF") {
            text.drain(..3);
        }
        Ok(Line::Text)
    }

    /// Gives back `lines`, which were the last ones read, to be read again.
    pub(crate) fn give_back(&mut self, lines: &[u8]) {
        self.number -= lines.split_inclusive(|&byte| byte == b'\n').count() as u64;
        let unread = &self.again.get_ref()[usize::try_from(self.again.position()).unwrap_or(0)..];
        self.again = Cursor::new([lines, unread].concat());
    }
}

/// Makes the line end in exactly `\n`, also where it ended in `\r\n` or with the input.
fn end_with_newline(text: &mut Vec<u8>) {
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    if text.last() == Some(&b'\r') {
        text.pop();
    }
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 * 1024;

    fn all(input: &[u8]) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(input, MOST);
        let mut found = Vec::new();
        loop {
            let mut text = Vec::new();
            match lines.read(&mut text).unwrap() {
                Line::Text => found.push((lines.number(), Some(String::from_utf8(text).unwrap()))),
                Line::TooLong => found.push((lines.number(), None)),
                Line::End => {
                    assert_eq!(lines.position(), input.len() as u64);
                    return found;
                }
            }
        }
    }

    #[test]
    fn ends_of_all_kinds() {
        let text = |s: &str| Some(s.to_owned());
        assert_eq!(all(b""), []);
        assert_eq!(
            all(b"\xEF\xBB\xBFa\r\nb\n\nc"),
            [(1, text("a\n")), (2, text("b\n")), (3, text("\n")), (4, text("c\n"))]
        );
    }

    #[test]
    fn a_long_line_is_skipped_and_the_next_one_read() {
        let mut input = b"a\n".to_vec();
        input.resize(input.len() + (1 << 20), b'x');
        input.extend(b"\nb\n");
        assert_eq!(all(&input), [(1, Some("a\n".into())), (2, None), (3, Some("b\n".into()))]);
        let fits = vec![b'x'; MOST];
        assert_eq!(all(&fits).len(), 1);
        assert!(all(&fits)[0].1.is_some());
    }

    #[test]
    fn lines_given_back_are_read_again() {
        let mut lines = Lines::new(&b"a\nb\nc\n"[..], MOST);
        let mut text = Vec::new();
        for _ in 0..2 {
            lines.read(&mut text).unwrap();
        }
        lines.give_back(b"b\n");
        assert_eq!(lines.number(), 1);
        text.clear();
        for _ in 0..2 {
            lines.read(&mut text).unwrap();
        }
        assert_eq!((text.as_slice(), lines.number()), (&b"b\nc\n"[..], 3));
    }
}
