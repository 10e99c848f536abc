//! A bearer token: compared in constant time, shown to nobody.

use std::fmt;

/// Anything shorter can be guessed by who tries for long.
const SHORTEST: usize = 16;

/// What a client must know to act. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes this for a token.
    ///
    /// # Errors
    /// [`TokenError`]: it has fewer than 16 characters, or some that cannot stand in a header.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let text = text.into();
        let length = text.chars().count();
        if length < SHORTEST {
            return Err(TokenError::Short(length));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        Ok(Self(text))
    }

    /// Whether it is this. Takes as long for one that is nearly right as for one that is all wrong.
    pub(super) fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        let differing = own.iter().zip(given).fold(0, |sum, (own, given)| sum | (own ^ given));
        std::hint::black_box(differing) == 0 && own.len() == given.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Why something is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It has only so many characters.
    Short(usize),
    /// It has characters that cannot stand in a header.
    Characters,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::Short(length) => write!(
                f,
                "the token has {length} characters; make one of at least {SHORTEST}, such as by: openssl rand -hex 32"
            ),
            TokenError::Characters => f.write_str(
                "the token has characters other than ASCII letters, digits and punctuation; make another",
            ),
        }
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_itself_is_it() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "\u{e9}"] {
            assert!(!token.is(other), "{other:?}");
        }
    }

    #[test]
    fn what_can_be_guessed_or_not_be_sent_is_none_and_nothing_is_shown() {
        assert_eq!(Token::new("short"), Err(TokenError::Short(5)));
        for text in ["0123456789 abcdef", "0123456789\nabcdef", "0123456789ééééééé"] {
            assert_eq!(Token::new(text), Err(TokenError::Characters));
        }
        assert_eq!(format!("{:?}", Token::new("0123456789abcdef").unwrap()), "Token(..)");
    }
}
