//! rayon: a pool of one thread, jobs injected from outside.

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::Spawn;

/// A rayon pool of one worker.
#[derive(Debug)]
pub struct Rayon(ThreadPool);

impl Rayon {
    /// Starts the pool.
    ///
    /// # Panics
    /// If the system starts no more threads.
    #[must_use]
    pub fn start() -> Self {
        Self(ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be started"))
    }
}

impl Spawn for Rayon {
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.0.spawn(job);
    }
}
