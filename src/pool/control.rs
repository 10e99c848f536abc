//! Starting, replacing, retiring and joining the workers of a pool. Nothing here is on the way of a job.

use std::time::Duration;

use parking_lot::Mutex;

use super::job::Job;
use super::lanes::Inbox;
use super::scaling::{ScaleError, bounded};
use super::shared::{Kind, Settings, Shared};
use super::status::{Capacity, Lately, PoolStatus, Reading, WorkerStatus, health_between, utilisation};
use super::worker::Worker;
use crate::admission::Regulator;
use crate::metrics::{Latencies, Totals};
use crate::priority::Priority;
use crate::sync::{Arc, Parker};
use crate::thread::{Cores, Lease, Managed, Pinning, Unpinned};
use crate::time::{Clock, Moment};

/// A pool of workers: started and stopped by the runtime, scaled by whoever holds it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    pub(crate) shared: Arc<Shared>,
    pub(super) control: std::sync::Arc<Mutex<Control>>,
}

#[derive(Debug)]
pub(super) struct Control {
    /// `None` once the pool is closed. Goes before the pool's `shared` part, as jobs in it point there.
    inbox: Option<Inbox<Job>>,
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
        let (shared, inbox, parkers) = Shared::new(settings, regulator, clock, cores);
        let now = shared.clock.now();
        let slot = |parker| Slot {
            parker: Some(parker),
            thread: None,
            leaving: false,
            pinning: Pinning::Floating(Unpinned::Starting),
        };
        let control = Control {
            inbox: Some(inbox),
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
        let settings = &self.shared.settings;
        self.scale(bounded(workers, settings.min_workers, settings.max_workers)?)
    }

    /// Starts one more worker, as [`scale_to`](Self::scale_to).
    ///
    /// # Errors
    /// As [`scale_to`](Self::scale_to).
    pub fn scale_up(&self) -> Result<(), ScaleError> {
        self.scale_to(self.shared.workers() + 1)
    }

    /// Retires one worker, as [`scale_to`](Self::scale_to).
    ///
    /// # Errors
    /// As [`scale_to`](Self::scale_to).
    pub fn scale_down(&self) -> Result<(), ScaleError> {
        self.scale_to(self.shared.workers().saturating_sub(1))
    }

    pub(crate) fn scale(&self, workers: u32) -> Result<(), ScaleError> {
        let mut control = self.control.lock();
        if control.inbox.is_none() {
            return Err(ScaleError::Stopped);
        }
        control.reap(&self.shared);
        control.wanted = workers;
        while control.present() > workers {
            control.retire_one(&self.shared);
        }
        let mut result = Ok(());
        while result.is_ok() && control.present() < workers {
            result = self.start_worker(&mut control);
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
        let (Some(inbox), Some(parker)) = (control.inbox.clone(), control.slots[at].parker.take()) else {
            return Err(ScaleError::Stopped);
        };
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
        let pinning = core.as_ref().map_or_else(|why| Pinning::Floating(*why), Lease::pin_here);
        self.control.lock().slots[at].pinning = pinning;
        let mut end = End { pool: self, at, worker: Some(worker), core: Some(core) };
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
        let mut totals = Totals::default();
        shared.all_cells().for_each(|cells| cells.add_to(&mut totals, now));
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
            in_flight: shared.in_flight(),
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

    /// Tells every worker to leave after the job it runs. Whatever waits stays in the lanes.
    pub(crate) fn retire_all(&self) {
        let mut control = self.control.lock();
        control.wanted = 0;
        while control.present() > 0 {
            control.retire_one(&self.shared);
        }
        self.count_workers(&mut control);
    }

    /// Running jobs see themselves cancelled from now on.
    pub(crate) fn abort(&self) {
        self.shared.state.abort();
    }

    /// Joins the workers that leave, at most until `deadline`; returns the names of those that did not.
    pub(crate) fn join_until(&self, deadline: Moment) -> Vec<String> {
        let leaving = std::mem::take(&mut self.control.lock().leaving);
        let left: Vec<Managed> = leaving
            .into_iter()
            .filter_map(|thread| thread.join_until(&self.shared.clock, deadline).err())
            .collect();
        let names = left.iter().map(|thread| thread.name().to_owned()).collect();
        self.control.lock().leaving.extend(left);
        names
    }

    /// Hands back what waits, and lets nothing in any more: a submitter that comes this late gets its work back.
    /// Returns how many jobs were handed back.
    pub(crate) fn close(&self) -> u64 {
        let Some(mut inbox) = self.control.lock().inbox.take() else { return 0 };
        let mut abandoned = 0;
        while let Some(job) = inbox.take() {
            // Counted first, so that whoever was told finds it counted.
            self.shared.state.count_abandoned(1);
            abandoned += 1;
            drop(job);
        }
        abandoned
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
    fn reap(&mut self, shared: &Shared) {
        let leaving = std::mem::take(&mut self.leaving);
        let passed = Moment::default();
        self.leaving
            .extend(leaving.into_iter().filter_map(|thread| thread.join_until(&shared.clock, passed).err()));
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
        let slot = &mut control.slots[self.at];
        slot.parker = parker;
        let died = std::thread::panicking() && !slot.leaving;
        slot.leaving = false;
        if died {
            let thread = slot.thread.take();
            control.leaving.extend(thread);
            shared.state.count_replaced();
            tracing::error!(pool = %shared.settings.name, worker = self.at, "a worker died and is replaced");
            if let Err(error) = self.pool.start_worker_in(self.at, &mut control) {
                tracing::error!(pool = %shared.settings.name, worker = self.at, %error, "no replacement");
            }
            self.pool.count_workers(&mut control);
        }
    }
}
