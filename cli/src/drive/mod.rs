//! Drives the real runtime with a trace, open loop.
//!
//! - [`feed`] reads ahead, [`submit`] offers each arrival at its moment ([`pace`]);
//! - a job is a [`work`] that enters its own end into the [`ledger`];
//! - this file starts it all, shows the progress, drains, and hands over what was seen.

mod feed;
mod ledger;
mod pace;
mod submit;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use heijunka::{Config, Entry, Runtime, RuntimeStatus};

pub(crate) use ledger::Counts;

use crate::args::WorkKind;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::progress::{Console, Progress, TICK};
use crate::trace::{Source, TraceError};
use crate::values::Speed;
use feed::Feed;
use ledger::Ledger;
use submit::Submitter;
use work::Workshop;

/// How the arrivals are played.
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) speed: Speed,
    pub(crate) deadline: Option<Duration>,
    pub(crate) drain: Duration,
    pub(crate) work_kind: WorkKind,
    pub(crate) strict: bool,
    pub(crate) console: Console,
}

/// What came of it.
pub(crate) struct Outcome {
    /// The domains, with the jobs' own counts and the costs of admission in nanoseconds.
    pub(crate) domains: Vec<(String, Counts, Histogram<u64>)>,
    /// How late arrivals were offered, in nanoseconds; `None` at full speed.
    pub(crate) behind: Option<Histogram<u64>>,
    /// The runtime when the last arrival had come, and after the drain.
    pub(crate) loaded: RuntimeStatus,
    pub(crate) drained: RuntimeStatus,
    /// What the control thread decided, as far as it is kept, each with its time after the first arrival in seconds.
    pub(crate) journal: Vec<(f64, Arc<Entry>)>,
    /// Threads that did not end in time, each with the job it runs.
    pub(crate) left_behind: usize,
    /// From the first arrival to the last.
    pub(crate) wall: Duration,
    pub(crate) bad_lines: u64,
    /// The signal that stopped the replay.
    pub(crate) signal: Option<u8>,
    /// What ended the trace before its end.
    pub(crate) error: Option<TraceError>,
}

/// Replays `source` and drains.
pub(crate) fn run(source: Source, plan: Plan) -> Result<Outcome, Error> {
    let feed = Feed::start(source.arrivals, plan.strict, plan.console.clone())?;
    let first = feed.first()?;
    let faults = feed.faults();
    let interrupt = Interrupt::listen().map_err(Error::Signals)?;
    let runtime = Runtime::start(plan.config)?;
    let clock = runtime.clock().clone();
    let names = source.domains.names();
    let ledger = Ledger::leak(names.len(), clock.clone());
    let domains = names
        .iter()
        .map(|name| runtime.domain(name).ok_or_else(|| TraceError::unknown_domain(name, &source.domains)))
        .collect::<Result<_, _>>()?;
    let position = AtomicU64::new(0);
    let submitter = Submitter {
        workshop: Workshop::new(plan.work_kind, &clock),
        clock: clock.clone(),
        speed: plan.speed,
        deadline: plan.deadline,
        domains,
        ledger,
        interrupt: &interrupt,
        position: &position,
    };
    let start = clock.now();
    let mut progress = Progress::new(plan.console.clone());
    let seen = thread::scope(|scope| {
        let (done, ended) = sync_channel::<()>(0);
        let thread = thread::Builder::new().name("hj-submit".into());
        let handle = thread
            .spawn_scoped(scope, || {
                // Both moved in: the end of the one ends the wait below, that of the other the reading.
                let (_done, feed) = (done, feed);
                submitter.run(first, &feed)
            })
            .map_err(Error::Thread)?;
        while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let counts = Counts::total(&ledger.counts());
            progress.tick(clock.now().since(start), position.load(Ordering::Relaxed), &counts);
        }
        Ok::<_, Error>(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    let wall = clock.now().since(start);
    let loaded = runtime.status();
    progress.draining(&Counts::total(&ledger.counts()));
    let drain = runtime.drain(plan.drain);
    plan.console.clear();
    let counts = ledger.counts().into_iter().zip(seen.admission);
    Ok(Outcome {
        domains: names
            .iter()
            .cloned()
            .zip(counts)
            .map(|(name, (counts, cost))| (name, counts, cost))
            .collect(),
        behind: seen.behind,
        loaded,
        drained: runtime.status(),
        journal: runtime
            .journal()
            .into_iter()
            .map(|entry| (entry.at.since(start).as_secs_f64(), entry))
            .collect(),
        left_behind: drain.unjoined.len(),
        wall,
        bad_lines: faults.count(),
        signal: interrupt.signal(),
        error: seen.error,
    })
}
