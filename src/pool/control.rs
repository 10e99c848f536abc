//! A pool as its users hold it: looked at, scaled by hand, and ended. Nothing here is on the way of a job.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use super::crew::{Crew, Tended};
use super::scaling::{ScaleError, bounded};
use super::shared::{Settings, Shared};
use super::status::{PoolStatus, Reading, health_between, utilisation};
use crate::admission::Regulator;
use crate::metrics::Latencies;
use crate::priority::Priority;
use crate::sync::Arc;
use crate::thread::{Bell, Cores};
use crate::time::{Clock, Deadline, Moment};

/// A pool of workers: started and stopped by the runtime, scaled by its control thread or by whoever holds it. Cheap to
/// clone.
#[derive(Clone)]
pub struct Pool {
    pub(crate) shared: Arc<Shared>,
    pub(super) crew: std::sync::Arc<Mutex<Crew>>,
}

impl Pool {
    /// A pool without workers, which [`start`](Self::start) brings.
    pub(crate) fn new(
        settings: Settings,
        (min, max): (u32, u32),
        regulator: std::sync::Arc<Regulator>,
        clock: Clock,
        cores: std::sync::Arc<Cores>,
        bell: std::sync::Arc<Bell>,
    ) -> Self {
        let shared = Shared::new(settings, regulator, clock, cores, bell);
        let crew = Crew::new(min, max, shared.clock.now());
        Self { shared: Arc::new(shared), crew: std::sync::Arc::new(Mutex::new(crew)) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// Starts the least number of workers.
    pub(crate) fn start(&self) -> Result<(), ScaleError> {
        let mut crew = self.crew.lock();
        crew.wanted = crew.min;
        crew.tend(&self.shared).missing.map_or(Ok(()), Err)
    }

    /// Starts or retires workers until there are `workers`. Retired ones finish the job they run first. The number holds,
    /// whatever the load, until [`auto`](Self::auto).
    ///
    /// # Errors
    /// [`ScaleError`]: out of the pool's bounds, stopped, or the system gave no thread; then as many as it gave are there, and
    /// the control thread goes on trying.
    ///
    /// Blocks while threads are created, not while they leave.
    pub fn scale_to(&self, workers: u32) -> Result<(), ScaleError> {
        self.scale_from_present(|_| workers)
    }

    /// Starts one more worker, as [`scale_to`](Self::scale_to).
    ///
    /// # Errors
    /// As [`scale_to`](Self::scale_to).
    pub fn scale_up(&self) -> Result<(), ScaleError> {
        self.scale_from_present(|present| present + 1)
    }

    /// Retires one worker, as [`scale_to`](Self::scale_to).
    ///
    /// # Errors
    /// As [`scale_to`](Self::scale_to).
    pub fn scale_down(&self) -> Result<(), ScaleError> {
        self.scale_from_present(|present| present.saturating_sub(1))
    }

    /// Lets go of a number set by hand: from now on the load decides again.
    pub fn auto(&self) {
        self.crew.lock().by_hand = false;
    }

    fn scale_from_present(&self, wish: impl FnOnce(u32) -> u32) -> Result<(), ScaleError> {
        let mut crew = self.crew.lock();
        let workers = bounded(wish(crew.present()), crew.min, crew.max)?;
        if crew.ending {
            return Err(ScaleError::Stopped);
        }
        crew.by_hand = true;
        crew.wanted = workers;
        crew.tend(&self.shared).missing.map_or(Ok(()), Err)
    }

    /// What the control thread decided: so many workers, of them so many for a burst. A number set by hand meanwhile stays.
    pub(crate) fn resize(&self, workers: u32, surge: u32) -> Tended {
        let mut crew = self.crew.lock();
        if !crew.by_hand {
            crew.wanted = workers.clamp(crew.min, crew.max);
        }
        let tended = crew.tend_and_note(&self.shared);
        crew.mark_surge(surge);
        tended
    }

    /// Joins what has ended and replaces what is missing.
    pub(crate) fn tend(&self) -> Tended {
        self.crew.lock().tend_and_note(&self.shared)
    }

    /// Changes the bounds. What is outside of them comes inside at the next tick.
    pub(crate) fn set_bounds(&self, min: u32, max: u32) {
        let mut crew = self.crew.lock();
        (crew.min, crew.max) = (min, max);
    }

    /// The number of workers set by hand, if one was.
    pub(crate) fn by_hand(&self) -> Option<u32> {
        let crew = self.crew.lock();
        crew.by_hand.then_some(crew.wanted)
    }

    /// Sends up to so many workers to another pool at the end of their jobs, the idle ones first; returns how many go.
    pub(crate) fn send(&self, to: &Pool, workers: u32) -> u32 {
        if self.is(to) {
            return 0;
        }
        // Always in the same order, so that two who send in opposite directions do not wait for each other.
        let (mut from_crew, mut to_crew);
        if std::sync::Arc::as_ptr(&self.crew) < std::sync::Arc::as_ptr(&to.crew) {
            from_crew = self.crew.lock();
            to_crew = to.crew.lock();
        } else {
            to_crew = to.crew.lock();
            from_crew = self.crew.lock();
        }
        if from_crew.by_hand || to_crew.by_hand {
            return 0;
        }
        from_crew.send(&self.shared, &mut to_crew, &to.shared, workers)
    }

    /// Gives up workers whose jobs have been running since before `since`, `most` at most; returns their names.
    pub(crate) fn give_up(&self, since: Moment, most: u32) -> Vec<String> {
        self.crew.lock().give_up(&self.shared, since, most)
    }

    /// Its state and figures. Takes the control lock and reads every worker's cells without disturbing them; some
    /// 10 µs per worker.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let shared = &*self.shared;
        let settings = &shared.settings;
        let mut latency = Latencies::new();
        shared.all_cells().for_each(|cells| cells.add_latencies(&mut latency));
        let mut crew = self.crew.lock();
        let now = shared.clock.now();
        let totals = shared.totals();
        let reading = Reading { at: now, totals, capacity: crew.capacity.at(now) };
        let before = crew.lately.look(reading);
        let workers = crew.present();
        let fullest = Priority::ALL.map(|lane| shared.lanes.waiting_in(lane)).into_iter().max().unwrap_or(0);
        let abandoned = shared.state.abandoned();
        let ran = totals.completed + totals.failed;
        PoolStatus {
            name: settings.name.clone(),
            domain: settings.domain.clone(),
            workers,
            min_workers: crew.min,
            max_workers: crew.max,
            by_hand: crew.by_hand,
            surge_workers: crew.surge(),
            lost_workers: crew.lost(),
            utilisation: utilisation(before, reading),
            queue_length: shared.lanes.waiting(),
            in_flight: shared.running() + u32::try_from(shared.lanes.waiting()).unwrap_or(u32::MAX >> 1),
            average_latency: Duration::from_nanos(
                latency.sums[2].checked_div(latency.total.len()).unwrap_or(0),
            ),
            total_requests: ran + totals.expired + totals.cancelled + abandoned,
            failed_requests: totals.failed + totals.expired + abandoned,
            health: health_between(before, reading, workers, crew.wanted, fullest, settings.lane),
            completed: totals.completed,
            failed: totals.failed,
            panicked: totals.panicked,
            expired: totals.expired,
            cancelled: totals.cancelled,
            abandoned,
            replaced_workers: shared.state.replaced(),
            busy: Duration::from_nanos(totals.busy_nanos),
            capacity: Duration::from_nanos(reading.capacity),
            latency,
            worker_status: crew.worker_status(shared, now),
        }
    }

    /// Tells every worker to leave after the job it runs, for good. Whatever waits stays in the lanes.
    pub(crate) fn retire_all(&self) {
        self.crew.lock().dismiss_all(&self.shared);
    }

    /// Hands back what waits, and whatever a submitter that was admitted before still brings.
    pub(crate) fn close(&self) {
        self.shared.close();
    }

    /// Running jobs see themselves cancelled from now on.
    pub(crate) fn abort(&self) {
        self.shared.state.abort();
    }

    /// Joins the workers that leave, at most until `deadline`; returns the names of those that did not.
    pub(crate) fn join_until(&self, deadline: &Deadline) -> Vec<String> {
        let leaving = self.crew.lock().take_leaving();
        let left = leaving.join_until(deadline);
        self.crew.lock().take_back(left)
    }

    /// How many jobs have ended, by running or not, and how many of these were handed back.
    pub(crate) fn ended(&self) -> (u64, u64) {
        let totals = self.shared.totals();
        let abandoned = self.shared.state.abandoned();
        (totals.completed + totals.failed + totals.expired + totals.cancelled + abandoned, abandoned)
    }

    /// Whether both are the same pool.
    pub(crate) fn is(&self, other: &Pool) -> bool {
        std::ptr::eq(&raw const *self.shared, &raw const *other.shared)
    }

    /// Joins threads that have ended; whether none is left.
    pub(crate) fn is_gone(&self) -> bool {
        let mut crew = self.crew.lock();
        crew.tend(&self.shared);
        crew.is_gone()
    }

    /// Whether nothing waits in its lanes.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.lanes.waiting() == 0
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name())
            .field("workers", &self.shared.workers())
            .finish_non_exhaustive()
    }
}
