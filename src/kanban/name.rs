//! Names that are valid on every broker, and the ids of items.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A name that every broker accepts, of a domain or of a schedule: 1 to 64 of the characters `A-Z a-z 0-9 _ -`.
///
/// Cloning costs a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// What identifies an item within its domain: 1 to 128 visible ASCII characters, of which a publisher may choose up to 96.
///
/// Two items of the same domain and id are the same item. Cloning costs a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(Arc<str>);

/// A text was neither a [`Name`] nor an [`ItemId`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It is no name.
    Name(String),
    /// It is no id.
    Id(String),
}

impl Name {
    const LONGEST: usize = 64;

    /// The name, if `text` is one.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Name(shown(text)))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ItemId {
    /// The longest id a publisher may choose: what is derived from it, such as the id of a replay, must fit as well.
    pub(crate) const LONGEST_GIVEN: usize = 96;
    const LONGEST: usize = 128;

    /// The id, if `text` is one.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        if (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Id(shown(text)))
        }
    }

    /// A new one that no other has: a ULID, which sorts by the time it was made.
    #[must_use]
    pub fn unique() -> Self {
        let mut text = [0; ulid::ULID_LEN];
        Self(Arc::from(&*ulid::Ulid::generate().array_to_str(&mut text)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is quoted of a wrong text.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ItemId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Name(text) => {
                write!(f, "{text:?} is no name: use 1 to 64 of the characters A-Z a-z 0-9 _ -")
            }
            NameError::Id(text) => write!(f, "{text:?} is no id: use 1 to 96 visible ASCII characters"),
        }
    }
}

impl std::error::Error for NameError {}
