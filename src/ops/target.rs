//! Law: what stands in a request's first line, decoded.

use super::problem::Problem;

/// A path and what stands behind its question mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
}

/// Takes it apart: first apart, then decoded, so that an encoded slash separates nothing.
pub(super) fn parse(text: &str) -> Result<Target, Problem> {
    let Some(text) = text.strip_prefix('/') else {
        return Err(Problem::bad("a path begins with /"));
    };
    // Clients do not send fragments; what does would otherwise end up in the last value.
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let mut parts =
        path.split('/').map(|part| decode(part, false)).collect::<Result<Vec<String>, Problem>>()?;
    // `/dlq/` is `/dlq`, and `/` has no parts.
    if parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name, true)?, decode(value, true)?))
    });
    Ok(Target { path: parts, query: pairs.collect::<Result<_, Problem>>()? })
}

/// Decodes `%41`, and `+` where it means a space.
fn decode(text: &str, plus: bool) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let [high, low, tail @ ..] = rest else { return Err(broken(text)) };
                let digits = hex(*high).zip(hex(*low)).ok_or_else(|| broken(text))?;
                bytes.push(digits.0 << 4 | digits.1);
                rest = tail;
            }
            b'+' if plus => bytes.push(b' '),
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| broken(text))
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn broken(text: &str) -> Problem {
    let shown: String = text.chars().take(100).collect();
    Problem::bad(format!("{shown:?} is no percent-encoded UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Target {
        parse(text).unwrap()
    }

    #[test]
    fn paths_and_queries_are_taken_apart_before_they_are_decoded() {
        assert_eq!(parts("/").path, [""; 0]);
        assert_eq!(parts("/dlq/").path, ["dlq"]);
        assert_eq!(parts("/a%2Fb/%C3%A9?x=1%262&y=a+b&flag#z").path, ["a/b", "é"]);
        let query = parts("/a?x=1%262&y=a+b%2B&flag&&p=q=r#z").query;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(query, [pair("x", "1&2"), pair("y", "a b+"), pair("flag", ""), pair("p", "q=r")]);
        assert_eq!(parts("/a+b").path, ["a+b"]);
    }

    #[test]
    fn what_is_not_encoded_properly_is_refused() {
        for text in ["*", "http://host/", "", "/%", "/%4", "/%zz", "/%ff", "/a?b=%e9"] {
            assert_eq!(parse(text).unwrap_err().status(), 400, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(part in "\\PC+", value in "\\PC*") {
            let encode = |text: &str| {
                text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"))
            };
            let target = parts(&format!("/{}?{}={}", encode(&part), encode(&part), encode(&value)));
            prop_assert_eq!(target.path, [part.clone()]);
            prop_assert_eq!(target.query, [(part, value)]);
        }

        #[test]
        fn nothing_makes_it_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
