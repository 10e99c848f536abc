//! Messages that the stream has and its consumer does not know any more.
//!
//! A server that was killed may have written down that a message is settled, and not yet that it is removed. Restarted, it keeps the message for
//! ever and delivers it to nobody (seen with nats-server 2.9.10). Most likely such an item is done. As nobody can prove it, it is published once
//! more, under its id, and only then removed: whoever has seen it acknowledges it without running it.
//!
//! Until then it may still have to run, so it counts as one that waits for its time: who drains a lane must not end before. A message whose removal
//! is under way looks the same, and is gone a moment later.

use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::Nats;
use super::decode::Place;
use super::exchange::{Reply, Say};
use super::headers::{self, ID, MESSAGE_ID, PUBLISHED};
use super::kept::Kept;
use super::replies;
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;
use crate::time::{Deadline, Moment};

/// A message below what is settled that is still there after so long is no removal under way.
const SURE: Duration = Duration::from_secs(5);

/// How many are published again at once.
const AT_ONCE: usize = 200;

/// What a process knows of a lane's remnants.
#[derive(Debug, Default)]
pub(super) struct Remnants {
    /// When it was looked for them last.
    looked: Option<Moment>,
    /// Up to where everything was settled when the first of them was seen, and when that was; or when publishing them again failed last.
    seen: Option<(u64, Moment)>,
    /// How many there were.
    count: u64,
}

impl Nats {
    /// How many remnants a lane has of which everything up to `settled` is settled, and whose consumer knows of so many messages. Those that are
    /// there for long are published again.
    ///
    /// `first` is the first message of the lane that is kept, asked for together with `settled`: what was settled in between, is met at the
    /// next look. An idle lane is looked at each time, as it may be taken for empty; another now and then.
    pub(super) fn remnants(
        &self,
        lane: &Lane,
        first: Option<Kept>,
        settled: u64,
        known: u64,
        deadline: &Deadline,
    ) -> Result<u64, BrokerError> {
        let now = self.talk.time.now();
        let (at, seen) = {
            let desk = self.talk.desk.lock();
            let Some(at) = desk.lane_of(&lane.subject()) else { return Ok(0) };
            let Remnants { looked, seen, count } = desk.lanes[at].remnants;
            if known > 0 && looked.is_some_and(|looked| now.since(looked) < SURE) {
                return Ok(count);
            }
            (at, seen)
        };
        let Some(first) = first.filter(|kept| kept.sequence <= settled) else {
            let none = Remnants { looked: Some(now), ..Remnants::default() };
            self.talk.desk.lock().lanes[at].remnants = none;
            return Ok(0);
        };
        // If the first is further on, those that were seen then are gone: they were being removed.
        let seen = seen.filter(|(below, _)| first.sequence <= *below);
        // What is below where the lane was settled that long ago, stayed there that long. (A stream that was made anew counts from 1 again.)
        let sure = seen.filter(|(_, since)| now.since(*since) >= SURE).map(|(below, _)| below.min(settled));
        let mut seen = seen.or(Some((settled, now)));
        if let Some(sure) = sure {
            seen = match self.publish_all_again(lane, first, sure, deadline) {
                // Those that are left are old enough as well; if there are others they are met anew.
                Ok(true) => seen,
                Ok(false) => None,
                Err(error) => {
                    tracing::warn!(lane = %lane.subject(), %error, "messages that NATS keeps and delivers to nobody could not be published again");
                    Some((sure, now))
                }
            };
        }
        // Also when all were published again, as their consumer did not know of the copies when it was asked.
        let count = self.stored_in(lane, deadline)?.saturating_sub(known).max(1);
        let remnants = match seen {
            Some(_) => Remnants { looked: Some(now), seen, count },
            None => Remnants::default(),
        };
        self.talk.desk.lock().lanes[at].remnants = remnants;
        Ok(count)
    }

    /// Publishes remnants again, as many as may be at once; tells whether more are left.
    fn publish_all_again(
        &self,
        lane: &Lane,
        first: Kept,
        sure: u64,
        deadline: &Deadline,
    ) -> Result<bool, BrokerError> {
        // Far away each takes its time, and whoever asked for the depth waits.
        let enough = deadline.left() / 2;
        let (mut next, mut count) = (Some(first), 0);
        while let Some(kept) = next.take_if(|kept| kept.sequence <= sure) {
            if count == AT_ONCE || deadline.left() < enough {
                next = Some(kept);
                break;
            }
            let from = kept.sequence + 1;
            self.publish_again(lane, kept, deadline)?;
            count += 1;
            next = self.next_kept(&self.settings.stream, from, &lane.subject(), deadline.left())?;
        }
        tracing::warn!(lane = %lane.subject(), count, "messages that NATS kept and delivered to nobody were published again");
        Ok(next.is_some_and(|kept| kept.sequence <= sure))
    }

    /// How many messages of a lane its stream has.
    fn stored_in(&self, lane: &Lane, deadline: &Deadline) -> Result<u64, BrokerError> {
        let (what, subject) = (format!("STREAM.INFO.{}", self.settings.stream), lane.subject());
        let request = json!({ "subjects_filter": subject }).to_string();
        let info: Value = self.talk.ask(&what, request, deadline.left())?;
        Ok(info["state"]["subjects"][subject].as_u64().unwrap_or(0))
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
