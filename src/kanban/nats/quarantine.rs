//! Messages that cannot be taken: their headers are not what the protocol says, and the client gives up the connection at each delivery.
//!
//! Nothing tells which message it was. But it stays delivered and unsettled, so it is found among the oldest of these: they are
//! read as data, which carries any headers, and what is wrong is kept as a dead letter and removed.

use super::Nats;
use super::decode::{self, Place};
use super::exchange::{Reply, Say};
use super::kept::Kept;
use super::{headers, names, replies};
use crate::kanban::broker::{BrokerError, Death, Want};
use crate::kanban::item::Lane;
use crate::time::Deadline;

use serde_json::Value;

/// Messages that are looked at after one loss; the oldest first, so each loss comes nearer.
const AT_MOST: usize = 256;

impl Nats {
    /// Looks at lanes that asked for items when the connection was lost to a server that went on.
    pub(super) fn look_at_suspects(
        &self,
        wants: &[Want<'_>],
        deadline: &Deadline,
    ) -> Result<(), BrokerError> {
        for want in wants {
            let is_suspect = {
                let desk = self.talk.desk.lock();
                desk.lane_of(&want.lane.subject()).filter(|at| desk.lanes[*at].suspect)
            };
            if let Some(at) = is_suspect {
                self.quarantine(want.lane, deadline)?;
                self.talk.desk.lock().lanes[at].suspect = false;
            }
        }
        Ok(())
    }

    fn quarantine(&self, lane: &Lane, deadline: &Deadline) -> Result<(), BrokerError> {
        let stream = &self.settings.stream;
        let info = format!("CONSUMER.INFO.{stream}.{}", names::consumer(lane));
        let info: Value = self.talk.ask(&info, "", deadline.left())?;
        let sequence = |of: &str| info[of]["stream_seq"].as_u64().unwrap_or(0);
        let (mut from, until) = (sequence("ack_floor") + 1, sequence("delivered"));
        for _ in 0..AT_MOST {
            if from > until {
                break;
            }
            let Some(kept) = self.next_kept(stream, from, &lane.subject(), deadline.left())? else { break };
            if kept.sequence > until {
                break;
            }
            from = kept.sequence + 1;
            if !kept.block.is_empty()
                && let Err(why) = headers::read(&kept.block)
            {
                self.bury_unread(lane, kept, &why, deadline)?;
            }
        }
        Ok(())
    }

    /// First kept among the dead letters, then removed.
    pub(super) fn bury_unread(
        &self,
        lane: &Lane,
        kept: Kept,
        why: &str,
        deadline: &Deadline,
    ) -> Result<(), BrokerError> {
        let Kept { sequence, stored, block, payload, .. } = kept;
        let stream = &self.settings.stream;
        let place = Place { stream, sequence, stored };
        let (item, _) = decode::item(lane, place, std::iter::empty(), payload.clone());
        tracing::error!(id = %item.id, lane = %lane.subject(), why, "a message that cannot be taken goes to the dead letters");
        let error = format!("{why}: {}", String::from_utf8_lossy(&block));
        let at = self.clock.timestamp();
        let death = Death { item: item.into(), reason: "undecodable", error, attempts: 0, at };
        let headers = Some(headers::of_death(&death, lane, &format!("{stream}:{sequence}")));
        let say = Say { subject: names::letter(lane).into(), headers, payload };
        let within = deadline.left();
        let reply = self.talk.exchange(vec![say.into()], false, within).pop();
        let stored = replies::stored(reply.unwrap_or(Reply::Unanswered(BrokerError::TimedOut(within))));
        stored
            .map_err(|error| BrokerError::Unavailable(format!("NATS: a dead letter is not kept: {error}")))?;
        self.delete(stream, sequence, deadline.left()).map(|_| ())
    }
}
