//! A worker: takes jobs from the lanes of its pool, and idles economically in between.

use std::cell::Cell;

use super::context::Context;
use super::finish::Finish;
use super::handle::enter_worker;
use super::job::Job;
use super::lanes::Inbox;
use super::shared::Shared;
use crate::error::JobError;
use crate::metrics::Skip;
use crate::sync::{Arc, Parker, spin_loop, yield_now};
use crate::thread::{Idle, Step};
use crate::time::Moment;

/// How often an idle worker looks again before it counts as idle: about a microsecond, so that a stream of small jobs
/// does not make it change its state between any two.
const LINGER: u32 = 32;

pub(super) struct Worker {
    /// Before `shared`, so that it goes first: jobs in it point to the regulator that `shared` owns.
    inbox: Inbox<Job>,
    parker: Parker,
    slot: usize,
    /// Since when it is the pool's spinner, if it is.
    spinning: Option<Moment>,
    /// Whether it just woke up: then there may be work for more than one.
    woken: bool,
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn new(slot: usize, inbox: Inbox<Job>, parker: Parker, shared: Arc<Shared>) -> Self {
        Self { inbox, parker, slot, spinning: None, woken: false, shared }
    }

    /// Takes jobs until told to leave.
    pub(super) fn run(&mut self) {
        enter_worker();
        while !self.shared.state.must_leave(self.slot) {
            if let Some(job) = self.inbox.take().or_else(|| self.idle()) {
                self.pass_on();
                self.execute(job);
            }
        }
        self.pass_on();
        // A wake-up meant for a worker may have reached one that leaves.
        self.shared.idle.forward(|| self.inbox.has_work());
    }

    /// The parker, for the next worker of this slot.
    pub(super) fn into_parker(self) -> Parker {
        self.parker
    }

    /// Leaves the idle state: submitters may have woken nobody, or one worker for several jobs.
    #[inline]
    fn pass_on(&mut self) {
        if self.spinning.take().is_some() {
            self.shared.idle.end_spin(|| self.inbox.has_work());
        } else if self.woken {
            self.shared.idle.forward(|| self.inbox.has_work());
        }
        self.woken = false;
    }

    #[inline]
    fn execute(&self, job: Job) {
        let shared = &*self.shared;
        let started = shared.clock.now();
        let cells = shared.cells(self.slot);
        if started >= job.deadline {
            cells.skip(Skip::Expired);
            return job.discard(JobError::Expired);
        }
        cells.begin(started);
        let Job { work, arrived, deadline, permit } = job;
        let finish = Finish { cells, clock: &shared.clock, arrived, started, permit: Some(permit) };
        let context = Context {
            pool: shared,
            worker: self.slot,
            arrived,
            started,
            deadline,
            cancelled: None,
            failed: Cell::new(false),
        };
        work.run(context, finish);
    }

    /// Comes back with the next job, or as soon as there may be one, or when the worker has to leave.
    #[cold]
    fn idle(&mut self) -> Option<Job> {
        let Self { inbox, parker, slot, spinning, woken, shared } = self;
        let must_leave = || shared.state.must_leave(*slot);
        let strategy = shared.settings.idle;
        if strategy != Idle::Park {
            if spinning.is_none() {
                for _ in 0..LINGER {
                    let job = inbox.take();
                    if job.is_some() {
                        return job;
                    }
                    spin_loop();
                }
                *spinning = shared.idle.try_spin(shared.workers() == 1).then(|| shared.clock.now());
            }
            while let Some(since) = *spinning {
                // Looking by taking: a look at the lane's end alone would see the job before it is written, and take the
                // line away from whoever writes it.
                let job = inbox.take();
                if job.is_some() || must_leave() {
                    return job;
                }
                match strategy.step(shared.clock.now().nanos_since(since)) {
                    Step::Spin => spin_loop(),
                    Step::Yield => yield_now(),
                    Step::Sleep => break,
                }
            }
        }
        // Falling asleep ends the spinning, and looks at the lanes once more.
        let spun = spinning.take().is_some();
        shared.idle.sleep(*slot, parker, spun, || inbox.has_work() || must_leave());
        *woken = true;
        None
    }
}
