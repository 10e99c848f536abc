//! Load for tests of levelling, and what the runtime says of it. A machine that has much else to do makes this load slower, not
//! different: jobs sleep, and each is followed by the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heijunka::{Author, Builder, Clock, Context, Domain, Entry, Idle, Kind, PoolConfig, Runtime};

use super::{Background, Counter, GENEROUS, beside, eventually};

/// What jobs sleep, in real time.
pub(crate) const NAP: Duration = Duration::from_millis(5);

/// A pool that may grow. Its jobs may wait for long: the clock of these tests is fast, and makes every wait look so.
pub(crate) fn elastic(min: u32, max: u32) -> PoolConfig {
    PoolConfig {
        min_workers: min,
        max_workers: max,
        kind: Kind::Blocking,
        pin: false,
        idle: Idle::Park,
        queue_delay: Duration::from_secs(10),
        stall_after: Duration::from_secs(3600),
        ..PoolConfig::default()
    }
}

/// As [`elastic`], for a domain of another name than the pool's.
pub(crate) fn elastic_of(domain: &str, min: u32, max: u32) -> PoolConfig {
    PoolConfig { domain: Some(domain.to_owned()), ..elastic(min, max) }
}

/// A runtime whose minutes pass in seconds.
pub(crate) fn fast(times: u32) -> Builder {
    Runtime::builder().clock(Clock::compressed(times))
}

/// So many jobs at any time, each of which sleeps and then sends the next: a share of the workers is busy that depends on
/// their number alone.
pub(crate) struct Relays(Arc<Track>);

struct Track {
    domain: Domain,
    nap: Duration,
    wanted: AtomicU64,
    running: AtomicU64,
    sent: AtomicU64,
    ran: Counter,
    refused: Counter,
}

impl Relays {
    /// None at first.
    pub(crate) fn new(runtime: &Runtime, domain: &str, nap: Duration) -> Self {
        Self(Arc::new(Track {
            domain: runtime.domain(domain).unwrap(),
            nap,
            wanted: AtomicU64::new(0),
            running: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            ran: Counter::default(),
            refused: Counter::default(),
        }))
    }

    /// From now on so many. Those too many end with their present job. Called by one thread.
    pub(crate) fn set(&self, wanted: u64) {
        self.0.wanted.store(wanted, Ordering::SeqCst);
        while self.0.running.load(Ordering::SeqCst) < wanted {
            self.0.running.fetch_add(1, Ordering::SeqCst);
            launch(&self.0);
        }
    }

    /// Waits until the last job has ended; none was refused on the way.
    pub(crate) fn end(&self) -> u64 {
        self.set(0);
        eventually("the relays have ended", || self.0.running.load(Ordering::SeqCst) == 0);
        assert_eq!(self.0.refused.get(), 0, "refused");
        self.0.ran.get()
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        self.0.wanted.store(0, Ordering::SeqCst);
    }
}

fn launch(track: &Arc<Track>) {
    let next = track.clone();
    let leg = move |_: &Context<'_>| {
        std::thread::sleep(next.nap);
        next.ran.add();
        let drop_out = |running: u64| (running > next.wanted.load(Ordering::SeqCst)).then(|| running - 1);
        if next.running.fetch_update(Ordering::SeqCst, Ordering::SeqCst, drop_out).is_err() {
            launch(&next);
        }
    };
    let key = track.sent.fetch_add(1, Ordering::SeqCst);
    if track.domain.execute(key, leg).is_err() {
        track.refused.add();
        track.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Many arrivals, whatever becomes of them, until it is ended.
pub(crate) struct Flood(Background<(u64, u64)>, Counter);

impl Flood {
    /// Each job sleeps for so long.
    pub(crate) fn start(runtime: &Runtime, domain: &str, nap: Duration) -> Self {
        let (domain, ended) = (runtime.domain(domain).unwrap(), Counter::default());
        let end = ended.clone();
        let feed = move || {
            let (mut accepted, mut refused) = (0, 0);
            for key in 0_u64.. {
                if end.get() > 0 {
                    break;
                }
                for _ in 0..10 {
                    let work = move |_: &Context<'_>| {
                        if !nap.is_zero() {
                            std::thread::sleep(nap);
                        }
                    };
                    match domain.execute(key, work) {
                        Ok(()) => accepted += 1,
                        Err(_) => refused += 1,
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            (accepted, refused)
        };
        Self(beside(feed), ended)
    }

    /// How many were accepted, and how many refused.
    pub(crate) fn end(self) -> (u64, u64) {
        self.1.add();
        self.0.join()
    }
}

/// Waits for so many ticks.
pub(crate) fn ticks(runtime: &Runtime, ticks: u64) {
    let until = runtime.status().control.ticks + ticks;
    eventually("the control thread has ticked", || runtime.status().control.ticks >= until);
}

/// Waits until so much has passed by the clock of the runtime, and has been seen by the control thread.
pub(crate) fn pass(runtime: &Runtime, time: Duration) {
    let until = runtime.clock().now().after(time);
    eventually("the time has passed", || runtime.clock().now() >= until);
    ticks(runtime, 2);
}

/// The entries of one author about one pool (or about none), by one rule.
pub(crate) fn told(runtime: &Runtime, author: Author, pool: Option<&str>, rule: &str) -> Vec<Arc<Entry>> {
    let is_it =
        |entry: &Arc<Entry>| entry.author == author && entry.pool.as_deref() == pool && entry.rule == rule;
    runtime.journal().into_iter().filter(is_it).collect()
}

/// The sizes before and after, if a scaling entry tells of a change.
pub(crate) fn change(entry: &Entry) -> Option<(u32, u32)> {
    let (from, to) = entry.decision.strip_suffix(" workers")?.split_once(" -> ")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// The whole journal, to be read by whoever sees a test fail.
pub(crate) fn journal(runtime: &Runtime) -> String {
    runtime.journal().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What holds of every runtime: each decision follows from what was written down with it, and every job, permit and thread
/// is accounted for. Ends the runtime.
pub(crate) fn accounted(runtime: &Runtime) {
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    explained(runtime);
    let status = runtime.status();
    assert_eq!(status.admission.in_flight, 0);
    for pool in &status.pools {
        assert_eq!((pool.workers, pool.worker_status.len(), pool.lost_workers), (0, 0, 0), "{}", pool.name);
    }
}

/// Each decision follows from what was written down with it.
pub(crate) fn explained(runtime: &Runtime) {
    for entry in runtime.journal() {
        assert_ne!(entry.is_reproduced(), Some(false), "{entry}");
        let decides = entry.author != Author::Control && entry.rule != "majority";
        assert_eq!(entry.is_reproduced().is_some(), decides, "{entry}");
    }
}
