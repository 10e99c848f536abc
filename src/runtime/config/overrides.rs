//! What is laid over the file: `--set path=value`, and environment variables.

use std::ffi::{OsStr, OsString};

use toml::de::DeValue;

use super::error::ConfigError;
use super::path::one_line;

const PREFIX: &str = "HEIJUNKA_";
const LEVELS: &str = "__";

const TABLES: [&str; 14] = [
    "admission",
    "domains",
    "pools",
    "groups",
    "control",
    "scaling",
    "health",
    "balance",
    "burst",
    "broker",
    "kanban",
    "schedules",
    "tracing",
    "service",
];

/// What Kubernetes announces of a service, after its name: `heijunka` itself, and `heijunka-control`, would read like tables of
/// ours.
const KUBERNETES: [&str; 3] = ["service_host", "service_port", "port"];

/// No key lies deeper, and a bound keeps what walks the tree from exhausting the stack.
const DEEPEST: usize = 8;

/// One setting given outside the file.
#[derive(Debug, PartialEq)]
pub(super) struct Override {
    /// What an error names it by.
    pub(super) place: String,
    pub(super) keys: Vec<String>,
    /// Shells and orchestrators cannot spell every key, so theirs are matched loosely.
    pub(super) loosely_spelt: bool,
    value: String,
}

impl Override {
    /// From the text after `--set`.
    pub(super) fn from_set(text: &str) -> Result<Self, ConfigError> {
        let place = one_line(&format!("--set {}", without_secret(text)));
        let Some((path, value)) = text.split_once('=') else {
            return Err(ConfigError::of_text(
                place,
                "there is no value",
                "write PATH=VALUE, such as admission.hard=500",
            ));
        };
        let keys = path.splitn(DEEPEST, '.').map(|key| key.trim().to_owned()).collect();
        Self { place, keys, loosely_spelt: false, value: value.trim().to_owned() }.complete()
    }

    /// From an environment variable, if it is one of ours: the prefix, and a double underscore between levels.
    ///
    /// Others with the prefix belong to somebody else: Kubernetes announces a service of that name as
    /// `HEIJUNKA_PORT` and the like. One that reads like a setting with single underscores is a mistake.
    pub(super) fn from_variable(name: &OsStr, value: &OsStr) -> Result<Option<Self>, ConfigError> {
        let Some(path) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { return Ok(None) };
        let place = one_line(&format!("environment {PREFIX}{path}"));
        let path = path.to_lowercase();
        if !path.contains(LEVELS) {
            let setting = TABLES.iter().find_map(|table| path.strip_prefix(table)?.strip_prefix('_'));
            let announced = |name: &str| KUBERNETES.iter().any(|of| name.starts_with(of));
            if announced(&path) || setting.is_none_or(announced) {
                return Ok(None);
            }
            let cure = format!("separate them by two, such as {PREFIX}ADMISSION__HARD");
            return Err(ConfigError::of_text(place, "the levels are separated by one underscore", cure));
        }
        let Some(value) = value.to_str() else {
            return Err(ConfigError::of_text(place, "the value is not UTF-8", "write it in UTF-8"));
        };
        let keys = path.splitn(DEEPEST, LEVELS).map(str::to_owned).collect();
        Self { place, keys, loosely_spelt: true, value: value.trim().to_owned() }.complete().map(Some)
    }

    fn complete(self) -> Result<Self, ConfigError> {
        if self.keys.iter().any(String::is_empty) {
            return Err(ConfigError::of_text(
                self.place,
                "a part of the path is empty",
                "write every level, such as admission.hard",
            ));
        }
        Ok(self)
    }

    /// The value as TOML, and what is not TOML as a string: `spin=30us` needs no quotes.
    pub(super) fn value(&self) -> DeValue<'_> {
        match DeValue::parse(&self.value) {
            Ok(value) => value.into_inner(),
            Err(_) => DeValue::String(self.value.as_str().into()),
        }
    }
}

/// The text after `--set`, to be shown: what is set of a broker elsewhere may be a password, however its key is spelt.
fn without_secret(text: &str) -> String {
    match text.split_once('=') {
        Some((path, _)) if path.trim().starts_with("broker.") && path.split('.').count() > 2 => {
            format!("{path}=..")
        }
        _ => text.to_owned(),
    }
}

/// The variables that are settings, in the order of their names: the environment itself has none.
pub(super) fn from_environment(variables: &[(OsString, OsString)]) -> Result<Vec<Override>, ConfigError> {
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort();
    let read = variables.into_iter().map(|(name, value)| Override::from_variable(name, value));
    read.filter_map(Result::transpose).collect()
}
