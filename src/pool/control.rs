//! Starting, replacing, retiring and joining the workers of a pool. Nothing here is on the way of a job.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use super::scaling::{ScaleError, bounded};
use super::shared::{Kind, Settings, Shared};
use super::status::{Capacity, Lately, PoolStatus, Reading, WorkerStatus, health_between, utilisation};
use super::worker::Worker;
use crate::admission::Regulator;
use crate::metrics::Latencies;
use crate::priority::Priority;
use crate::sync::{Arc, Parker};
use crate::thread::{Cores, Lease, Managed, Pinning, Unpinned};
use crate::time::{Clock, Deadline, Moment};

/// A pool of workers: started and stopped by the runtime, scaled by whoever holds it. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    pub(crate) shared: Arc<Shared>,
    pub(super) control: std::sync::Arc<Mutex<Control>>,
}

#[derive(Debug)]
pub(super) struct Control {
    /// No worker starts any more.
    ending: bool,
    slots: Vec<Slot>,
    /// Workers that are to be there.
    wanted: u32,
    /// Threads that leave or have left.
    leaving: Vec<Managed>,
    capacity: Capacity,
    lately: Lately,
}

#[derive(Debug)]
struct Slot {
    /// Here while no worker holds it.
    parker: Option<Parker>,
    thread: Option<Managed>,
    leaving: bool,
    pinning: Pinning,
}

impl Pool {
    /// A pool without workers; [`scale`](Self::scale) starts them.
    pub(crate) fn new(
        settings: Settings,
        regulator: std::sync::Arc<Regulator>,
        clock: Clock,
        cores: std::sync::Arc<Cores>,
    ) -> Self {
        let (shared, parkers) = Shared::new(settings, regulator, clock, cores);
        let now = shared.clock.now();
        let slot = |parker| Slot {
            parker: Some(parker),
            thread: None,
            leaving: false,
            pinning: Pinning::Floating(Unpinned::Starting),
        };
        let control = Control {
            ending: false,
            slots: parkers.into_iter().map(slot).collect(),
            wanted: 0,
            leaving: Vec::new(),
            capacity: Capacity::new(now),
            lately: Lately::new(now),
        };
        Self { shared: Arc::new(shared), control: std::sync::Arc::new(Mutex::new(control)) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// Starts or retires workers until there are `workers`. Retired ones finish the job they run first.
    ///
    /// # Errors
    /// [`ScaleError`]: out of the pool's bounds, stopped, or the system gave no thread; then as many as it gave are there.
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

    fn scale_from_present(&self, wish: impl FnOnce(u32) -> u32) -> Result<(), ScaleError> {
        let settings = &self.shared.settings;
        let mut control = self.control.lock();
        let workers = bounded(wish(control.present()), settings.min_workers, settings.max_workers)?;
        if control.ending {
            return Err(ScaleError::Stopped);
        }
        control.reap();
        control.wanted = workers;
        let mut result = Ok(());
        while control.present() < workers && result.is_ok() {
            result = self.start_worker(&mut control);
        }
        while control.present() > workers {
            control.retire_one(&self.shared);
        }
        self.count_workers(&mut control);
        result
    }

    /// Starts a worker in the first free slot.
    fn start_worker(&self, control: &mut Control) -> Result<(), ScaleError> {
        let free = |slot: &Slot| slot.parker.is_some();
        let at = control.slots.iter().position(free).ok_or(ScaleError::NoSlot)?;
        self.start_worker_in(at, control)
    }

    fn start_worker_in(&self, at: usize, control: &mut Control) -> Result<(), ScaleError> {
        let Some(parker) = control.slots[at].parker.take() else { return Err(ScaleError::NoSlot) };
        let inbox = self.shared.inbox();
        self.shared.state.set_leave(at, false);
        let settings = &self.shared.settings;
        let name = format!("hj-{}-{at}", settings.name);
        // Cpu workers may share a core, as far as the pool's minimum demands it; waiting ones rather float.
        let core = if settings.pin {
            self.shared.cores.take(settings.kind == Kind::Cpu)
        } else {
            Err(Unpinned::Configured)
        };
        // The parker travels in a cell, so that it is still here if no thread can be had.
        let parker = std::sync::Arc::new(Mutex::new(Some(parker)));
        let (pool, carried) = (self.clone(), parker.clone());
        let spawned = Managed::spawn(name, move || {
            if let Some(parker) = carried.lock().take() {
                pool.worker_thread(at, Worker::new(at, inbox, parker, pool.shared.clone()), core);
            }
        });
        let slot = &mut control.slots[at];
        match spawned {
            Ok(thread) => {
                slot.thread = Some(thread);
                slot.leaving = false;
                slot.pinning = Pinning::Floating(Unpinned::Starting);
                Ok(())
            }
            Err(error) => {
                slot.parker = parker.lock().take();
                Err(ScaleError::NoThread(error))
            }
        }
    }

    /// The life of a worker's thread.
    fn worker_thread(&self, at: usize, worker: Worker, core: Result<Lease, Unpinned>) {
        let mut end = End { pool: self, at, worker: Some(worker), core: Some(core) };
        let pin = |core: &Result<Lease, Unpinned>| {
            core.as_ref().map_or_else(|why| Pinning::Floating(*why), Lease::pin_here)
        };
        let pinning = end.core.as_ref().map_or(Pinning::Floating(Unpinned::Starting), pin);
        self.control.lock().slots[at].pinning = pinning;
        if let Some(worker) = &mut end.worker {
            worker.run();
        }
    }

    fn count_workers(&self, control: &mut Control) {
        let present = control.present();
        self.shared.state.set_workers(present);
        control.capacity.set_workers(present, self.shared.clock.now());
    }

    /// Its state and figures. Takes the control lock and reads every worker's cells without disturbing them; some
    /// 10 µs per worker.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let shared = &*self.shared;
        let settings = &shared.settings;
        let mut latency = Latencies::new();
        shared.all_cells().for_each(|cells| cells.add_latencies(&mut latency));
        let mut control = self.control.lock();
        let now = shared.clock.now();
        let totals = shared.totals();
        let reading = Reading { at: now, totals, capacity: control.capacity.at(now) };
        let before = control.lately.look(reading);
        let workers = control.present();
        let fullest = Priority::ALL.map(|lane| shared.lanes.waiting_in(lane)).into_iter().max().unwrap_or(0);
        let abandoned = shared.state.abandoned();
        let ran = totals.completed + totals.failed;
        PoolStatus {
            name: settings.name.clone(),
            domain: settings.domain.clone(),
            workers,
            min_workers: settings.min_workers,
            max_workers: settings.max_workers,
            utilisation: utilisation(before, reading),
            queue_length: shared.lanes.waiting(),
            in_flight: shared.running() + u32::try_from(shared.lanes.waiting()).unwrap_or(u32::MAX >> 1),
            average_latency: Duration::from_nanos(
                latency.sums[2].checked_div(latency.total.len()).unwrap_or(0),
            ),
            total_requests: ran + totals.expired + totals.cancelled + abandoned,
            failed_requests: totals.failed + totals.expired + abandoned,
            health: health_between(before, reading, workers, control.wanted, fullest, settings.lane),
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
            worker_status: control.worker_status(shared, now),
        }
    }

    /// Tells every worker to leave after the job it runs, for good. Whatever waits stays in the lanes.
    pub(crate) fn retire_all(&self) {
        let mut control = self.control.lock();
        control.ending = true;
        control.wanted = 0;
        while control.present() > 0 {
            control.retire_one(&self.shared);
        }
        self.count_workers(&mut control);
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
        let leaving = std::mem::take(&mut self.control.lock().leaving);
        let left: Vec<Managed> =
            leaving.into_iter().filter_map(|thread| thread.join_until(deadline).err()).collect();
        let names = left.iter().map(|thread| thread.name().to_owned()).collect();
        self.control.lock().leaving.extend(left);
        names
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

impl Control {
    /// Workers that take jobs.
    fn present(&self) -> u32 {
        let count = self.slots.iter().filter(|slot| slot.thread.is_some() && !slot.leaving).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Tells the last worker to leave.
    fn retire_one(&mut self, shared: &Shared) {
        let last = self.slots.iter().rposition(|slot| slot.thread.is_some() && !slot.leaving);
        if let Some(at) = last {
            let slot = &mut self.slots[at];
            slot.leaving = true;
            self.leaving.extend(slot.thread.take());
            shared.state.set_leave(at, true);
            shared.idle.wake(at);
        }
    }

    /// Joins threads that have ended.
    fn reap(&mut self) {
        let leaving = std::mem::take(&mut self.leaving);
        self.leaving.extend(leaving.into_iter().filter_map(|thread| thread.reap().err()));
    }

    fn worker_status(&self, shared: &Shared, now: Moment) -> Vec<WorkerStatus> {
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.parker.is_none());
        slots
            .map(|(at, slot)| WorkerStatus {
                name: format!("hj-{}-{at}", shared.settings.name),
                pinning: slot.pinning,
                running_for: shared.cells(at).running_since().map(|since| now.since(since)),
                leaving: slot.leaving,
            })
            .collect()
    }
}

/// What happens when a worker's thread ends, as told or by a panic.
struct End<'a> {
    pool: &'a Pool,
    at: usize,
    worker: Option<Worker>,
    core: Option<Result<Lease, Unpinned>>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let shared = &self.pool.shared;
        drop(self.core.take());
        let parker = self.worker.take().map(Worker::into_parker);
        let mut control = self.pool.control.lock();
        control.reap();
        let ending = control.ending;
        let slot = &mut control.slots[self.at];
        slot.parker = parker;
        let died = std::thread::panicking() && !slot.leaving && !ending;
        slot.leaving = false;
        if !died {
            return;
        }
        let thread = slot.thread.take();
        control.leaving.extend(thread);
        shared.state.count_replaced();
        let replaced = self.pool.start_worker_in(self.at, &mut control);
        self.pool.count_workers(&mut control);
        // A subscriber may look at the pool.
        drop(control);
        match replaced {
            Ok(()) => {
                tracing::error!(pool = %shared.settings.name, worker = self.at, "a worker died and was replaced");
            }
            Err(error) => {
                tracing::error!(pool = %shared.settings.name, worker = self.at, %error, "a worker died without replacement");
            }
        }
    }
}
