//! Law: a body that comes in chunks, each with its length before it.

use super::problem::Problem;

/// Bytes of a chunk's first line, and of all that may follow the last chunk.
const LONGEST_LINE: usize = 1024;
const LONGEST_TRAILER: usize = 16 << 10;

/// What has arrived of it.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    body: Vec<u8>,
    at: At,
    /// Bytes of the trailer that were passed over.
    trailer: usize,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Size,
    Data(usize),
    DataEnd,
    Trailer,
}

impl Chunked {
    /// Takes what it can from `input`; tells whether the body is whole.
    pub(super) fn take(&mut self, input: &mut Vec<u8>, most: usize) -> Result<bool, Problem> {
        let mut used = 0;
        let whole = self.advance(input, &mut used, most);
        input.drain(..used);
        whole
    }

    pub(super) fn held(&self) -> usize {
        self.body.len()
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    fn advance(&mut self, input: &[u8], used: &mut usize, most: usize) -> Result<bool, Problem> {
        loop {
            let rest = &input[*used..];
            match self.at {
                At::Size => {
                    let Some((line, length)) = line(rest, LONGEST_LINE)? else { return Ok(false) };
                    let size = size(line)?;
                    if size > most - self.body.len() {
                        return Err(too_large(most));
                    }
                    *used += length;
                    self.at = if size == 0 { At::Trailer } else { At::Data(size) };
                }
                At::Data(left) => {
                    let some = left.min(rest.len());
                    self.body.extend_from_slice(&rest[..some]);
                    *used += some;
                    if some < left {
                        self.at = At::Data(left - some);
                        return Ok(false);
                    }
                    self.at = At::DataEnd;
                }
                At::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        *used += 2;
                        self.at = At::Size;
                    }
                    [] | [b'\r'] => return Ok(false),
                    _ => return Err(Problem::bad("a chunk is longer than its length says")),
                },
                At::Trailer => {
                    let Some((line, length)) = line(rest, LONGEST_TRAILER)? else { return Ok(false) };
                    *used += length;
                    self.trailer += length;
                    if line.is_empty() {
                        return Ok(true);
                    }
                    if self.trailer > LONGEST_TRAILER {
                        return Err(Problem::new(431, "the trailer is too long"));
                    }
                }
            }
        }
    }
}

pub(super) fn too_large(most: usize) -> Problem {
    Problem::new(413, format!("the body is larger than the {most} bytes allowed"))
        .hint("send several requests, or store it elsewhere and send where")
}

/// The first line without its end, and its length with it.
fn line(input: &[u8], longest: usize) -> Result<Option<(&[u8], usize)>, Problem> {
    let within = &input[..input.len().min(longest)];
    match within.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(Some((&input[..end], end + 2))),
        None if input.len() >= longest => Err(Problem::bad("a line of a chunked body is too long")),
        None => Ok(None),
    }
}

/// A hexadecimal number; what stands behind a semicolon is of no interest.
fn size(line: &[u8]) -> Result<usize, Problem> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    let proper = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = if proper { usize::from_str_radix(text, 16).ok() } else { None };
    size.ok_or_else(|| Problem::bad("the length of a chunk is no hexadecimal number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut text = Vec::new();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            text.extend(format!("{:X};x=y\r\n", piece.len()).bytes());
            text.extend(piece);
            text.extend(b"\r\n");
        }
        text.extend(b"0\r\nsum: 1\r\n\r\n");
        text
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_comes_out_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
            cuts in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let (text, mut fed) = (encode(&pieces), 0);
            let (mut chunked, mut input, mut whole) = (Chunked::default(), Vec::new(), false);
            for cut in cuts.iter().cycle() {
                let end = (fed + cut).min(text.len());
                input.extend(&text[fed..end]);
                fed = end;
                whole = chunked.take(&mut input, 1000).unwrap();
                prop_assert_eq!(whole, fed == text.len());
                if whole { break }
            }
            prop_assert!(whole && input.is_empty());
            prop_assert_eq!(chunked.into_body(), pieces.concat());
        }

        #[test]
        fn garbage_is_refused_or_waited_on(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (mut chunked, mut input) = (Chunked::default(), text);
            let _ = chunked.take(&mut input, 100);
            prop_assert!(chunked.held() <= 100);
        }
    }

    fn refusal(text: &[u8], most: usize) -> u16 {
        Chunked::default().take(&mut text.to_vec(), most).unwrap_err().status()
    }

    #[test]
    fn what_is_wrong_or_too_much_is_refused() {
        assert_eq!(refusal(b"+5\r\nhello\r\n", 100), 400);
        assert_eq!(refusal(b"\r\n", 100), 400);
        assert_eq!(refusal(b"ffffffffffffffffff\r\n", 100), 400);
        assert_eq!(refusal(b"5\r\nhello!!", 100), 400);
        assert_eq!(refusal(b"6\r\nhello!\r\n", 5), 413);
        assert_eq!(refusal(b"3\r\nabc\r\n3\r\nabc\r\n", 5), 413);
        assert_eq!(refusal(&[b'1'; 2000], 5), 400);
        assert_eq!(refusal(&[b"0\r\n".as_slice(), &b"a: b\r\n".repeat(4000)].concat(), 5), 431);
    }
}
