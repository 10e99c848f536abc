//! What a look at a broker finds before anything depends on it.

use std::fmt;

/// Something about a broker that its operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found, naming what it was found on.
    pub what: String,
    /// How to mend it; empty if there is nothing to mend.
    pub cure: String,
}

/// How bad a [`Finding`] is. The worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Notes,
    /// Works, and will surprise somebody.
    Warns,
    /// Endangers the promise that nothing is lost, or keeps work from being done.
    Endangers,
}

impl Finding {
    /// Something that endangers what is promised.
    pub fn endangers(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Endangers, what: what.into(), cure: cure.into() }
    }

    /// Something that will surprise somebody.
    pub fn warns(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Warns, what: what.into(), cure: cure.into() }
    }

    /// Something good to know.
    pub fn notes(what: impl Into<String>) -> Self {
        Self { severity: Severity::Notes, what: what.into(), cure: String::new() }
    }
}

impl Severity {
    /// `endangers`, `warns` or `notes`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Endangers => "endangers",
            Severity::Warns => "warns",
            Severity::Notes => "notes",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity.name(), self.what)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}
