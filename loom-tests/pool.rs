//! The real worker, lanes, permits and idle set around a model of the channel: every accepted job is run or handed back,
//! and no worker is lost on its way from one pool to another.

use std::sync::Arc as PlainArc;
use std::sync::atomic::{AtomicBool, AtomicU32 as Plain, Ordering::Relaxed};

use super::Context;
use super::finish::Finish;
use super::job::{Job, Keeper, NEVER};
use super::post::Post;
use super::shared::{Kind, Settings, Shared};
use super::work::Work;
use super::worker::Worker;
use crate::admission::{Class, Limits, Regulator};
use crate::error::JobError;
use crate::harness::{Model, Role, orders, run};
use crate::metrics::Ended;
use crate::priority::Priority;
use crate::sync::Arc;
use crate::thread::{Bell, Cores, Idle};
use crate::time::{Clock, Moment};

#[derive(Default)]
struct Fate {
    ran: Plain,
    discarded: Plain,
    /// The worker that has to leave once the job has run: 1 + slot.
    then_leave: Plain,
    refused: AtomicBool,
}

struct Probe {
    fate: PlainArc<Fate>,
    pool: Arc<Shared>,
}

impl Work for Probe {
    fn run(self, _context: Context<'_>, finish: Finish<'_>) {
        finish.ended(Ended::Completed);
        self.fate.ran.fetch_add(1, Relaxed);
        if let Some(slot) = (self.fate.then_leave.load(Relaxed) as usize).checked_sub(1) {
            self.pool.state.set_leave(slot, true);
        }
    }

    fn discard(self, _why: JobError) {
        self.fate.discarded.fetch_add(1, Relaxed);
    }
}

struct Bench {
    regulator: PlainArc<Regulator>,
    pool: Arc<Shared>,
    fate: PlainArc<Fate>,
}

fn bench() -> Bench {
    bench_under(PlainArc::new(Regulator::new(Limits::new(2, 2, 0).unwrap())))
}

fn bench_under(regulator: PlainArc<Regulator>) -> Bench {
    let (clock, _) = Clock::manual();
    Bench { pool: open(&regulator, &clock), regulator, fate: PlainArc::default() }
}

/// A pool without workers.
pub(crate) fn open(regulator: &PlainArc<Regulator>, clock: &Clock) -> Arc<Shared> {
    let settings = Settings {
        name: "model".to_owned(),
        domain: "model".to_owned(),
        lane: 2,
        kind: Kind::Cpu,
        idle: Idle::Park,
        pin: false,
        serial: 0,
    };
    let cores = PlainArc::new(Cores::of_process());
    Arc::new(Shared::new(settings, regulator.clone(), clock.clone(), cores, PlainArc::<Bell>::default()))
}

/// One more worker, until it is [dismissed](dismiss).
pub(crate) fn worker(pool: &Arc<Shared>) -> Role<'static> {
    let post = Post::claim(pool).unwrap();
    // Here, since loom does not see how they are handed over to those who read them: by a `OnceLock`.
    pool.cells(post.slot);
    pool.state.set_workers(pool.workers() + 1);
    let worker = Worker::new(post);
    Box::new(move || worker.run())
}

/// Tells all workers to leave.
pub(crate) fn dismiss(pool: &Shared) {
    (0..2).for_each(|slot| pool.dismiss(slot, None));
}

/// Nothing that comes from now on is run.
pub(crate) fn close(pool: &Shared) {
    pool.close();
}

/// Jobs handed back unrun.
pub(crate) fn abandoned(pool: &Shared) -> u64 {
    pool.state.abandoned()
}

impl Bench {
    /// Admitted and handed over as a domain does it.
    fn submitter(&self) -> Role<'static> {
        let (regulator, pool, fate) = (self.regulator.clone(), self.pool.clone(), self.fate.clone());
        Box::new(move || {
            let Ok(permit) = regulator.try_acquire(Class::NORMAL) else {
                return fate.refused.store(true, Relaxed);
            };
            // SAFETY: the pool keeps the regulator.
            let permit = permit.rebind(unsafe { Keeper::new(&regulator) });
            let probe = Probe { fate: fate.clone(), pool: pool.clone() };
            match pool.try_send(Priority::Normal, Job::new(probe, Moment::default(), NEVER, permit)) {
                Ok(()) => pool.announce(),
                Err(job) => {
                    // SAFETY: made from a `Probe` above. Forgotten: handed back to the caller, not discarded.
                    let probe: Probe = unsafe { job.into_work() };
                    drop(probe);
                    fate.refused.store(true, Relaxed);
                }
            }
        })
    }

    /// A worker in the first free slot.
    fn worker(&self) -> Role<'static> {
        let worker = Worker::new(Post::claim(&self.pool).unwrap());
        Box::new(move || worker.run())
    }

    /// Nobody holds a slot any more.
    fn is_deserted(&self) -> bool {
        let claimed = [Post::claim(&self.pool), Post::claim(&self.pool)];
        claimed.iter().all(Option::is_some)
    }

    fn tell_to_leave(pool: &Shared, slot: usize) {
        pool.state.set_leave(slot, true);
        pool.idle.wake(slot);
    }
}

/// What became of the one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Ran,
    HandedBack,
    Refused,
}

fn end(fate: &Fate) -> End {
    let counts = (fate.ran.load(Relaxed), fate.discarded.load(Relaxed), fate.refused.load(Relaxed));
    match counts {
        (1, 0, false) => End::Ran,
        (0, 1, false) => End::HandedBack,
        (0, 0, true) => End::Refused,
        lost => panic!("the job was lost or doubled: (ran, handed back, refused) = {lost:?}"),
    }
}

/// Stopping while a job comes in: it is refused, run, or handed back; the worker leaves; the permit is back.
#[test]
fn stop_runs_or_hands_back_every_job() {
    fn execution(arrangement: usize) -> End {
        let bench = bench();
        let (submitter, worker) = (bench.submitter(), bench.worker());
        let stopper = {
            let (regulator, pool) = (bench.regulator.clone(), bench.pool.clone());
            Box::new(move || {
                regulator.close();
                Bench::tell_to_leave(&pool, 0);
                pool.close();
            }) as Role
        };
        let Bench { regulator, fate, pool } = bench;
        run(vec![submitter, worker, stopper], arrangement);
        assert_eq!(regulator.status().in_flight, 0, "the permit is back");
        drop(pool);
        end(&fate)
    }
    Model { name: "pool::stop_runs_or_hands_back_every_job", preemptions: 2, floor: 1000 }.check(
        orders(3),
        &[End::Ran, End::HandedBack, End::Refused],
        execution,
    );
}

/// A worker that leaves may have been woken for a job: the other one gets it.
#[test]
fn a_leaving_worker_passes_its_wake_up_on() {
    fn execution(_: usize) -> End {
        let bench = bench();
        // Whoever runs the job, the staying worker leaves afterwards.
        bench.fate.then_leave.store(2, Relaxed);
        let (pool, fate, regulator) = (bench.pool.clone(), bench.fate.clone(), bench.regulator.clone());
        let (leaving, staying, submitter) = (bench.worker(), bench.worker(), bench.submitter());
        drop(bench);
        let other = pool.clone();
        let staying = loom::thread::spawn(staying);
        let leaving = loom::thread::spawn(move || {
            leaving();
            // If this one ran the job, the other may sleep without work: tell it.
            if fate.ran.load(Relaxed) == 1 {
                Bench::tell_to_leave(&other, 1);
            }
            fate
        });
        pool.state.set_leave(0, true);
        submitter();
        pool.idle.wake(0);
        let fate = leaving.join().unwrap();
        staying.join().unwrap();
        assert_eq!(regulator.status().in_flight, 0, "the permit is back");
        end(&fate)
    }
    Model { name: "pool::a_leaving_worker_passes_its_wake_up_on", preemptions: 2, floor: 100 }.check(
        1,
        &[End::Ran],
        execution,
    );
}

/// A worker is sent to a pool that has none, while a job arrives there: it comes and runs it.
#[test]
fn a_worker_that_is_sent_serves_where_it_is_sent_to() {
    fn execution(arrangement: usize) -> End {
        let from = bench();
        let to = bench_under(from.regulator.clone());
        to.fate.then_leave.store(1, Relaxed);
        let (worker, submitter) = (from.worker(), to.submitter());
        let sender = {
            let (from, to) = (from.pool.clone(), to.pool.clone());
            Box::new(move || from.dismiss(0, Post::claim(&to))) as Role
        };
        run(vec![submitter, worker, sender], arrangement);
        assert!(from.is_deserted() && to.is_deserted(), "both slots are free again");
        assert_eq!(from.regulator.status().in_flight, 0, "the permit is back");
        end(&to.fate)
    }
    Model { name: "pool::a_worker_that_is_sent_serves_where_it_is_sent_to", preemptions: 2, floor: 1000 }
        .check(orders(3), &[End::Ran], execution);
}

/// It is retired by the other pool before it has come there, while a job arrives: it ends, and the job runs or is handed back.
#[test]
fn a_worker_retired_on_its_way_ends_and_leaves_no_job_behind() {
    fn execution(arrangement: usize) -> End {
        let from = bench();
        let to = bench_under(from.regulator.clone());
        let (worker, submitter) = (from.worker(), to.submitter());
        let manager = {
            let (from, to) = (from.pool.clone(), to.pool.clone());
            Box::new(move || {
                from.dismiss(0, Post::claim(&to));
                to.dismiss(0, None);
                to.close();
            }) as Role
        };
        run(vec![submitter, worker, manager], arrangement);
        assert!(from.is_deserted() && to.is_deserted(), "both slots are free again");
        assert_eq!(from.regulator.status().in_flight, 0, "the permit is back");
        end(&to.fate)
    }
    Model {
        name: "pool::a_worker_retired_on_its_way_ends_and_leaves_no_job_behind",
        preemptions: 2,
        floor: 1000,
    }
    .check(orders(3), &[End::Ran, End::HandedBack], execution);
}

/// A worker is sent away while a job arrives where it was: the one that stays gets it, woken by whoever took the wake-up.
#[test]
fn a_worker_that_is_sent_away_strands_no_job() {
    fn execution(_: usize) -> End {
        let from = bench();
        let to = bench_under(from.regulator.clone());
        // Whoever runs the job, the staying worker leaves afterwards.
        from.fate.then_leave.store(2, Relaxed);
        let (pool, fate, regulator) = (from.pool.clone(), from.fate.clone(), from.regulator.clone());
        let (sent, staying, submitter) = (from.worker(), from.worker(), from.submitter());
        let staying = loom::thread::spawn(staying);
        let sent = {
            let (pool, fate) = (pool.clone(), fate.clone());
            loom::thread::spawn(move || {
                sent();
                // If this one ran the job, the other may sleep without work: tell it.
                if fate.ran.load(Relaxed) == 1 {
                    pool.dismiss(1, None);
                }
            })
        };
        // Sent, and retired there at once, so that it ends; the flag first: it may be on its way before it is woken.
        let post = Post::claim(&to.pool);
        to.pool.state.set_leave(0, true);
        pool.berths[0].lock().send_to(post);
        pool.state.set_leave(0, true);
        submitter();
        pool.idle.wake(0);
        sent.join().unwrap();
        staying.join().unwrap();
        assert!(from.is_deserted() && to.is_deserted(), "all slots are free again");
        assert_eq!(regulator.status().in_flight, 0, "the permit is back");
        end(&fate)
    }
    Model { name: "pool::a_worker_that_is_sent_away_strands_no_job", preemptions: 2, floor: 100 }.check(
        1,
        &[End::Ran],
        execution,
    );
}
