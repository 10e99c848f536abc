//! What a program is told beside the payload: variables of its environment, and no others.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::error::ProgramError;
use crate::kanban::item::Item;
use crate::kanban::trace::TRACEPARENT;

/// What is passed on of the service's own environment: the rest may be secret.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];

/// What is set for every item, or unset if it has no such thing.
const OF_THE_ITEM: [&str; 9] = [
    "HEIJUNKA_ID",
    "HEIJUNKA_ORIGINAL_ID",
    "HEIJUNKA_DOMAIN",
    "HEIJUNKA_PRIORITY",
    "HEIJUNKA_KEY",
    "HEIJUNKA_ATTEMPT",
    "HEIJUNKA_DELIVERIES",
    "HEIJUNKA_DEADLINE",
    "HEIJUNKA_TIMEOUT_MS",
];

/// What the names of headers are appended to.
const HEADER: &str = "HEIJUNKA_HEADER_";

pub(super) type Variables = BTreeMap<OsString, OsString>;

/// What all items of a program have in common. Read once, so that it does not change under the service.
pub(super) fn common(configured: &BTreeMap<String, String>) -> Result<Variables, ProgramError> {
    let mut variables = Variables::new();
    for name in PASSED_ON {
        variables.extend(std::env::var_os(name).map(|value| (name.into(), value)));
    }
    for (name, value) in configured {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(ProgramError::Variable(name.clone()));
        }
        if OF_THE_ITEM.contains(&name.as_str()) || name.starts_with(HEADER) {
            return Err(ProgramError::Reserved(name.clone()));
        }
        if value.contains('\0') {
            return Err(ProgramError::Nul { place: format!("the variable {name}") });
        }
        variables.insert(name.into(), value.into());
    }
    Ok(variables)
}

/// What one item adds, each a name and a value.
///
/// Headers whose names differ only in case, or in `-` and `_`, are one variable: the last in the order of names wins.
pub(super) fn of_item(
    item: &Item,
    attempt: u32,
    deliveries: u32,
    timeout: Option<Duration>,
) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> =
        item.headers.iter().map(|(name, value)| (header(name), value.clone())).collect();
    let [id, original, domain, priority, key, attempt_name, deliveries_name, deadline, timeout_name] =
        OF_THE_ITEM;
    let mut set =
        |name: &str, value: Option<String>| variables.extend(value.map(|value| (name.to_owned(), value)));
    set(id, Some(item.id.to_string()));
    set(original, Some(item.original_id().to_owned()));
    set(domain, Some(item.lane.domain.to_string()));
    set(priority, Some(item.lane.priority.to_string()));
    set(key, item.key.as_deref().map(str::to_owned));
    set(attempt_name, Some(attempt.to_string()));
    set(deliveries_name, Some(deliveries.to_string()));
    set(deadline, item.deadline.map(|at| at.to_string()));
    set(timeout_name, timeout.map(|left| left.as_millis().to_string()));
    // Under the names that programs look for, and only what is valid.
    if item.trace().is_some() {
        set("TRACEPARENT", item.headers.get(TRACEPARENT).cloned());
        set("TRACESTATE", item.trace_state().map(str::to_owned));
    }
    variables
}

/// The first variable whose value no environment can carry.
pub(super) fn unspeakable(variables: &BTreeMap<String, String>) -> Option<&str> {
    variables.iter().find(|(_, value)| value.contains('\0')).map(|(name, _)| name.as_str())
}

/// The folders in which the program is searched.
pub(super) fn path(variables: &Variables) -> OsString {
    variables.get(OsStr::new("PATH")).cloned().unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

fn header(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    HEADER.chars().chain(name.chars().map(letter)).collect()
}
