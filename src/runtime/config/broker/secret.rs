//! A secret, or where it is found.

use std::fmt;
use std::fs::File;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// No secret is longer.
const LONGEST: u64 = 64 << 10;

/// A password or the like: itself, or `env:NAME`, or `file:PATH`. `Debug` shows the latter two, and nothing of the first.
///
/// It is looked up when a broker is opened, not when the configuration is read.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From what stands in the configuration.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself; of a file, without the end of its last line.
    ///
    /// # Errors
    /// What is wrong with the place it should be found at, and what would help.
    pub fn look_up(&self) -> Result<String, String> {
        if let Some(name) = self.0.strip_prefix("env:") {
            return std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => {
                    format!("there is no variable {name} in the environment: set it")
                }
                std::env::VarError::NotUnicode(_) => format!("the variable {name} is not UTF-8"),
            });
        }
        let Some(path) = self.0.strip_prefix("file:") else { return Ok(self.0.clone()) };
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        read.map_err(|error| format!("the file {path} cannot be read ({error}): make it readable"))?;
        if text.len() as u64 > LONGEST {
            return Err(format!("the file {path} is larger than 64 KiB: it is no secret"));
        }
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
    }

    pub(in crate::runtime::config) fn is_empty(&self) -> bool {
        matches!(self.0.as_str(), "" | "env:" | "file:")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_place = self.0.starts_with("env:") || self.0.starts_with("file:");
        f.write_str(if is_place { &self.0 } else { ".." })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Text)
    }
}

/// What is no text is not shown in the error either: a password may be a number.
struct Text;

impl Text {
    fn no_text<E: Error>(&self) -> Result<Secret, E> {
        Err(E::invalid_type(Unexpected::Other("no text"), self))
    }
}

impl Visitor<'_> for Text {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string in quotes: the secret, \"env:NAME\" or \"file:PATH\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        self.no_text()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        self.no_text()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        self.no_text()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        self.no_text()
    }
}
