//! Settling, and extending leases: each confirmed by the server.

use std::time::Duration;

use bytes::Bytes;

use super::Nats;
use super::desk::{Desk, Loan};
use super::exchange::{Entry, Reply, Say, Then};
use super::tally::{self, Tally};
use super::{headers, names, replies};
use crate::kanban::broker::{BrokerError, Death, Settled, Settlement, Ticket, Verdict};
use crate::time::Moment;

/// What a settlement became on its way.
enum Way {
    Gone,
    Failed(Settlement, BrokerError),
    Sent { settlement: Settlement, number: u64, loan: Loan },
}

impl Nats {
    pub(super) fn end(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        let now = self.talk.time.now();
        let mut entries = Vec::with_capacity(settlements.len());
        let mut ways = Vec::with_capacity(settlements.len());
        {
            let mut desk = self.talk.desk.lock();
            for settlement in settlements {
                ways.push(self.begin(&mut desk, settlement, now, &mut entries));
            }
        }
        if entries.is_empty() {
            return ways.into_iter().map(|way| self.finish(way, None, within)).collect();
        }
        let mut replies = self.talk.exchange(entries, false, within).into_iter();
        let finish = |way: Way| {
            let reply = if matches!(way, Way::Sent { .. }) { replies.next() } else { None };
            self.finish(way, reply, within)
        };
        ways.into_iter().map(finish).collect()
    }

    fn begin(&self, desk: &mut Desk, settlement: Settlement, now: Moment, entries: &mut Vec<Entry>) -> Way {
        if let Err(error) = desk.usable() {
            return Way::Failed(settlement, error);
        }
        let ticket = &settlement.ticket;
        let number = ticket.number();
        if ticket.generation() != self.generation {
            return Way::Gone;
        }
        let Some(loan) = desk.take_loan(number) else { return Way::Gone };
        // Done is done, however late; anything else said about an item that somebody else may have by now would harm it.
        if !matches!(settlement.verdict, Verdict::Ack) && now >= loan.until {
            return Way::Gone;
        }
        entries.push(self.verdict(&settlement.verdict, &loan));
        Way::Sent { settlement, number, loan }
    }

    fn verdict(&self, verdict: &Verdict, loan: &Loan) -> Entry {
        let say = |payload: Bytes| Say { subject: loan.reply.clone(), headers: None, payload };
        let ack = || say(Bytes::from_static(b"+ACK"));
        match verdict {
            Verdict::Ack => ack().into(),
            Verdict::Retry { after } | Verdict::Release { after } => match next_tally(verdict, loan) {
                // Written down first. Should that fail, it costs a delivery, and the item comes again all the same.
                Some(tally) => Entry {
                    first: tally.write(loan.of),
                    then: Some(Then { say: say(nak(*after)), only_if_stored: false }),
                },
                None => say(nak(*after)).into(),
            },
            Verdict::DeadLetter(death) => Entry {
                first: self.letter(death, loan),
                then: Some(Then { say: ack(), only_if_stored: true }),
            },
        }
    }

    /// The dead letter; the same however often it has to be sent.
    fn letter(&self, death: &Death, loan: &Loan) -> Say {
        let lane = &death.item.lane;
        let of = format!("{}:{}", self.settings.stream, loan.of.sequence);
        Say {
            subject: names::letter(lane).into(),
            headers: Some(headers::of_death(death, lane, &of)),
            payload: death.item.payload.clone(),
        }
    }

    fn finish(&self, way: Way, reply: Option<Reply>, within: Duration) -> Settled {
        let (settlement, number, loan) = match way {
            Way::Gone => return Settled::Gone,
            Way::Failed(settlement, error) => return Settled::Failed(settlement, error),
            Way::Sent { settlement, number, loan } => (settlement, number, loan),
        };
        let error = match reply {
            Some(Reply::Answered(message)) if message.status.is_none() => {
                self.ended(&settlement.verdict, &loan);
                return Settled::Done;
            }
            Some(Reply::Answered(_)) => replies::nobody(),
            Some(reply @ Reply::Halted(_)) => match replies::stored(reply) {
                Err(crate::kanban::broker::PublishError::NotStored(error)) => error,
                _ => BrokerError::Refused("NATS did not say that the dead letter is kept".into()),
            },
            Some(Reply::NotSent(error) | Reply::Unanswered(error)) => error,
            None => BrokerError::TimedOut(within),
        };
        self.talk.desk.lock().restore(number, loan);
        Settled::Failed(settlement, error)
    }

    /// It is settled: what was written down of it goes with it, or is remembered for its next delivery.
    fn ended(&self, verdict: &Verdict, loan: &Loan) {
        if let Verdict::Ack | Verdict::DeadLetter(_) = verdict {
            self.talk.desk.lock().forget(loan.of.sequence);
            if loan.of.delivered > 1 && loan.tally != Some(Tally::default()) {
                self.talk.tell(vec![tally::forget(&self.settings, loan.of.sequence)]);
            }
        } else if let Some(tally) = next_tally(verdict, loan) {
            self.talk.desk.lock().note(loan.of, tally);
        }
    }

    pub(super) fn prolong(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        let (mut entries, mut numbers) = (Vec::new(), Vec::new());
        let now = self.talk.time.now();
        {
            let mut desk = self.talk.desk.lock();
            desk.usable()?;
            for ticket in tickets.iter().filter(|ticket| ticket.generation() == self.generation) {
                let Some(loan) = desk.loan(ticket.number()).filter(|loan| now < loan.until) else { continue };
                numbers.push(ticket.number());
                let subject = loan.reply.clone();
                entries.push(Say { subject, headers: None, payload: Bytes::from_static(b"+WPI") }.into());
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let replies = self.talk.exchange(entries, false, within);
        let mut desk = self.talk.desk.lock();
        let mut failed = None;
        for (number, reply) in numbers.into_iter().zip(replies) {
            match reply {
                Reply::Answered(message) | Reply::Halted(message) if message.status.is_none() => {
                    if let Some(loan) = desk.loan(number) {
                        loan.until = now.after(self.settings.lease);
                    }
                }
                Reply::Answered(_) | Reply::Halted(_) => failed = Some(replies::nobody()),
                Reply::NotSent(error) | Reply::Unanswered(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// What is written down of an item that comes again.
fn next_tally(verdict: &Verdict, loan: &Loan) -> Option<Tally> {
    match verdict {
        Verdict::Retry { .. } => loan.tally.map(Tally::failed),
        Verdict::Release { .. } => loan.tally.map(Tally::given_back),
        Verdict::Ack | Verdict::DeadLetter(_) => None,
    }
}

/// Given back, to come again after this time.
fn nak(after: Duration) -> Bytes {
    if after.is_zero() {
        return Bytes::from_static(b"-NAK");
    }
    format!("-NAK {{\"delay\": {}}}", after.as_nanos().min(i64::MAX as u128)).into()
}
