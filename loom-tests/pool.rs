//! The real worker, lanes, permits and idle set around a model of the channel: every accepted job is run or handed back.

use std::sync::Arc as PlainArc;
use std::sync::atomic::{AtomicBool, AtomicU32 as Plain, Ordering::Relaxed};

use super::Context;
use super::finish::Finish;
use super::job::{Job, Keeper, NEVER};
use super::shared::{Kind, Settings, Shared};
use super::work::Work;
use super::worker::Worker;
use crate::admission::{Class, Limits, Regulator};
use crate::error::JobError;
use crate::harness::{Model, Role, orders, run};
use crate::metrics::Ended;
use crate::priority::Priority;
use crate::sync::{Arc, Parker};
use crate::thread::{Cores, Idle};
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
    parkers: Vec<Parker>,
    fate: PlainArc<Fate>,
}

fn bench() -> Bench {
    let regulator = PlainArc::new(Regulator::new(Limits::new(2, 2, 0).unwrap()));
    let settings = Settings {
        name: "model".to_owned(),
        domain: "model".to_owned(),
        min_workers: 1,
        max_workers: 2,
        lane: 2,
        kind: Kind::Cpu,
        idle: Idle::Park,
        pin: false,
    };
    let (clock, _) = Clock::manual();
    let cores = PlainArc::new(Cores::of_process());
    let (pool, parkers) = Shared::new(settings, regulator.clone(), clock, cores);
    Bench { regulator, pool: Arc::new(pool), parkers, fate: PlainArc::default() }
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

    fn worker(&mut self, slot: usize) -> Role<'static> {
        let (parker, pool) = (self.parkers.remove(0), self.pool.clone());
        let mut worker = Worker::new(slot, pool.inbox(), parker, pool);
        Box::new(move || worker.run())
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
        let mut bench = bench();
        let (submitter, worker) = (bench.submitter(), bench.worker(0));
        let stopper = {
            let (regulator, pool) = (bench.regulator.clone(), bench.pool.clone());
            Box::new(move || {
                regulator.close();
                Bench::tell_to_leave(&pool, 0);
                pool.close();
            }) as Role
        };
        let Bench { regulator, fate, pool, .. } = bench;
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
        let mut bench = bench();
        // Whoever runs the job, the staying worker leaves afterwards.
        bench.fate.then_leave.store(2, Relaxed);
        let (pool, fate, regulator) = (bench.pool.clone(), bench.fate.clone(), bench.regulator.clone());
        let (leaving, staying, submitter) = (bench.worker(0), bench.worker(1), bench.submitter());
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
