//! Which lanes hold items, whoever consumes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Nats, names};
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;
use crate::time::Deadline;

impl Nats {
    /// The lanes that hold items, as the stream lists its subjects. In a stream that is a work queue these are all that are not done
    /// with, delivered and delayed ones included: which of them are ready only their consumers know, if there are any.
    ///
    /// The server lists 100 000 subjects at a time.
    pub(super) fn holding(&self, within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        let deadline = Deadline::after(within);
        let what = format!("STREAM.INFO.{}", self.settings.stream);
        let mut lanes: BTreeMap<String, u64> = BTreeMap::new();
        let mut offset = 0;
        loop {
            let request = json!({ "subjects_filter": names::ITEMS, "offset": offset }).to_string();
            let info: Value = self.talk.ask(&what, request, deadline.left())?;
            let listed = info["state"]["subjects"].as_object();
            let listed = listed.into_iter().flatten();
            let before = offset;
            for (subject, count) in listed {
                offset += 1;
                lanes.insert(subject.clone(), count.as_u64().unwrap_or(0));
            }
            if offset == before || offset >= info["total"].as_u64().unwrap_or(0) {
                break;
            }
        }
        let of = |(subject, count): (String, u64)| Some((names::lane_of(&subject)?, count));
        Ok(lanes.into_iter().filter_map(of).collect())
    }
}
