//! A worker: takes jobs from the lanes of its pool, and idles economically in between.

use std::cell::Cell;

use super::context::Context;
use super::finish::Finish;
use super::handle::enter_worker;
use super::job::Job;
use super::lanes::Inbox;
use super::post::Post;
use crate::error::JobError;
use crate::metrics::Skip;
use crate::sync::{spin_loop, yield_now};
use crate::thread::{Idle, Step};
use crate::time::Moment;

/// How often an idle worker looks again before it counts as idle: about a microsecond, so that a stream of small jobs
/// does not make it change its state between any two.
const LINGER: u32 = 32;

pub(super) struct Worker {
    /// Before the post, so that it goes first: jobs in it point to the regulator that the pool owns.
    inbox: Inbox<Job>,
    post: Post,
    /// Since when it is the pool's spinner, if it is.
    spinning: Option<Moment>,
    /// Whether it just woke up: then there may be work for more than one.
    woken: bool,
}

impl Worker {
    pub(super) fn new(post: Post) -> Self {
        Self { inbox: post.shared.inbox(), post, spinning: None, woken: false }
    }

    /// Takes jobs until told to leave, then goes where it is sent, and leaves for good when it is sent nowhere.
    pub(super) fn run(mut self) {
        enter_worker();
        loop {
            self.serve();
            match self.post.orders() {
                Some(post) => self = Self::new(post),
                None => return,
            }
        }
    }

    fn serve(&mut self) {
        while !self.post.shared.state.must_leave(self.post.slot) {
            if let Some(job) = self.inbox.take().or_else(|| self.idle()) {
                self.pass_on();
                self.execute(job);
            }
        }
        self.pass_on();
        // A wake-up meant for a worker may have reached one that leaves.
        self.post.shared.idle.forward(|| self.inbox.has_work());
    }

    /// Leaves the idle state: submitters may have woken nobody, or one worker for several jobs.
    #[inline]
    fn pass_on(&mut self) {
        if self.spinning.take().is_some() {
            self.post.shared.idle.end_spin(|| self.inbox.has_work());
        } else if self.woken {
            self.post.shared.idle.forward(|| self.inbox.has_work());
        }
        self.woken = false;
    }

    #[inline]
    fn execute(&self, job: Job) {
        let Post { shared, slot, .. } = &self.post;
        let started = shared.clock.now();
        let cells = shared.cells(*slot);
        if started >= job.deadline {
            cells.skip(Skip::Expired);
            return job.discard(JobError::Expired);
        }
        let Job { work, arrived, deadline, permit } = job;
        cells.begin(arrived, started, shared.state.tick());
        let finish =
            Finish { cells, clock: &shared.clock, arrived, started, permit: Some(permit), span: None };
        let context = Context {
            pool: shared,
            worker: *slot,
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
        let Self { inbox, post, spinning, woken } = self;
        let Post { shared, slot, .. } = &*post;
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
        shared.idle.sleep(*slot, post.parker(), spun, || inbox.has_work() || must_leave());
        *woken = true;
        None
    }
}
