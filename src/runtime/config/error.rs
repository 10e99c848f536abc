//! What a wrong configuration is refused with: where, what is wrong, and what would be right.

use std::fmt;

use super::fault::Fault;

/// A configuration that was refused. One line when displayed: `PLACE: FAULT; CURE`.
///
/// ```
/// let error = heijunka::Config::from_toml("heijunka.toml", "[pools.payment]\nmin_workers = 51").unwrap_err();
/// assert_eq!(error.place(), Some("heijunka.toml:2:15"));
/// assert_eq!(error.path(), "pools.payment.min_workers");
/// assert_eq!(error.fault(), "pools.payment.min_workers is 51, above 50");
/// assert_eq!(error.cure(), "set it to a whole number from 1 to 50");
/// assert_eq!(error.to_string(), format!("heijunka.toml:2:15: {}; {}", error.fault(), error.cure()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError(Box<Refusal>);

// Boxed: an error that is rare should not widen every `Result` it travels in.
#[derive(Clone, PartialEq, Eq)]
struct Refusal {
    place: Option<String>,
    path: String,
    fault: String,
    cure: String,
}

impl ConfigError {
    /// A refusal of the text at `place` as a whole: of no setting in particular.
    pub(super) fn of_text(place: String, fault: impl Into<String>, cure: impl Into<String>) -> Self {
        Self(Box::new(Refusal {
            place: Some(place),
            path: String::new(),
            fault: fault.into(),
            cure: cure.into(),
        }))
    }

    /// A refusal of one setting, written at `place`, or in code if there is none.
    pub(super) fn of_setting(place: Option<String>, fault: &Fault) -> Self {
        let (said, cure) = fault.explain();
        Self(Box::new(Refusal { place, path: fault.path().to_string(), fault: said, cure }))
    }

    /// Where the fault was written: `heijunka.toml:7:8` (line and column from 1, the column in characters),
    /// `--set admission.hard=0`, or `environment HEIJUNKA_ADMISSION__HARD`. `None` for a configuration built
    /// in code.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// The setting at fault, such as `pools.payment.min_workers`; empty if the text could not be read at all.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What is wrong.
    #[must_use]
    pub fn fault(&self) -> &str {
        &self.0.fault
    }

    /// What would be right.
    #[must_use]
    pub fn cure(&self) -> &str {
        &self.0.cure
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place() {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}; {}", self.fault(), self.cure())
    }
}

/// As displayed: a `main` that returns the error, or an `unwrap` in a test, then prints the clear line.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigError({self})")
    }
}

impl std::error::Error for ConfigError {}
