//! The ends of deliveries: what must be kept is published and confirmed first, and only then is the delivery acknowledged.

use std::sync::Arc;
use std::time::Duration;

use amiquip::{AmqpValue, FieldTable};

use super::batch::{Batch, Parcel, Sent};
use super::shared::{Order, Shared};
use super::stock::Loan;
use super::text::encode;
use super::wire::{self, Past};
use crate::kanban::broker::{BrokerError, Death, PublishError, Settled, Settlement, Verdict};
use crate::kanban::item::Item;
use crate::time::Deadline;

/// Of the last error of a dead letter, so many bytes are kept.
const LONGEST_ERROR: usize = 1024;

/// What is to be done for one settlement.
enum Step {
    /// It has its answer.
    Over(Settled),
    /// The delivery ends: `true`, done with; `false`, it comes again.
    End(Settlement, bool),
    /// The copy of this number is kept first.
    Copy(Settlement, usize),
}

pub(super) fn settle(shared: &Shared, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
    let deadline = Deadline::after(within);
    let mut parcels = Vec::new();
    let (mut steps, generation): (Vec<Step>, u64) = {
        let mut stock = shared.stock.lock();
        if stock.closed {
            let closed = |settlement| Settled::Failed(settlement, BrokerError::Closed);
            return settlements.into_iter().map(closed).collect();
        }
        let (now, generation) = (shared.clock.now(), stock.generation);
        let mut step = |settlement: Settlement| {
            // Taken by another settlement already: that is how tickets settle once.
            let Some(loan) = stock.loan(&settlement.ticket, now).filter(|loan| !loan.settling) else {
                return Step::Over(Settled::Gone);
            };
            loan.settling = true;
            if loan.copied {
                return Step::End(settlement, true);
            }
            let (lane, parcel) = (loan.lane, copy(shared, loan, &settlement.verdict));
            if let Some(after) = put_off_for(&settlement.verdict) {
                // Before it is sent, as it may come again before its confirmation is seen here.
                stock.lanes[lane].away.went(now.after(after));
            }
            match parcel {
                None => {
                    let done = matches!(settlement.verdict, Verdict::Ack);
                    Step::End(settlement, done)
                }
                Some(parcel) => {
                    parcels.push(parcel);
                    Step::Copy(settlement, parcels.len() - 1)
                }
            }
        };
        (settlements.into_iter().map(&mut step).collect(), generation)
    };
    let kept = publish(shared, parcels, &deadline);
    for step in &mut steps {
        let next = match std::mem::replace(step, Step::Over(Settled::Gone)) {
            Step::Copy(settlement, number) => match kept.get(number) {
                Some(Ok(())) => {
                    copied(shared, &settlement);
                    Step::End(settlement, true)
                }
                Some(Err(error @ (PublishError::NotStored(why) | PublishError::Unknown(why)))) => {
                    if matches!(error, PublishError::NotStored(_)) {
                        stays(shared, &settlement);
                    }
                    Step::Over(failed(shared, settlement, why.clone()))
                }
                _ => {
                    let why = BrokerError::Refused("the copy of an item is no item".to_owned());
                    Step::Over(failed(shared, settlement, why))
                }
            },
            step => step,
        };
        *step = next;
    }
    let ends: Vec<(u64, bool)> = steps.iter().filter_map(end).collect();
    let result = finish(shared, generation, ends, &deadline);
    let answer = |step| match step {
        Step::Over(settled) => settled,
        Step::End(settlement, _) | Step::Copy(settlement, _) => match &result {
            Ok(()) => Settled::Done,
            Err(why) => failed(shared, settlement, why.clone()),
        },
    };
    steps.into_iter().map(answer).collect()
}

fn end(step: &Step) -> Option<(u64, bool)> {
    match step {
        Step::End(settlement, done) => Some((settlement.ticket.number(), *done)),
        _ => None,
    }
}

/// Whatever becomes of its delivery, the copy of it is there.
fn copied(shared: &Shared, settlement: &Settlement) {
    if let Some(loan) = shared.stock.lock().lent(&settlement.ticket) {
        loan.copied = true;
    }
}

/// It was not put off after all.
fn stays(shared: &Shared, settlement: &Settlement) {
    let mut stock = shared.stock.lock();
    let lane = stock.lent(&settlement.ticket).map(|loan| loan.lane);
    if let (Some(_), Some(lane)) = (put_off_for(&settlement.verdict), lane) {
        stock.lanes[lane].away.came();
    }
}

/// How long its copy waits in a retry lane, if it goes there.
fn put_off_for(verdict: &Verdict) -> Option<Duration> {
    match verdict {
        Verdict::Retry { after } | Verdict::Release { after } if !after.is_zero() => Some(*after),
        // A retry at once goes through the shortest of them as well.
        Verdict::Retry { .. } => Some(Duration::ZERO),
        _ => None,
    }
}

/// It may be tried again: its lease counts again.
fn failed(shared: &Shared, settlement: Settlement, why: BrokerError) -> Settled {
    if let Some(loan) = shared.stock.lock().lent(&settlement.ticket) {
        loan.settling = false;
    }
    Settled::Failed(settlement, why)
}

/// What must be kept before the delivery may end, if anything.
fn copy(shared: &Shared, loan: &mut Loan, verdict: &Verdict) -> Option<Parcel> {
    match verdict {
        Verdict::Ack => None,
        Verdict::Release { after } => Some(give_back(shared, loan, *after)),
        Verdict::Retry { after } => {
            let past =
                Past { deliveries: loan.deliveries, failures: loan.failures.saturating_add(1), due: None };
            Some(put_off(shared, &loan.item, past, *after))
        }
        Verdict::DeadLetter(death) => {
            let serial = *loan.serial.get_or_insert_with(|| shared.next_serial());
            Some(letter(shared, death, serial))
        }
    }
}

/// A copy that comes again, with this delivery not counted.
fn give_back(shared: &Shared, loan: &Loan, after: Duration) -> Parcel {
    let past = Past { deliveries: loan.deliveries.saturating_sub(1), failures: loan.failures, due: None };
    if after.is_zero() {
        put_back(shared, &loan.item, past)
    } else {
        put_off(shared, &loan.item, past, after)
    }
}

/// A copy of an item to where it came from.
pub(super) fn put_back(shared: &Shared, item: &Item, past: Past) -> Parcel {
    let properties = wire::properties(item, past, FieldTable::new());
    let (exchange, key) = (shared.names.items(), shared.names.lane(&item.lane));
    Parcel { exchange, key, properties, body: item.payload.clone() }
}

/// A copy of an item that comes again after this time.
pub(super) fn put_off(shared: &Shared, item: &Item, mut past: Past, after: Duration) -> Parcel {
    let (exchange, kept) = shared.names.retry_for(after);
    past.due = wire::due(after, kept, shared.clock.timestamp()).map(|due| past.due.unwrap_or(due));
    let properties =
        wire::properties(item, past, FieldTable::new()).with_expiration(kept.as_millis().max(1).to_string());
    Parcel { exchange, key: shared.names.lane(&item.lane), properties, body: item.payload.clone() }
}

fn letter(shared: &Shared, death: &Death, serial: u64) -> Parcel {
    let mut extra = FieldTable::new();
    let mut text = |name: &str, value: String| {
        extra.insert(name.to_owned(), AmqpValue::LongString(value));
    };
    text("heijunka-reason", death.reason.to_owned());
    text("heijunka-error", encode(cut(&death.error)));
    text("heijunka-lane", death.item.lane.subject());
    let mut number = |name: &str, value: u64| {
        extra.insert(name.to_owned(), AmqpValue::LongLongInt(i64::try_from(value).unwrap_or(i64::MAX)));
    };
    number("heijunka-attempts", death.attempts.into());
    number("heijunka-died", death.at.as_millis());
    number("heijunka-serial", serial);
    let properties = wire::properties(&death.item, Past::default(), extra);
    let key = shared.names.lane(&death.item.lane);
    Parcel { exchange: shared.names.dead(), key, properties, body: death.item.payload.clone() }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_ERROR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Publishes, and waits for the answers.
pub(super) fn publish(shared: &Shared, parcels: Vec<Parcel>, deadline: &Deadline) -> Vec<Sent> {
    if parcels.is_empty() {
        return Vec::new();
    }
    begin_to_publish(shared, parcels, deadline).wait(shared, deadline)
}

/// What is handed over to be published.
pub(super) struct Outgoing {
    batch: Arc<Batch>,
    /// Its number in the outbox, if it was taken there.
    number: Option<u64>,
}

/// Hands over what is to be published, if there is time for it, and goes on.
pub(super) fn begin_to_publish(shared: &Shared, parcels: Vec<Parcel>, deadline: &Deadline) -> Outgoing {
    let batch = Batch::new(parcels, None);
    if deadline.passed() {
        batch.refuse(&BrokerError::TimedOut(deadline.waited()));
        return Outgoing { batch, number: None };
    }
    let sent = shared.outbox.send(batch.clone()).map_err(|(batch, why)| batch.refuse(&why));
    Outgoing { batch, number: sent.ok() }
}

impl Outgoing {
    /// Waits for the answers.
    pub(super) fn wait(self, shared: &Shared, deadline: &Deadline) -> Vec<Sent> {
        let Self { batch, number } = self;
        batch.wait(deadline, || {
            if let Some(number) = number {
                shared.outbox.withdraw(number);
            }
        })
    }
}

/// Ends deliveries.
fn finish(
    shared: &Shared,
    generation: u64,
    ends: Vec<(u64, bool)>,
    deadline: &Deadline,
) -> Result<(), BrokerError> {
    if ends.is_empty() {
        return Ok(());
    }
    shared.desk.call(deadline, |slip| Order::Settle { generation, ends, slip })
}
