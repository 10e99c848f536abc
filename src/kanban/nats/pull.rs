//! Pulling: what came is taken, and what more is wanted is asked for; nothing is waited for.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, HeaderValue};

use super::Nats;
use super::decode::{self, Place};
use super::desk::{Arrived, Loan, Request};
use super::exchange::Command;
use super::session::lent;
use super::tally::{self, Lent, Tally};
use super::topology;
use crate::kanban::broker::{BrokerError, Delivery, Ticket, Want};
use crate::kanban::item::Lane;
use crate::time::Deadline;

impl Nats {
    pub(super) fn take(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let deadline = Deadline::after(within);
        self.mend(wants, &deadline)?;
        self.look_at_suspects(wants, &deadline)?;
        let mut came = Vec::new();
        let mut in_time = true;
        for (lane, want, ended) in self.take_here(wants, &mut came)? {
            in_time &= ended.recv_timeout(deadline.left()) != Err(oneshot::RecvTimeoutError::Timeout);
            let now = self.talk.time.now();
            let mut desk = self.talk.desk.lock();
            let taken = desk.take(lane, want.most, now);
            came.extend(taken.into_iter().map(|arrived| (lane, want.lane, arrived)));
            let more = desk.request(lane, now);
            drop(desk);
            if let Some(request) = more {
                self.ask(request);
            }
        }
        if came.is_empty() && !in_time {
            return Err(BrokerError::TimedOut(within));
        }
        Ok(self.deliveries(came, deadline.left()))
    }

    /// Takes what is here already, and asks for the rest; of lanes about which nothing is known the server's word is to be waited for.
    fn take_here<'w>(
        &self,
        wants: &[Want<'w>],
        came: &mut Vec<(usize, &'w Lane, Arrived)>,
    ) -> Result<Vec<(usize, Want<'w>, oneshot::Receiver<()>)>, BrokerError> {
        let now = self.talk.time.now();
        let (mut requests, mut unknown) = (Vec::new(), Vec::new());
        {
            let mut desk = self.talk.desk.lock();
            desk.usable()?;
            for want in wants {
                let Some(lane) = desk.lane_of(&want.lane.subject()) else { continue };
                let taken = desk.take(lane, want.most, now);
                let first = if taken.is_empty() { desk.request_now(lane, now) } else { None };
                came.extend(taken.into_iter().map(|arrived| (lane, want.lane, arrived)));
                match first {
                    Some((request, ended)) => {
                        requests.push(request);
                        unknown.push((lane, *want, ended));
                    }
                    None => requests.extend(desk.request(lane, now)),
                }
            }
        }
        for request in requests {
            self.ask(request);
        }
        Ok(unknown)
    }

    fn ask(&self, request: Request) {
        if !self.talk.try_command(Command::Ask(request)) {
            // So busy a thread is asked again later.
            let now = self.talk.time.now();
            self.talk.desk.lock().ended(request.lane, request.number, Some(request.count), None, now);
        }
    }

    fn deliveries(&self, came: Vec<(usize, &Lane, Arrived)>, within: Duration) -> Vec<Delivery> {
        // What has no such reply was left aside when it came.
        let lent = |arrived: &Arrived| arrived.message.reply.as_deref().and_then(lent);
        let came: Vec<_> = came
            .into_iter()
            .filter_map(|(at, lane, arrived)| lent(&arrived).map(|of| (at, lane, arrived, of)))
            .collect();
        let tallies = self.tallies(&came.iter().map(|(.., of)| *of).collect::<Vec<_>>(), within);
        let deliver = |((at, lane, arrived, of), tally): ((usize, &Lane, Arrived, Lent), Option<Tally>)| {
            let Arrived { message, at: since } = arrived;
            let place = Place { stream: &self.settings.stream, sequence: of.sequence, stored: of.stored };
            let headers: Vec<_> = message.headers.iter().flat_map(HeaderMap::iter).map(joined).collect();
            let fields = headers.iter().map(|(name, value)| (*name, value.as_ref()));
            let (item, fault) = decode::item(lane, place, fields, message.payload);
            let until = since.after(self.settings.lease);
            let reply = message.reply.unwrap_or_else(|| "".into());
            let number = self.talk.desk.lock().lend(Loan { lane: at, of, tally, reply, until });
            let releases = tally.map_or(0, |tally| tally.releases);
            Delivery {
                ticket: Ticket::new(self.generation, number),
                item: Arc::new(item),
                deliveries: of.delivered.saturating_sub(releases).max(1),
                failures: tally.map(|tally| tally.failures),
                fault,
            }
        };
        came.into_iter().zip(tallies).map(deliver).collect()
    }

    /// What is known of messages that were delivered before; asked for where it is not known here.
    fn tallies(&self, of: &[Lent], within: Duration) -> Vec<Option<Tally>> {
        let mut tallies: Vec<_> = {
            let desk = self.talk.desk.lock();
            of.iter().map(|of| desk.tally(*of)).collect()
        };
        let unknown: Vec<usize> = (0..of.len()).filter(|at| tallies[*at].is_none()).collect();
        if !unknown.is_empty() {
            let asked = unknown.iter().map(|at| tally::read(&self.settings, of[*at])).collect();
            let replies = self.talk.exchange(asked, false, within);
            for (at, reply) in unknown.into_iter().zip(replies) {
                tallies[at] = tally::answered(reply, of[at]);
            }
        }
        tallies
    }

    /// Lanes whose requests the server refused: their consumers are looked at, and made anew if they are gone.
    fn mend(&self, wants: &[Want<'_>], deadline: &Deadline) -> Result<(), BrokerError> {
        let mut troubles = Vec::new();
        {
            let mut desk = self.talk.desk.lock();
            for want in wants {
                if let Some(at) = desk.lane_of(&want.lane.subject())
                    && let Some(trouble) = desk.lanes[at].trouble.take()
                {
                    troubles.push((at, want.lane, trouble));
                }
            }
        }
        for (at, lane, trouble) in troubles {
            if let Err(error) = topology::consumer(&self.talk, &self.settings, lane, deadline) {
                self.talk.desk.lock().lanes[at].trouble = Some(trouble);
                return Err(error);
            }
            tracing::warn!(lane = %lane.subject(), %trouble, "NATS refused a request for items");
        }
        Ok(())
    }
}

/// A header with all its values.
fn joined<'h>((name, values): (&'h HeaderName, &'h Vec<HeaderValue>)) -> (&'h str, Cow<'h, str>) {
    let value = match &values[..] {
        [value] => Cow::Borrowed(value.as_str()),
        values => Cow::Owned(values.iter().map(HeaderValue::as_str).collect::<Vec<_>>().join(", ")),
    };
    (name.as_ref(), value)
}
