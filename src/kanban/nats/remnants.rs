//! Messages that the stream has and its consumer does not know any more.
//!
//! A server that was killed may have written down that a message is settled, and not yet that it is removed. Restarted, it keeps the message for
//! ever and delivers it to nobody (seen with nats-server 2.9.10). Most likely such an item is done. As nobody can prove it, it is published once
//! more, under its id, and only then removed: whoever has seen it acknowledges it without running it.

use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, HeaderValue};

use super::Nats;
use super::decode::Place;
use super::exchange::{Reply, Say};
use super::headers::{self, ID, MESSAGE_ID, PUBLISHED};
use super::kept::Kept;
use super::replies;
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;
use crate::time::Deadline;

/// A message below what is settled that is still there after so long is no removal under way.
const SURE: Duration = Duration::from_secs(5);

/// How many are published again at once.
const AT_ONCE: usize = 200;

impl Nats {
    /// Looks for remnants of a lane of which everything up to `floor` is settled, now and then; tells how many were published again.
    pub(super) fn reclaim(&self, lane: &Lane, floor: u64, deadline: &Deadline) -> Result<usize, BrokerError> {
        let now = self.talk.time.now();
        let Some(at) = self.talk.desk.lock().lane_of(&lane.subject()) else { return Ok(0) };
        let (looked, suspected) = {
            let desk = self.talk.desk.lock();
            (desk.lanes[at].looked, desk.lanes[at].remnant)
        };
        if looked.is_some_and(|looked| now.since(looked) < SURE) {
            return Ok(0);
        }
        let first = self.next_kept(&self.settings.stream, 1, &lane.subject(), deadline.left())?;
        let first = first.filter(|kept| kept.sequence <= floor);
        {
            let mut desk = self.talk.desk.lock();
            desk.lanes[at].looked = Some(now);
            desk.lanes[at].remnant = first.as_ref().map(|kept| kept.sequence);
        }
        let (Some(first), Some(suspected)) = (first, suspected) else { return Ok(0) };
        if first.sequence != suspected {
            return Ok(0);
        }
        let (mut next, mut count) = (Some(first), 0);
        while let Some(kept) = next.filter(|kept| kept.sequence <= floor && count < AT_ONCE) {
            let from = kept.sequence + 1;
            self.publish_again(lane, kept, deadline)?;
            count += 1;
            next = self.next_kept(&self.settings.stream, from, &lane.subject(), deadline.left())?;
        }
        tracing::warn!(lane = %lane.subject(), count, "messages that NATS kept and delivered to nobody were published again");
        // The next may be looked at at once.
        self.talk.desk.lock().lanes[at].looked = None;
        Ok(count)
    }

    fn publish_again(&self, lane: &Lane, kept: Kept, deadline: &Deadline) -> Result<(), BrokerError> {
        let stream = &self.settings.stream;
        let sequence = kept.sequence;
        let place = Place { stream, sequence, stored: kept.stored };
        let fields = if kept.block.is_empty() { Ok(Vec::new()) } else { headers::read(&kept.block) };
        let fields = match fields {
            Ok(fields) => fields,
            Err(why) => return self.bury_unread(lane, kept, &why, deadline),
        };
        let mut headers = HeaderMap::new();
        let mut put = |name: &str, value: &str| {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.append(name, value);
            }
        };
        let has = |wanted: &str| fields.iter().any(|(name, _)| name == wanted);
        if !has(ID) {
            put(ID, place.id().as_str());
        }
        if !has(PUBLISHED) {
            put(PUBLISHED, &kept.stored.to_string());
        }
        for (name, value) in fields.iter().filter(|(name, _)| name != MESSAGE_ID) {
            put(name, value);
        }
        // Its own id would be taken for a duplicate of itself; this one is the same for every process that finds it.
        put(MESSAGE_ID, &format!("{stream}:{sequence}:again"));
        let say = Say { subject: lane.subject().into(), headers: Some(headers), payload: kept.payload };
        let within = deadline.left();
        let reply = self.talk.exchange(vec![say.into()], true, within).pop();
        let stored = replies::stored(reply.unwrap_or(Reply::Unanswered(BrokerError::TimedOut(within))));
        stored.map_err(|error| {
            BrokerError::Unavailable(format!("NATS: an item was not published again: {error}"))
        })?;
        self.delete(stream, sequence, deadline.left()).map(|_| ())
    }
}
