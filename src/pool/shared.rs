//! What submitters and workers of one pool share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use super::job::Job;
use super::lanes::{Inbox, Lanes, lanes};
use super::post::Berth;
use super::state::State;
use crate::admission::Regulator;
use crate::error::JobError;
use crate::metrics::{KeySamples, Totals, WorkerCells};
use crate::priority::Priority;
use crate::sync::Mutex;
use crate::thread::{Bell, Closed, Cores, Idle, IdleSet};
use crate::time::{Clock, Moment};

/// What the jobs of a pool spend their time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Computing: more workers than cores gain nothing.
    #[default]
    Cpu,
    /// Waiting (for disks, other services): more workers than cores are welcome, and stay unpinned.
    Blocking,
}

/// How a pool is set up; validated by whoever makes it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) lane: usize,
    pub(crate) kind: Kind,
    pub(crate) idle: Idle,
    pub(crate) pin: bool,
    /// Tells it from others that had its name before.
    pub(crate) serial: u64,
}

/// The part of a pool that every submitter and every worker holds.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(super) clock: Clock,
    pub(super) cores: std::sync::Arc<Cores>,
    /// Calls the control thread.
    pub(super) bell: std::sync::Arc<Bell>,
    pub(super) lanes: Lanes<Job>,
    pub(super) idle: IdleSet,
    pub(super) state: State,
    /// One per slot.
    pub(super) berths: Box<[Mutex<Berth>]>,
    /// Samples of the keys that come here.
    pub(super) keys: KeySamples,
    /// Keeps the lanes open whoever leaves, and empties them when the pool is closed.
    spare: Mutex<Inbox<Job>>,
    /// One per slot, made when its first worker starts.
    cells: Box<[OnceLock<WorkerCells>]>,
    /// Last, so that it goes last: the permits of whatever jobs are still in the lanes point to it.
    _regulator: std::sync::Arc<Regulator>,
}

impl Shared {
    pub(super) fn new(
        settings: Settings,
        regulator: std::sync::Arc<Regulator>,
        clock: Clock,
        cores: std::sync::Arc<Cores>,
        bell: std::sync::Arc<Bell>,
    ) -> Self {
        let (lanes, inbox) = lanes(settings.lane);
        let (idle, parkers) = IdleSet::new(IdleSet::SLOTS);
        let cells = (0..IdleSet::SLOTS).map(|_| OnceLock::new()).collect();
        let state = State::new(IdleSet::SLOTS);
        Self {
            settings,
            clock,
            cores,
            bell,
            lanes,
            idle,
            state,
            berths: parkers.into_iter().map(|parker| Mutex::new(Berth::free(parker))).collect(),
            keys: KeySamples::new(),
            spare: Mutex::new(inbox),
            cells,
            _regulator: regulator,
        }
    }

    /// Keeps one key in 64, so that hot keys can be told. The low bits of the time are as good as dice, and already there.
    #[inline]
    pub(crate) fn note_key(&self, key: u64, now: Moment) {
        if now.as_nanos().is_multiple_of(64) {
            self.keys.sample(key);
        }
    }

    /// Puts the job into its lane; [`announce`](Self::announce) it afterwards. Lock-free, never blocks.
    #[inline]
    pub(crate) fn try_send(&self, lane: Priority, job: Job) -> Result<(), Job> {
        self.lanes.try_send(lane, job)
    }

    /// Sees to it that the job just sent is run: a worker is awake for it; or handed back, if the pool is closed.
    #[inline]
    pub(crate) fn announce(&self) {
        if self.idle.work_arrived() == Closed(true) {
            self.hand_back();
        }
    }

    /// An inbox for another worker.
    pub(super) fn inbox(&self) -> Inbox<Job> {
        self.spare.lock().clone()
    }

    /// Nothing that comes from now on is run. Hands back what waits; a submitter that was admitted before and comes later
    /// hands its own back.
    pub(super) fn close(&self) {
        self.idle.close();
        self.hand_back();
    }

    #[cold]
    fn hand_back(&self) {
        loop {
            // The lock is held for the take alone: what a job drops is the user's.
            let Some(job) = self.spare.lock().take() else { return };
            // Counted first, so that whoever is told finds it counted.
            self.state.count_abandoned();
            let dropped = catch_unwind(AssertUnwindSafe(|| job.discard(JobError::Abandoned)));
            if dropped.is_err() {
                tracing::warn!(pool = %self.settings.name, "a job handed back panicked when it was dropped");
            }
        }
    }

    pub(super) fn cells(&self, slot: usize) -> &WorkerCells {
        self.cells[slot].get_or_init(WorkerCells::new)
    }

    /// The cells of every slot that ever had a worker.
    pub(super) fn all_cells(&self) -> impl Iterator<Item = &WorkerCells> {
        self.cells.iter().filter_map(OnceLock::get)
    }

    /// The same, each with its slot.
    pub(super) fn cells_by_slot(&self) -> impl Iterator<Item = (usize, &WorkerCells)> {
        self.cells.iter().enumerate().filter_map(|(slot, cells)| Some((slot, cells.get()?)))
    }

    /// Jobs running or waiting here: exact enough for balancing, without a counter that every job would have to touch.
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        let busy = self.workers().saturating_sub(self.idle.idle());
        busy + u32::try_from(self.lanes.waiting()).unwrap_or(u32::MAX >> 1)
    }

    /// Workers that could start something now: those that neither run a job nor have one waiting for them. Some 100 ns.
    pub(crate) fn free(&self) -> u32 {
        let waiting = u32::try_from(self.lanes.waiting()).unwrap_or(u32::MAX);
        self.workers().saturating_sub(self.running().saturating_add(waiting))
    }

    #[inline]
    pub(crate) fn workers(&self) -> u32 {
        self.state.workers()
    }

    /// The counts of all workers.
    pub(super) fn totals(&self) -> Totals {
        let now = self.clock.now();
        let mut totals = Totals::default();
        self.all_cells().for_each(|cells| cells.add_to(&mut totals, now));
        totals
    }

    /// Jobs running now.
    pub(super) fn running(&self) -> u32 {
        let running = self.all_cells().filter(|cells| cells.running_since().is_some()).count();
        u32::try_from(running).unwrap_or(u32::MAX)
    }

    /// The mean time from arrival to end of the jobs that ran so far, if any did.
    pub(crate) fn mean_latency(&self) -> Option<Duration> {
        let (nanos, jobs) = self.all_cells().fold((0, 0), |(nanos, jobs), cells| {
            let (more_nanos, more_jobs) = cells.total_latency();
            (nanos + more_nanos, jobs + more_jobs)
        });
        u64::checked_div(nanos, jobs).map(Duration::from_nanos)
    }

    pub(crate) fn waiting_in(&self, lane: Priority) -> u32 {
        u32::try_from(self.lanes.waiting_in(lane)).unwrap_or(u32::MAX)
    }
}
