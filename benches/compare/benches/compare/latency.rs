//! From submit to start: a job in, and the first instruction of it on the worker.

use std::time::Duration;

use heijunka::Idle;
use heijunka_compare::cores;
use heijunka_compare::latency::{Arrival, Latency, Pace};
use heijunka_compare::report::Goal;
use heijunka_compare::spawn::{
    CAPACITY, Channel, Heijunka, Rayon, RustyPool, Spawn, Threadpool, Tokio, Wait, with_pinned,
};
use heijunka_compare::suite::{Plan, Suite};

/// One round of a pool.
fn sample<P: Spawn>(plan: Plan, pace: Pace, build: impl FnOnce() -> P) -> Latency {
    with_pinned(plan.cores, build, |pool| pace.run(|arrival| pool.spawn(move || arrival.started())))
}

/// One round of the floor: no closure, no box, the bare message.
fn floor(plan: Plan, pace: Pace, wait: Wait) -> Latency {
    cores::pin(plan.cores.worker);
    let channel = Channel::start(CAPACITY, wait, Arrival::started);
    cores::pin(plan.cores.submitter);
    pace.run(|arrival| channel.send(arrival))
}

/// One row: ours with its default idle strategy against a pool.
fn row<P: Spawn>(suite: &mut Suite, peer: &str, pace: Pace, build: fn() -> P) {
    let plan = suite.plan;
    let ours = || sample(plan, pace, || Heijunka::start(Idle::default()));
    suite.latency(&format!("latency/default/{peer}"), Goal::Below(1.0), ours, || sample(plan, pace, build));
}

pub(crate) fn measure(suite: &mut Suite) {
    let plan = suite.plan;
    let stream = Pace::new(Duration::from_micros(20), plan.scaled(10_000));
    let seldom = Pace::new(Duration::from_millis(1), plan.scaled(300));

    let spinning = || sample(plan, stream, || Heijunka::start(Idle::Spin));
    suite.latency("latency/spin/crossbeam", Goal::AtMost(1.3), spinning, || floor(plan, stream, Wait::Spin));

    row(suite, "rayon", stream, Rayon::start);
    row(suite, "tokio", stream, Tokio::start);
    row(suite, "threadpool", stream, Threadpool::start);
    row(suite, "rusty_pool", stream, RustyPool::start);

    let parked = || sample(plan, seldom, || Heijunka::start(Idle::Park));
    suite.latency("latency/parked/crossbeam", Goal::AtMost(1.2), parked, || floor(plan, seldom, Wait::Block));
}
