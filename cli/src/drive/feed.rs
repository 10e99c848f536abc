//! Reads the trace ahead of the submitter, in a thread of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::pace;
use crate::error::Error;
use crate::progress::Console;
use crate::trace::{Arrival, Arrivals, BadLine, TraceError, Trouble};

/// Arrivals held ahead, so that reading never delays one.
const AHEAD: usize = 8192;
/// Bad lines shown one by one; the others are only counted.
const SHOWN: u64 = 10;

type Sender = SyncSender<Result<Arrival, TraceError>>;

/// The arrivals, as they are read; an error is the last thing that comes.
pub(super) struct Feed {
    arrivals: Receiver<Result<Arrival, TraceError>>,
    faults: Arc<Faults>,
}

/// What [`Feed::next`] found.
pub(super) enum Next {
    Arrival(Arrival),
    /// Nothing came yet: look whether to go on waiting.
    Pause,
    /// Nothing more will come, perhaps because the trace failed.
    End(Option<TraceError>),
}

/// The bad lines so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    count: AtomicU64,
    first: OnceLock<BadLine>,
}

impl Feed {
    /// Starts reading. The thread is not joined: it may sit in a read that nothing can interrupt.
    pub(super) fn start(trace: Arrivals, strict: bool, console: Console) -> Result<Self, Error> {
        let (sender, arrivals) = sync_channel(AHEAD);
        let faults = Arc::new(Faults::default());
        let seen = faults.clone();
        thread::Builder::new()
            .name("hj-trace".into())
            .spawn(move || {
                pace::step_outside();
                seen.read(trace, strict, &console, &sender);
            })
            .map_err(Error::Thread)?;
        Ok(Self { arrivals, faults })
    }

    /// Waits for the next arrival, for a moment only.
    pub(super) fn next(&self) -> Next {
        match self.arrivals.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(arrival)) => Next::Arrival(arrival),
            Ok(Err(error)) => Next::End(Some(error)),
            Err(RecvTimeoutError::Timeout) => Next::Pause,
            Err(RecvTimeoutError::Disconnected) => Next::End(None),
        }
    }

    /// Waits for the first arrival, without which there is nothing to start for.
    pub(super) fn first(&self) -> Result<Arrival, TraceError> {
        self.arrivals.recv().unwrap_or_else(|_| {
            Err(match self.faults.first.get() {
                Some(first) => {
                    TraceError::AllBad { count: self.faults.count(), first: Box::new(first.clone()) }
                }
                None => TraceError::NoArrivals,
            })
        })
    }

    pub(super) fn faults(&self) -> Arc<Faults> {
        self.faults.clone()
    }
}

impl Faults {
    /// Bad lines so far.
    pub(super) fn count(&self) -> u64 {
        // Relaxed: the closing of the channel orders the final reading; before, it is for show.
        self.count.load(Ordering::Relaxed)
    }

    fn read(&self, trace: Arrivals, strict: bool, console: &Console, sender: &Sender) {
        for item in trace {
            let item = match item {
                Ok(arrival) => Ok(arrival),
                Err(Trouble::Trace(error)) => Err(error),
                Err(Trouble::Line(bad)) if strict => Err(TraceError::Strict(Box::new(bad))),
                Err(Trouble::Line(bad)) => {
                    self.note(bad, console);
                    continue;
                }
            };
            let last = item.is_err();
            // A send fails when the replay has stopped.
            if sender.send(item).is_err() || last {
                return;
            }
        }
    }

    fn note(&self, bad: BadLine, console: &Console) {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        if before < SHOWN {
            console.note(&format!("heijunka: {bad}"));
        } else if before == SHOWN {
            console.note("heijunka: further bad lines are only counted");
        }
        let _ = self.first.set(bad);
    }
}
