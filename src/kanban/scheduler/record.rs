//! What is remembered of a schedule across restarts: a note in the broker.

use serde::{Deserialize, Serialize};

use super::covered::Covered;
use super::schedule::Schedule;
use super::status::Origin;
use crate::time::Timestamp;

/// Names of notes about schedules begin with this.
pub(super) const PREFIX: &str = "schedule_";

/// The name of the note about a schedule. It is a valid name, since those of schedules are short.
pub(super) fn note_name(schedule: &str) -> String {
    format!("{PREFIX}{schedule}")
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) schedule: Schedule,
    pub(super) origin: Origin,
    pub(super) paused: bool,
    /// What was dealt with.
    pub(super) covered: Covered,
    /// The last tick that was published.
    pub(super) last: Option<Timestamp>,
    /// A tick whose publication has begun and not ended: it is published again, with the same ids.
    pub(super) begun: Option<Timestamp>,
    /// Whether the canary of that tick has succeeded, or it has none.
    pub(super) is_out: bool,
    /// The numbers of the items of the last tick that were not finished.
    pub(super) unfinished: Vec<u32>,
}

impl Record {
    pub(super) fn write(&self) -> Vec<u8> {
        // Plain data without maps of odd keys: nothing in it can fail. If it did, an empty note is one that cannot be read.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The note, or what is wrong with it.
    pub(super) fn read(name: &str, note: &[u8]) -> Result<Self, String> {
        let record: Record = serde_json::from_slice(note).map_err(|error| error.to_string())?;
        if note_name(record.schedule.name.as_str()) != name {
            return Err(format!("it is about another schedule, {}", record.schedule.name));
        }
        if record.covered.is_sound() { Ok(record) } else { Err("its ticks are out of order".to_owned()) }
    }
}
