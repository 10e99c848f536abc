//! What is kept beside the items: dead letters and notes. And how much there is of everything.

use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::stream::RawMessage;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nats;
use super::decode::{self, Place};
use super::exchange::{Reply, Say};
use super::{headers, names, replies, topology};
use crate::kanban::broker::{BrokerError, DeadLetter, Depth, PublishError};
use crate::kanban::item::Lane;
use crate::time::{Deadline, Timestamp};

const NO_MESSAGE: u64 = 10037;
/// A sequence that never was, or is not any more.
const NO_SEQUENCE: u64 = 10043;
const NOT_DELETED: u64 = 10057;

#[derive(Deserialize)]
struct Got {
    message: RawMessage,
}

/// A message as it is stored.
pub(super) struct Kept {
    pub(super) sequence: u64,
    pub(super) subject: String,
    pub(super) stored: u64,
    /// The block of headers.
    pub(super) block: Vec<u8>,
    pub(super) payload: Bytes,
}

/// The stored message that was asked for, if there is one.
pub(super) fn read(answer: &Message) -> Result<Option<Kept>, BrokerError> {
    let got = match replies::answer::<Got>(answer)? {
        Ok(Got { message }) => message,
        Err(error) if error.error_code().0 == NO_MESSAGE => return Ok(None),
        Err(error) => return Err(replies::refused(&error)),
    };
    let decoded = |text: &str| {
        let wrong = |error| BrokerError::Refused(format!("NATS: a message that is no base64: {error}"));
        STANDARD.decode(text).map_err(wrong)
    };
    let block = decoded(got.headers.as_deref().unwrap_or_default())?;
    Ok(Some(Kept {
        sequence: got.sequence,
        subject: got.subject,
        stored: u64::try_from(got.time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        block,
        payload: decoded(&got.payload)?.into(),
    }))
}

/// Asks for the first message from this sequence on, of this subject.
fn next_by(from: u64, subject: &str) -> String {
    json!({ "seq": from, "next_by_subj": subject }).to_string()
}

fn published(lane: &Lane, stream: &str, kept: &Kept) -> Timestamp {
    let Kept { sequence, stored, block, payload, .. } = kept;
    let fields = headers::read(block).unwrap_or_default();
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let place = Place { stream, sequence: *sequence, stored: *stored };
    decode::item(lane, place, fields, payload.clone()).0.published
}

impl Nats {
    /// The first message of a stream from this sequence on, of this subject.
    pub(super) fn next_kept(
        &self,
        stream: &str,
        from: u64,
        subject: &str,
        within: Duration,
    ) -> Result<Option<Kept>, BrokerError> {
        read(&self.talk.say(&format!("$JS.API.STREAM.MSG.GET.{stream}"), next_by(from, subject), within)?)
    }

    fn letter_of(&self, kept: Kept) -> DeadLetter {
        let Kept { sequence, subject, stored, block, payload } = kept;
        let stream = &self.settings.dead_letter_stream;
        let fields = if block.is_empty() { Vec::new() } else { headers::read(&block).unwrap_or_default() };
        // Whatever else somebody put there is shown as if it were of some lane.
        let lane = names::lane_of(&subject).unwrap_or_else(|| self.nowhere.clone());
        decode::letter(&lane, Place { stream, sequence, stored }, &fields, payload)
    }

    pub(super) fn letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        let deadline = Deadline::after(within);
        let stream = &self.settings.dead_letter_stream;
        let (mut from, mut letters) = (after.saturating_add(1), Vec::new());
        while letters.len() < most {
            let Some(kept) = self.next_kept(stream, from, names::LETTERS, deadline.left())? else { break };
            from = kept.sequence + 1;
            letters.push(self.letter_of(kept));
        }
        Ok(letters)
    }

    pub(super) fn letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        let deadline = Deadline::after(within);
        let count = self.messages(&self.settings.dead_letter_stream, deadline.left())?;
        if count == 0 {
            return Ok((0, None));
        }
        Ok((count, self.letters(0, 1, deadline.left())?.first().map(|letter| letter.at)))
    }

    pub(super) fn remove_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.delete(&self.settings.dead_letter_stream, serial, within)
    }

    /// Removes a message; tells whether it was there.
    pub(super) fn delete(&self, stream: &str, sequence: u64, within: Duration) -> Result<bool, BrokerError> {
        let request = json!({ "seq": sequence, "no_erase": true }).to_string();
        match self.talk.api::<Value>(&format!("STREAM.MSG.DELETE.{stream}"), request, within)? {
            Ok(answer) => Ok(answer["success"] == json!(true)),
            Err(error) if matches!(error.error_code().0, NO_MESSAGE | NO_SEQUENCE | NOT_DELETED) => Ok(false),
            Err(error) => Err(replies::refused(&error)),
        }
    }

    /// How many messages a stream has.
    pub(super) fn messages(&self, stream: &str, within: Duration) -> Result<u64, BrokerError> {
        let gone = || {
            BrokerError::Unavailable(format!(
                "NATS: the stream {stream} is gone: restart heijunka to create it anew"
            ))
        };
        let info = topology::look(&self.talk, stream, within)?.ok_or_else(gone)?;
        Ok(info["state"]["messages"].as_u64().unwrap_or(0))
    }

    pub(super) fn write_note(
        &self,
        name: &str,
        note: Option<&[u8]>,
        within: Duration,
    ) -> Result<(), BrokerError> {
        let Some(note) = note else {
            let request = json!({ "filter": names::note(name) }).to_string();
            let purge = format!("STREAM.PURGE.{}", self.settings.notes_stream);
            return self.talk.ask::<Value>(&purge, request, within).map(|_| ());
        };
        let payload = Bytes::copy_from_slice(note);
        let say = Say { subject: names::note(name).into(), headers: None, payload };
        let reply = self.talk.exchange(vec![say.into()], false, within).pop();
        let reply = reply.unwrap_or(Reply::Unanswered(BrokerError::TimedOut(within)));
        match replies::stored(reply) {
            Ok(_) => Ok(()),
            Err(PublishError::NotStored(error) | PublishError::Unknown(error)) => Err(error),
            Err(PublishError::Invalid(error)) => Err(BrokerError::Refused(error.to_string())),
        }
    }

    pub(super) fn all_notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        let deadline = Deadline::after(within);
        let (mut from, mut notes) = (1, Vec::new());
        let stream = &self.settings.notes_stream;
        while let Some(kept) = self.next_kept(stream, from, names::NOTES, deadline.left())? {
            from = kept.sequence + 1;
            let name = kept.subject.split_once('.').map_or("", |(_, name)| name);
            notes.push((name.to_owned(), kept.payload));
        }
        notes.sort();
        Ok(notes)
    }

    pub(super) fn depth_of(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        let deadline = Deadline::after(within);
        let (stream, subject) = (&self.settings.stream, lane.subject());
        // Both at once: over a long way the answers take their time, and the consumer waits for them.
        let info = (format!("CONSUMER.INFO.{stream}.{}", names::consumer(lane)), String::new());
        let first = (format!("STREAM.MSG.GET.{stream}"), next_by(1, &subject));
        let mut answers = self.talk.ask_at_once(vec![info, first], deadline.left()).into_iter();
        let (Some(info), Some(first)) = (answers.next(), answers.next()) else {
            return Err(BrokerError::TimedOut(within));
        };
        let info = replies::answer::<Value>(&info?)?.map_err(|error| replies::refused(&error))?;
        let first = read(&first?)?;
        let pending = info["num_pending"].as_u64().unwrap_or(0);
        let delivered = info["num_ack_pending"].as_u64().unwrap_or(0);
        let (here, buffered) = {
            let desk = self.talk.desk.lock();
            let now = self.talk.time.now();
            let of = |at| (desk.on_loan(at, now), desk.buffered(at));
            desk.lane_of(&subject).map_or((0, 0), of)
        };
        let unsettled = here.min(delivered);
        let buffered = buffered.min(delivered - unsettled);
        let number = |of: &str| info[of]["stream_seq"].as_u64().unwrap_or(0);
        let mut oldest = None;
        if pending > 0 {
            let from = number("delivered") + 1;
            oldest = match &first {
                Some(first) if first.sequence >= from => Some(published(lane, stream, first)),
                _ => {
                    let kept = self.next_kept(stream, from, &subject, deadline.left())?;
                    kept.map(|kept| published(lane, stream, &kept))
                }
            };
        }
        // Of what was delivered, everything is settled if nothing is unsettled.
        let settled = if delivered == 0 { number("delivered") } else { number("ack_floor") };
        let known = pending + delivered;
        let remnants = self.remnants(lane, first, settled, known, &deadline)?;
        // What others hold cannot be told from what waits for its time.
        let delayed = delivered - unsettled - buffered + remnants;
        Ok(Depth { ready: pending + buffered, delayed, unsettled, oldest })
    }
}
