//! The whole path of jobs that do nothing but count themselves: one submitter, one worker, until all have run.

use heijunka::Idle;
use heijunka_compare::clock;
use heijunka_compare::report::Goal;
use heijunka_compare::spawn::{
    CAPACITY, Channel, Heijunka, Rayon, RustyPool, Spawn, Threadpool, Tokio, Wait, with_pinned,
};
use heijunka_compare::suite::{Plan, Suite};
use heijunka_compare::tally::Tally;

/// Jobs handed over with one call of `execute_many`.
const BATCH: u32 = 64;

/// Nanoseconds per job, from the first submit until the last job has run. `submit` hands over that many.
fn sample<P: Spawn>(
    plan: Plan,
    tally: &'static Tally,
    build: impl FnOnce() -> P,
    submit: impl Fn(&P, u32),
) -> f64 {
    let jobs = plan.scaled(200_000);
    let run = |pool: &P, jobs: u32| {
        tally.reset();
        let start = clock::raw();
        submit(pool, jobs);
        tally.wait_for(u64::from(jobs));
        clock::nanos_between(start, clock::raw()) as f64 / f64::from(jobs)
    };
    with_pinned(plan.cores, build, |pool| {
        run(pool, jobs / 10);
        run(pool, jobs)
    })
}

/// One by one, as everybody can.
fn singly<P: Spawn>(tally: &'static Tally) -> impl Fn(&P, u32) {
    move |pool, jobs| (0..jobs).for_each(|_| pool.spawn(|| tally.add_one()))
}

/// One row: ours against a pool, job by job.
fn row<P: Spawn>(suite: &mut Suite, tally: &'static Tally, peer: &str, build: fn() -> P) {
    let plan = suite.plan;
    suite.ratio(
        &format!("throughput/{peer}"),
        Goal::AtMost(1.0),
        || sample(plan, tally, || Heijunka::start(Idle::default()), singly(tally)),
        || sample(plan, tally, build, singly(tally)),
    );
}

pub(crate) fn measure(suite: &mut Suite) {
    let tally = Tally::leaked();
    // A receiver that blocks: it is faster here than one that spins and disturbs the sender.
    row(suite, tally, "crossbeam", || Channel::of_closures(CAPACITY, Wait::Block));
    row(suite, tally, "rayon", Rayon::start);
    row(suite, tally, "tokio", Tokio::start);
    row(suite, tally, "threadpool", Threadpool::start);
    row(suite, tally, "rusty_pool", RustyPool::start);

    let plan = suite.plan;
    let ours = || Heijunka::start(Idle::default());
    let many = |pool: &Heijunka, jobs: u32| {
        for first in (0..jobs).step_by(BATCH as usize) {
            pool.spawn_many((first..jobs.min(first + BATCH)).map(|_| || tally.add_one()));
        }
    };
    // 1.5 times the jobs in the same time.
    suite.ratio(
        "throughput/many-vs-single",
        Goal::AtMost(1.0 / 1.5),
        || sample(plan, tally, ours, many),
        || sample(plan, tally, ours, singly(tally)),
    );
}
