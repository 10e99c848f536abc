//! Why a request was not done: a status, a sentence, and what would help.

use std::fmt;

use serde::Serialize;

use super::response::Response;

/// Why a request was not done. Sent as `{"error": …, "hint": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(skip)]
    status: u16,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    header: Option<(&'static str, String)>,
}

impl Problem {
    /// A problem with this HTTP status, in words.
    pub fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: None, header: None }
    }

    /// The request itself is wrong: 400.
    pub fn bad(error: impl Into<String>) -> Self {
        Self::new(400, error)
    }

    /// Says what would help.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Which methods there are instead.
    pub(super) fn allow(self, methods: String) -> Self {
        Self { header: Some(("allow", methods)), ..self }
    }

    /// By what a client makes itself known.
    pub(super) fn authenticate(self) -> Self {
        Self { header: Some(("www-authenticate", "Bearer realm=\"heijunka\"".to_owned())), ..self }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn response(&self) -> Response {
        let response = Response::json(self).status(self.status);
        match &self.header {
            Some((name, value)) => response.header(name, value.clone()),
            None => response,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}
