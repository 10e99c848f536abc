//! From the end of a handler to the broker's confirmation.

use std::panic::resume_unwind;
use std::time::Duration;

use tracing::Span;

use super::Mode;
use super::clerk::{Answered, Batch, Clerk};
use super::desk::Report;
use super::driver::Driver;
use super::table::{Loan, Stage};
use crate::kanban::breaker::Change;
use crate::kanban::broker::{BrokerError, Settled, Settlement, Verdict};
use crate::kanban::cells::Count;
use crate::kanban::retry::{Decision, Ended, Says, decide};
use crate::kanban::spans;
use crate::pool::OUTCOME;
use crate::time::{Deadline, Moment};

/// How long a driver that is to leave everything waits for an answer.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// When an item comes again whose dead letter could not be kept.
const BURY_AGAIN: Duration = Duration::from_secs(30);

impl Driver {
    /// Takes what the workers laid down; tells whether there was anything.
    pub(super) fn take_reports(&mut self, mode: Mode, now: Moment) -> bool {
        let mut any = false;
        while let Ok(report) = self.reports.try_recv() {
            any = true;
            self.take_report(report, mode, now);
        }
        any
    }

    fn take_report(&mut self, report: Report, mode: Mode, now: Moment) {
        let Report { slot, ended, ran } = report;
        let on_trial = self.end_trial(slot);
        let Some(loan) = self.table.get(slot) else { return };
        let (at, lane) = (loan.source, loan.item.lane.priority.index());
        let queue = &mut self.queues[at];
        let stalled = matches!(loan.stage, Stage::Stalled);
        if stalled {
            queue.stalled -= 1;
        } else {
            queue.running[lane] -= 1;
        }
        match ended {
            // A pool that went away gave it back: another may take it.
            None if !stalled && mode != Mode::Stop => {
                loan.stage = Stage::Held;
                if on_trial {
                    self.trials.wait(slot);
                } else {
                    queue.held[lane].push_front(slot);
                }
            }
            None if stalled => {
                // Its lease is gone, and with it the right to give it back.
                self.env.seen.forget(&loan.key());
                self.table.free_slot(slot);
            }
            None => {
                self.given_back.push(loan.item.id.clone());
                self.release(slot, Duration::ZERO);
            }
            Some(ended) => {
                // Until it is decided otherwise, and should somebody panic meanwhile: it comes again.
                loan.stage =
                    Stage::Settling { verdict: Verdict::Release { after: Duration::ZERO }, done: true };
                queue.note_run(lane, ran);
                if !stalled {
                    let change = match ended.says() {
                        Says::Success => queue.breaker.succeeded(),
                        Says::Failure => queue.breaker.failed(now),
                        Says::Nothing => None,
                    };
                    if let Some(change) = change {
                        self.breaker_changed(at, change);
                    }
                }
                self.conclude(slot, ended, stalled);
            }
        }
    }

    /// Decides what becomes of an item whose handler ended.
    fn conclude(&mut self, slot: u32, ended: Ended, stalled: bool) {
        let Some(loan) = self.table.get(slot) else { return };
        let done = ended.says() == Says::Success;
        let interrupted = ended == Ended::Interrupted;
        self.env.counts.add(if done { Count::Done } else { Count::Failed }, u64::from(!interrupted));
        let settings = &self.shared.sources[loan.source].retry;
        // Only a retry looks at calendars and dice.
        let today = if done { crate::time::Timestamp::default() } else { self.env.clock.timestamp() };
        let dice = if done { 0.0 } else { fastrand::f64() };
        let decision = decide(ended, loan.failures, loan.item.deadline, today, settings, dice);
        if decision == Decision::Done {
            loan.stage = Stage::Settling { verdict: Verdict::Ack, done: false };
            self.unsettled.push(slot);
            let id = loan.item.id.clone();
            return (self.env.finished)(&id, true);
        }
        self.env.seen.forget(&loan.key());
        if stalled {
            // Its lease is gone, and with it the right to say anything but that it is done.
            self.table.free_slot(slot);
            return;
        }
        match decision {
            Decision::Retry { after, error } => {
                tracing::info!(id = %loan.item.id, domain = %loan.item.lane.domain, ?after, error, "an item is tried again");
                self.settle_as(slot, Verdict::Retry { after });
            }
            Decision::Release | Decision::Done => {
                self.settle_as(slot, Verdict::Release { after: Duration::ZERO });
            }
            Decision::Dead(cause) => self.bury(slot, cause),
        }
    }

    /// Gives an item back unrun.
    pub(super) fn release(&mut self, slot: u32, after: Duration) {
        if let Some(loan) = self.table.get(slot) {
            self.env.seen.forget(&loan.key());
        }
        self.settle_as(slot, Verdict::Release { after });
    }

    /// Gives back whatever is held.
    pub(super) fn give_back_held(&mut self) {
        while let Some(slot) = self.trials.give_up() {
            if let Some(loan) = self.table.get(slot) {
                self.given_back.push(loan.item.id.clone());
            }
            self.release(slot, Duration::ZERO);
        }
        for at in 0..self.queues.len() {
            for lane in 0..3 {
                while let Some(slot) = self.queues[at].held[lane].pop_front() {
                    if let Some(loan) = self.table.get(slot) {
                        self.given_back.push(loan.item.id.clone());
                    }
                    self.release(slot, Duration::ZERO);
                }
            }
        }
    }

    /// The item is to be settled so.
    pub(super) fn settle_as(&mut self, slot: u32, verdict: Verdict) {
        if let Some(loan) = self.table.get(slot) {
            loan.stage = Stage::Settling { verdict, done: true };
            self.unsettled.push(slot);
        }
    }

    /// Hears what the broker answered, and tells it what is to be told; tells whether that was anything.
    pub(super) fn settle(&mut self, now: Moment) -> bool {
        // Before anything is heard, as what fails now must not put off what is due; it goes with the next batch.
        let due = if self.settle_again.may(now) { std::mem::take(&mut self.failed) } else { Vec::new() };
        let answered = self.clerk.as_mut().and_then(Clerk::answered);
        let heard = answered.is_some();
        if let Some(answered) = answered {
            self.hear(answered, now);
            if self.failed.is_empty() && due.is_empty() {
                self.settle_again.worked();
            }
        }
        if self.is_settling() {
            self.failed.extend(due);
            return heard;
        }
        self.unsettled.extend(due);
        if self.unsettled.is_empty() {
            return heard;
        }
        let mut slots = std::mem::take(&mut self.unsettled);
        let mut settlements = Vec::with_capacity(slots.len());
        // First recorded as done, then acknowledged: whatever ends in between, it does not run again.
        slots.retain(|&slot| match self.settlement(slot) {
            Some(settlement) => {
                settlements.push(settlement);
                true
            }
            None => false,
        });
        self.put_off(now);
        if settlements.is_empty() {
            self.settling_fails = !self.failed.is_empty();
            return true;
        }
        let batch = Batch { spans: self.settle_spans(&slots), slots, settlements };
        if let Some(clerk) = &mut self.clerk {
            clerk.send(batch);
        } else {
            let answered = batch.settle(&*self.env.broker, self.env.settings.settle_timeout);
            self.hear(answered, now);
            if self.failed.is_empty() {
                self.settle_again.worked();
            }
        }
        true
    }

    /// Whether the clerk waits for the broker.
    pub(super) fn is_settling(&self) -> bool {
        self.clerk.as_ref().is_some_and(Clerk::is_out)
    }

    /// Takes what is about to be answered, so that what is settled does not count as left behind. Calls nobody, and leaves a panic be.
    pub(super) fn hear_the_last(&mut self) {
        let patience = Deadline::after(LAST_ANSWER);
        while self.is_settling() {
            // Before the look, or a call that came earlier would hide that of the clerk.
            self.hear_calls();
            match self.clerk.as_mut().and_then(Clerk::answered) {
                Some(Answered { slots, answers: Ok(answers), .. }) => {
                    let settled = slots.into_iter().zip(answers.settled);
                    for (slot, _) in settled.filter(|(_, settled)| matches!(settled, Settled::Done)) {
                        self.confirmed(slot);
                    }
                }
                Some(_) => {}
                None if patience.passed() => return,
                None => self.rest(patience.left()),
            }
        }
    }

    fn hear(&mut self, Answered { slots, spans, answers }: Answered, now: Moment) {
        // As if it had been called here.
        let answers = answers.unwrap_or_else(|panic| resume_unwind(panic));
        let (mut confirmed, mut spans) = (0, spans.into_iter());
        // Of what it gives no answer for, nobody knows: its lease brings it back, if it is not done with.
        let settled = answers.settled.into_iter().chain(std::iter::repeat_with(|| Settled::Gone));
        for (slot, settled) in slots.into_iter().zip(settled) {
            if let Some(span) = spans.next() {
                spans::ended(span, settled.name());
            }
            confirmed += u32::from(self.settled(slot, settled));
        }
        self.settling_fails = confirmed == 0 && !self.failed.is_empty();
        self.put_off(now);
        if confirmed > 0 {
            self.broker_works();
        }
        if let Some(count) = answers.dead_letters {
            self.dead_letters_counted(count.unwrap_or_else(|panic| resume_unwind(panic)));
        }
    }

    /// What fails before the time of the next attempt waits with the rest: it must not put them off, or they would wait as long as others are settled.
    fn put_off(&mut self, now: Moment) {
        if !self.failed.is_empty() && self.settle_again.may(now) {
            self.settle_again.failed(now);
        }
    }

    /// One for each slot, or none at all while spans are off.
    fn settle_spans(&mut self, slots: &[u32]) -> Vec<Span> {
        if !self.env.spans.are_on() {
            return Vec::new();
        }
        let (table, system) = (&mut self.table, self.shared.system);
        let mut span = |slot: &u32| {
            let loan = table.get(*slot)?;
            let (Some(delivery), Stage::Settling { verdict, .. }) = (&loan.span, &loan.stage) else {
                return None;
            };
            Some(spans::settle(system, &loan.item, delivery, verdict.name()))
        };
        slots.iter().map(|slot| span(slot).unwrap_or_else(Span::none)).collect()
    }

    /// What is sent for this slot; `None` if it has to wait, and is in `failed`.
    fn settlement(&mut self, slot: u32) -> Option<Settlement> {
        let loan = self.table.get(slot)?;
        let key = loan.key();
        let Stage::Settling { verdict, done } = &mut loan.stage else { return None };
        if !*done && matches!(verdict, Verdict::Ack) {
            if let Err(error) = self.env.seen.done(&key) {
                tracing::warn!(%error, "an item that is done cannot be recorded so for now");
                self.failed.push(slot);
                return None;
            }
            *done = true;
        }
        let verdict = verdict.clone();
        Some(Settlement { ticket: loan.ticket.take()?, verdict })
    }

    /// What the broker answered; false if it has to be tried again.
    fn settled(&mut self, slot: u32, settled: Settled) -> bool {
        match settled {
            Settled::Done => {
                if let Some(loan) = self.confirmed(slot)
                    && let Stage::Settling { verdict: Verdict::DeadLetter(death), .. } = &loan.stage
                    && death.reason == "poison"
                {
                    self.forget_trial(&loan.key());
                }
                true
            }
            Settled::Gone => {
                self.env.counts.add(Count::Gone, 1);
                self.table.free_slot(slot);
                true
            }
            Settled::Failed(Settlement { ticket, verdict }, error) => {
                self.env.counts.add(Count::Unsettled, 1);
                let bury_again = matches!(verdict, Verdict::DeadLetter(_)) && is_answer(&error);
                if let Some(loan) = self.table.get(slot) {
                    loan.ticket = Some(ticket);
                    let verdict = if bury_again { Verdict::Release { after: BURY_AGAIN } } else { verdict };
                    loan.stage = Stage::Settling { verdict, done: true };
                    self.failed.push(slot);
                }
                self.broker_failed(if bury_again { "keeping a dead letter" } else { "settling" }, error);
                false
            }
        }
    }

    /// The broker has it: the slot is free.
    fn confirmed(&mut self, slot: u32) -> Option<Loan> {
        let loan = self.table.free_slot(slot)?;
        if let Stage::Settling { verdict, .. } = &loan.stage {
            if let Some(delivery) = &loan.span {
                delivery.record(OUTCOME, verdict.name());
            }
            self.env.counts.add(counted(verdict), 1);
        }
        Some(loan)
    }

    pub(super) fn breaker_changed(&mut self, at: usize, change: Change) {
        let name = self.shared.sources[at].name.clone();
        tracing::warn!(domain = %name, %change, "breaker");
        self.tell(Some(&name), "breaker", change.to_string(), format!("state {}", change.to.name()));
    }
}

/// Whether the broker answered at all, so that asking the same again at once is useless.
fn is_answer(error: &BrokerError) -> bool {
    !matches!(error, BrokerError::TimedOut(_) | BrokerError::Unavailable(_))
}

fn counted(verdict: &Verdict) -> Count {
    match verdict {
        Verdict::Ack => Count::Acked,
        Verdict::Retry { .. } => Count::Retried,
        Verdict::Release { .. } => Count::Released,
        Verdict::DeadLetter(_) => Count::DeadLettered,
    }
}
