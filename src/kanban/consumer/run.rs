//! An item as a job: on its worker.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::Span;

use super::Shared;
use super::desk::Report;
use crate::error::JobError;
use crate::kanban::item::Item;
use crate::kanban::outcome::{Outcome, Work};
use crate::kanban::retry::Ended;
use crate::kanban::spans;
use crate::metrics::Ended as JobEnded;
use crate::pool::{self, Context, Finish};
use crate::sync::weakened;
use crate::thread::panic_message;

/// An item handed over. However it goes, the driver is told once.
pub(super) struct Run {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) item: std::sync::Arc<Item>,
    pub(super) slot: u32,
    /// Which domain of the consumer it belongs to.
    pub(super) source: u32,
    pub(super) attempt: u32,
    pub(super) deliveries: u32,
    /// The span of its delivery, if spans are on.
    pub(super) delivery: Option<Box<Span>>,
}

/// Tells the driver when it is dropped, if nothing else did: the handler's panic may have been one that cannot be caught twice.
struct Telling<'a> {
    shared: &'a Shared,
    report: Option<Report>,
}

impl Telling<'_> {
    fn tell(mut self, ended: Ended, ran: Duration) {
        if let Some(report) = self.report.take() {
            let ended = Some(cut_short(ended));
            if weakened("report_twice") {
                // The mistake that a model must find.
                self.report = Some(Report { slot: report.slot, ended: None, ran });
            }
            self.shared.desk.lay_down(Report { ended, ran, ..report });
        }
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if let Some(report) = self.report.take() {
            self.shared.desk.lay_down(report);
        }
    }
}

/// Bytes that are kept of what a handler says: it goes into the journal, the log and the dead letter.
const LONGEST: usize = 4096;

/// The same with texts of bounded length.
fn cut_short(mut ended: Ended) -> Ended {
    let text = match &mut ended {
        Ended::Outcome(Outcome::Retry { error: text, .. } | Outcome::DeadLetter { reason: text })
        | Ended::Panicked(text)
        | Ended::TimedOut(text) => text,
        Ended::Outcome(Outcome::Done) | Ended::Interrupted => return ended,
    };
    if text.len() > LONGEST {
        let bytes = text.len();
        let whole = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(whole);
        // A String takes whatever is written.
        let _ = write!(text, "… ({bytes} bytes in all)");
        text.shrink_to_fit();
    }
    ended
}

impl pool::Work for Run {
    fn run(self, context: Context<'_>, finish: Finish<'_>) {
        let Self { shared, item, slot, source, attempt, deliveries, delivery } = self;
        let died = Some(Ended::Panicked("the worker died".to_owned()));
        let telling =
            Telling { shared: &shared, report: Some(Report { slot, ended: died, ran: Duration::ZERO }) };
        let source = &shared.sources[source as usize];
        let context = context.limited(source.retry.timeout, &shared.interrupted);
        let work = Work { item: &item, attempt, deliveries, context: &context };
        let process = delivery.map_or_else(Span::none, |of| {
            spans::process(shared.system, &item, &of, attempt, work.context.pool())
        });
        let returned = catch_unwind(AssertUnwindSafe(|| process.in_scope(|| source.handler.handle(&work))));
        let ran = context.ran();
        // The permit returns at once; settling takes its time without it.
        match returned {
            Ok(outcome) => {
                let done = outcome == Outcome::Done;
                finish.ended(if done { JobEnded::Completed } else { JobEnded::Failed });
                let ended = match outcome {
                    Outcome::Retry { .. } if shared.interrupted.is_set() => Ended::Interrupted,
                    Outcome::Retry { error, .. } if context.is_late() => Ended::TimedOut(error),
                    outcome => Ended::Outcome(outcome),
                };
                spans::ended(process, ended.name());
                telling.tell(ended, ran);
            }
            Err(payload) => {
                finish.ended(JobEnded::Panicked);
                let message = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
                tracing::warn!(id = %item.id, domain = %item.lane.domain, %message, "a handler panicked");
                spans::ended(process, "panicked");
                telling.tell(Ended::Panicked(message), ran);
                drop(payload);
            }
        }
    }

    fn discard(self, why: JobError) {
        tracing::debug!(id = %self.item.id, %why, "an item was given back unrun");
        if weakened("not_run") {
            // The mistake that a model must find: nobody is told, and the slot is taken for ever.
            return;
        }
        let report = Report { slot: self.slot, ended: None, ran: Duration::ZERO };
        self.shared.desk.lay_down(report);
    }
}
