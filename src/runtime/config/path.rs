//! The path of a setting, `pools.payment.min_workers`: the name under which a fault finds its place.

use std::borrow::Cow;
use std::fmt;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    pub(super) fn new<S: Into<String>>(keys: impl IntoIterator<Item = S>) -> Self {
        Self(keys.into_iter().map(|key| Step::Key(key.into())).collect())
    }

    pub(super) fn key(mut self, key: &str) -> Self {
        self.0.push(Step::Key(key.to_owned()));
        self
    }

    pub(super) fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// This path, seen from one level further out.
    pub(super) fn within(mut self, outer: Step) -> Self {
        self.0.insert(0, outer);
        self
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The keys, an index standing as an empty one: for matching against patterns.
    pub(super) fn keys(&self) -> Vec<&str> {
        let steps = self.0.iter();
        steps.map(|step| if let Step::Key(key) = step { key.as_str() } else { "" }).collect()
    }

    pub(super) fn starts_with(&self, prefix: &Path) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    f.write_str(if depth == 0 { "" } else { "." })?;
                    f.write_str(&spelt(key))?;
                }
            }
        }
        Ok(())
    }
}

/// A key as TOML writes it: in quotes if it needs them.
pub(super) fn spelt(key: &str) -> Cow<'_, str> {
    let bare = !key.is_empty() && key.chars().count() <= SHOWN && key.chars().all(is_name_character);
    if bare { key.into() } else { quoted(key).into() }
}

/// What names of pools, domains, groups and sub-limits are made of.
pub(super) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// The most characters of a user's text that an error repeats; a legal name fits.
const SHOWN: usize = 64;

/// A user's text for an error: in quotes, on one line, and cut when long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// Somebody else's text for an error: on one line.
pub(super) fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(plain).collect()
}
