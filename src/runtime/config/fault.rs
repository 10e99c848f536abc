//! One fault of a configuration: which setting, what is wrong with it, what would be right.
//!
//! Reading and checking report faults by path; only the loader knows where a path was written.

use std::fmt::Display;

use serde::de::{Error, Expected, Unexpected};

use super::path::{Path, Step, quoted};
use super::setting::{number_bounds, whole_bounds};
use super::suggest::did_you_mean;

#[derive(Debug)]
pub(super) struct Fault {
    path: Path,
    /// The other side of a broken relation: it may be the one that somebody wrote.
    against: Option<Path>,
    /// Whether the key is at fault rather than its value.
    is_about_key: bool,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    UnknownKey { known: &'static [&'static str] },
    UnknownWord { found: String, known: &'static [&'static str] },
    WrongValue { found: String, expected: String },
    Other { fault: String, cure: String },
}

impl Fault {
    /// A fault told as `PATH fault`, with its cure.
    pub(super) fn new(path: Path, fault: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::with(path, Problem::Other { fault: fault.into(), cure: cure.into() })
    }

    fn with(path: Path, problem: Problem) -> Self {
        Self { path, against: None, is_about_key: false, problem }
    }

    pub(super) fn about_key(self) -> Self {
        Self { is_about_key: true, ..self }
    }

    pub(super) fn against(mut self, other: Path) -> Self {
        self.against = Some(other);
        self
    }

    pub(super) fn within(mut self, outer: Step) -> Self {
        self.against = self.against.map(|path| path.within(outer.clone()));
        self.path = self.path.within(outer);
        self
    }

    /// A value that is none of the `known` words.
    pub(super) fn unknown_word(found: Unexpected<'_>, known: &'static [&'static str]) -> Self {
        Self::with(Path::default(), Problem::UnknownWord { found: describe(found), known })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The settings whose place may be shown, the likeliest first.
    pub(super) fn suspects(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.against)
    }

    pub(super) fn is_about_key(&self) -> bool {
        self.is_about_key
    }

    /// What is wrong, and what would be right.
    pub(super) fn explain(&self) -> (String, String) {
        let path = &self.path;
        match &self.problem {
            Problem::Other { fault, cure } => (format!("{path} {fault}"), cure.clone()),
            Problem::UnknownKey { known } => {
                let key = path.keys().last().copied().unwrap_or_default();
                let cure = did_you_mean(key, known.iter().copied());
                let all = || format!("the keys here are {}", list(known));
                (format!("{path} is not a known key"), cure.unwrap_or_else(all))
            }
            Problem::UnknownWord { found, known } => {
                let words: Vec<String> = known.iter().map(|word| quoted(word)).collect();
                (format!("{path} is {found}"), format!("set it to one of {}", list(&words)))
            }
            Problem::WrongValue { found, expected } => {
                let (expected, note) = match (whole_bounds(path), number_bounds(path)) {
                    (Some(whole), _) => {
                        let note = if found.starts_with('-') { " and must not be negative" } else { "" };
                        (format!("a whole number from {} to {}", whole.start(), whole.end()), note)
                    }
                    (_, Some(number)) => {
                        (format!("a number from {} to {}", number.start(), number.end()), "")
                    }
                    _ => (expected.clone(), ""),
                };
                (format!("{path} is {found}{note}"), format!("set it to {expected}"))
            }
        }
    }
}

/// `a, b, c`.
fn list(words: &[impl AsRef<str>]) -> String {
    words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => quoted(text),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Float(value) => format!("{value:?}"),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Other(text) => text.to_owned(),
        other => other.to_string(),
    }
}

/// What serde expects of its own types, in the words of TOML; our own types say it themselves.
fn in_toml(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a boolean" => "true or false".to_owned(),
        "a string" | "path string" => "a string in quotes".to_owned(),
        "a sequence" => "an array of strings, such as [\"a\", \"b\"]".to_owned(),
        "a map" => "a table".to_owned(),
        own => own.to_owned(),
    }
}

impl Error for Fault {
    /// From a pool's `spin` and `idle` only, two keys that make one value: `spin fault; cure`.
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        let (key, said) = message.split_once(' ').unwrap_or(("", &message));
        let (fault, cure) = said.split_once("; ").unwrap_or((said, "see the documentation of this setting"));
        Self::new(Path::new([key]), fault, cure).against(Path::new(["idle"]))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_value(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let problem = Problem::WrongValue { found: describe(found), expected: in_toml(expected) };
        Self::with(Path::default(), problem)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::unknown_word(Unexpected::Str(variant), known)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::with(Path::new([field]), Problem::UnknownKey { known }).about_key()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (fault, cure) = self.explain();
        write!(f, "{fault}; {cure}")
    }
}

impl std::error::Error for Fault {}
