//! The thread that probes: `hj-failover`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::law::BrokerRole;
use crate::kanban::broker::BrokerError;
use crate::thread::panic_message;
use crate::time::Moment;

/// How long the thread stays down after a panic, in real time: doubled each time, up to the second figure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Probes until the failover is closed, whatever happens in it.
pub(super) fn run(inner: &Arc<Inner>) {
    let mut backoff = BACKOFF.0;
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| probe_until_closed(inner))) {
        let why = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
        // Its drop may panic as well.
        std::mem::forget(payload);
        tracing::error!(%why, ?backoff, "the thread that probes the brokers died and goes on");
        inner.bell.listen(backoff);
        backoff = (backoff * 2).min(BACKOFF.1);
    }
}

fn probe_until_closed(inner: &Inner) {
    loop {
        for role in BrokerRole::ALL {
            let due = {
                let mut book = inner.book.lock();
                if book.closed {
                    return;
                }
                next_probe(book.side(role)) <= inner.clock.now()
            };
            if due {
                inner.probe(role);
            }
        }
        let next = inner.book.lock().sides.iter().map(next_probe).min();
        let patience = next.map_or(inner.settings.probe_every, |next| inner.clock.real_time_until(next));
        inner.bell.listen(patience);
    }
}

/// One that rests is probed at the end of its rest, and every one now and then.
fn next_probe(side: &super::side::Side) -> Moment {
    side.rest.until().map_or(side.probe_at, |rested| rested.min(side.probe_at))
}

impl Inner {
    /// Asks a broker something small, and says what came of it.
    fn probe(&self, role: BrokerRole) {
        let answer = self.ask_something(role, self.settings.probe_within);
        let good = answer.is_ok();
        let now = self.clock.now();
        let mut events = Vec::new();
        let mut book = self.book.lock();
        let side = book.side(role);
        // The law counts what comes at its own pace, not how often one that rests is looked at.
        let counts = side.probe_at <= now;
        if counts {
            side.probe_at = now.after(self.settings.probe_every);
        }
        match answer {
            Ok(()) => {
                side.good_probes += 1;
                if side.rest.is_resting() {
                    side.rest.wake();
                    // It may have what nobody has asked it for.
                    book.arrivals.iter().for_each(crate::kanban::broker::Arrivals::ring);
                }
            }
            Err(error) => {
                side.bad_probes += 1;
                if side.rest.is_resting() {
                    side.rest.failed(matches!(error, BrokerError::TimedOut(_)), now);
                }
                side.fault = Some(error);
            }
        }
        if counts && let Some(change) = book.law.probed(role, good, now) {
            events.push(book.note(change, self.clock.timestamp()));
        }
        let is_well = good && !book.law.is_bad(role) && !book.side(role).rest.is_failing();
        if is_well {
            book.side(role).fault = None;
        }
        drop(book);
        for event in events {
            self.tell(Some(event));
        }
    }

    /// Prepares lanes that could not be prepared before; else whatever the broker can tell most cheaply.
    fn ask_something(&self, role: BrokerRole, within: Duration) -> Result<(), BrokerError> {
        let broker = self.broker(role);
        let unopened = || self.book.lock().side(role).unopened.first().cloned();
        while let Some((lanes, arrivals)) = unopened() {
            broker.open(&lanes, arrivals, within)?;
            // They are added at the end, and taken here only.
            self.book.lock().side(role).unopened.remove(0);
        }
        let lane = self.book.lock().side(role).lane.clone();
        match (broker.item_count(within), lane) {
            (Err(BrokerError::Unsupported(_)), Some(lane)) => broker.depth(&lane, within).map(|_| ()),
            (Err(BrokerError::Unsupported(_)), None) => broker.dead_letter_count(within).map(|_| ()),
            (answer, _) => answer.map(|_| ()),
        }
    }
}
