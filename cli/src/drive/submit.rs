//! The submitter: hands each arrival to the runtime at its moment, whatever the runtime does with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use heijunka::{Clock, Domain, Moment};

use super::feed::{Feed, Next};
use super::ledger::Ledger;
use super::pace;
use super::work::Workshop;
use crate::interrupt::Interrupt;
use crate::trace::{Arrival, TraceError};
use crate::values::Speed;

/// What the submitter needs.
pub(super) struct Submitter<'a> {
    pub(super) clock: Clock,
    pub(super) speed: Speed,
    pub(super) deadline: Option<Duration>,
    pub(super) workshop: Workshop,
    /// By the index arrivals carry.
    pub(super) domains: Vec<Domain>,
    pub(super) ledger: &'static Ledger,
    pub(super) interrupt: &'a Interrupt,
    /// How far into the trace it is, for the progress bar.
    pub(super) position: &'a AtomicU64,
}

/// What it saw.
pub(super) struct Submitted {
    /// How long each offer took, admitted or refused, by domain: nanoseconds.
    pub(super) admission: Vec<Histogram<u64>>,
    /// How late each offer was; nothing is late at full speed.
    pub(super) behind: Option<Histogram<u64>>,
    /// What ended the trace before its end.
    pub(super) error: Option<TraceError>,
}

impl Submitter<'_> {
    /// Offers `first` and all that follows. The schedule starts now.
    pub(super) fn run(&self, first: Arrival, feed: &Feed) -> Submitted {
        pace::step_outside();
        let mut seen = Submitted {
            admission: self.domains.iter().map(|_| histogram()).collect(),
            behind: matches!(self.speed, Speed::Times(_)).then(histogram),
            error: None,
        };
        let start = self.clock.now();
        let mut arrival = first;
        while let Some(now) = self.wait(start, &arrival) {
            self.offer(&arrival, now, &mut seen);
            loop {
                match feed.next() {
                    Next::Arrival(next) => {
                        arrival = next;
                        break;
                    }
                    Next::Pause if self.interrupt.signal().is_none() => {}
                    Next::Pause => return seen,
                    Next::End(error) => {
                        seen.error = error;
                        return seen;
                    }
                }
            }
        }
        seen
    }

    /// Waits until the arrival is due; gives when it was due and when it is, or `None` after a signal.
    fn wait(&self, start: Moment, arrival: &Arrival) -> Option<Due> {
        match self.speed.due(arrival.at) {
            Some(at) => {
                let due = start.after(at);
                pace::wait(due, &self.clock, self.interrupt).map(|now| Due { due, now })
            }
            None if self.interrupt.signal().is_some() => None,
            None => {
                let now = self.clock.now();
                Some(Due { due: now, now })
            }
        }
    }

    fn offer(&self, arrival: &Arrival, Due { due, now }: Due, seen: &mut Submitted) {
        let domain = arrival.domain;
        let expires = self.deadline.map(|deadline| due.after(deadline));
        let job = self.ledger.job(domain, self.workshop.make(arrival.work), expires);
        let mut spec = self.domains[domain].job(arrival.key).priority(arrival.priority).arrived(due);
        if let Some(deadline) = self.deadline {
            spec = spec.deadline(deadline);
        }
        let before = self.clock.now();
        let offered = spec.execute(move |_| job.run());
        let cost = self.clock.now().nanos_since(before);
        match offered {
            Ok(()) => self.ledger.admitted(domain),
            Err(refused) => {
                self.ledger.refused(domain, refused.rejected().reason());
                // It never was the runtime's: its account must not see it dropped. It owns nothing.
                std::mem::forget(refused);
            }
        }
        seen.admission[domain].saturating_record(cost);
        if let Some(behind) = &mut seen.behind {
            behind.saturating_record(now.nanos_since(due));
        }
        // Relaxed: for show.
        self.position.store(arrival.position, Ordering::Relaxed);
    }
}

/// When an arrival was due and when its turn came.
#[derive(Clone, Copy)]
struct Due {
    due: Moment,
    now: Moment,
}

/// For nanoseconds up to an hour, with three digits: about 200 KiB.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("fixed and valid bounds")
}
