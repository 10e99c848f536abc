//! Dead letters, and what is done with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::payload;
use crate::kanban::DeadLetter;
use crate::time::Timestamp;

/// A dead letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Its number among the dead letters.
    pub serial: u64,
    /// Whose item it was.
    pub domain: String,
    /// How urgent.
    pub priority: String,
    /// Its id.
    pub id: String,
    /// The id it was first published with, if it is another one: it was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_id: Option<String>,
    /// How often it was replayed.
    #[serde(default)]
    pub replays: u32,
    /// Why it died, in a word.
    pub reason: String,
    /// The last error.
    pub error: String,
    /// How often its handler was tried.
    pub attempts: u32,
    /// When it died.
    pub at: Timestamp,
    /// When it was published.
    pub published: Timestamp,
    /// Until when it was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What it is routed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What else is told with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Bytes of its payload.
    pub size: u64,
    /// The payload, if it is text and was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The payload, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
}

impl Letter {
    /// What is told of it in a list: all but the payload.
    #[must_use]
    pub fn listed(letter: &DeadLetter) -> Self {
        let item = &letter.item;
        Self {
            serial: letter.serial,
            domain: item.lane.domain.as_str().to_owned(),
            priority: item.lane.priority.name().to_owned(),
            id: item.id.as_str().to_owned(),
            original_id: (item.original_id() != item.id.as_str()).then(|| item.original_id().to_owned()),
            replays: item.replays(),
            reason: letter.reason.clone(),
            error: letter.error.clone(),
            attempts: letter.attempts,
            at: letter.at,
            published: item.published,
            deadline: item.deadline,
            key: item.key.as_deref().map(str::to_owned),
            headers: item.headers.clone(),
            size: item.payload.len() as u64,
            payload: None,
            payload_base64: None,
        }
    }

    /// All of it.
    #[must_use]
    pub fn shown(letter: &DeadLetter) -> Self {
        let (payload, payload_base64) = payload::write(&letter.item.payload);
        Self { payload, payload_base64, ..Self::listed(letter) }
    }
}

/// Some dead letters, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letters {
    /// They.
    pub letters: Vec<Letter>,
    /// How many there are in all, whatever was asked for.
    pub count: u64,
    /// What to ask for the next ones after; `None` if there are no more.
    #[serde(default)]
    pub next: Option<u64>,
}

/// Which dead letters are meant. An empty one means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Those of this domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Those that died for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Those of a number above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
}

/// To publish dead letters again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Which.
    #[serde(default)]
    pub filter: Filter,
    /// Only tell what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// At most so many per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// Even those whose replay is not advised: undecodable, or replayed too often.
    #[serde(default)]
    pub force: bool,
}

/// To remove dead letters for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Which.
    #[serde(default)]
    pub filter: Filter,
    /// Only tell what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// How a replay or a drop goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterLine {
    /// What became of one of them.
    Letter(Fate),
    /// The last line: there are no more.
    Done(Counted),
}

/// What became of a dead letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// Its number.
    pub serial: u64,
    /// Its domain.
    pub domain: String,
    /// Its id.
    pub id: String,
    /// Whether it was done, or would be.
    pub done: bool,
    /// What was done, or why not, in words: such as the id of the replay.
    pub told: String,
}

/// What became of them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Replayed or dropped, or would be.
    pub done: u64,
    /// Left out, since it is not advised.
    pub skipped: u64,
    /// Not done, though wanted.
    pub failed: u64,
}
