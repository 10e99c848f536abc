//! Everything that runs a closure on another thread, behind one trait.

mod channel;
mod heijunka;
mod rayon;
mod rusty_pool;
mod threadpool;
mod tokio;

use std::hint::spin_loop;
use std::sync::mpsc;
use std::time::Duration;

pub use channel::{Boxed, Channel, Wait};
pub use heijunka::Heijunka;
pub use rayon::Rayon;
pub use rusty_pool::RustyPool;
pub use threadpool::Threadpool;
pub use tokio::Tokio;

use crate::cores::{self, Cores};

/// Jobs that wait at most, where a pool has a bound.
pub const CAPACITY: usize = 1024;

/// What a submitter does that was refused for want of room, on both sides: it spins for about as long as the worker
/// takes to make room for so many jobs, instead of fighting it for the lines of the queue.
fn wait_for_room(jobs: usize) {
    for _ in 0..jobs * 8 {
        spin_loop();
    }
}

/// Runs closures on its one worker, in the order in which they came.
pub trait Spawn {
    /// Hands the job over; spins while there is no room for it.
    fn spawn(&self, job: impl FnOnce() + Send + 'static);
}

/// What `measure` makes of a fresh pool whose one worker is pinned to its core.
///
/// The pool is built on a thread confined to that core, so that the worker inherits the confinement, or finds no
/// other core to choose; a first job checks it, and starts workers that are started lazily. The calling thread is
/// on the submitter's core when `measure` runs.
///
/// # Panics
/// If the worker may run elsewhere: the row would compare different things.
pub fn with_pinned<P: Spawn, T>(cores: Cores, build: impl FnOnce() -> P, measure: impl FnOnce(&P) -> T) -> T {
    cores::pin(cores.worker);
    let pool = build();
    let (answer, question) = mpsc::sync_channel(1);
    pool.spawn(move || answer.send(cores::allowed()).expect("the builder waits for the answer"));
    let found = question.recv().expect("the first job runs");
    cores::pin(cores.submitter);
    assert_eq!(found, [cores.worker], "the worker is not pinned to its core");
    let measured = measure(&pool);
    drop(pool);
    // Some pools do not join their threads when dropped: let them end before the next one is measured.
    std::thread::sleep(Duration::from_millis(2));
    measured
}
