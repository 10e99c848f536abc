//! tokio: the multi-thread runtime with one worker, and without the drivers its worker would otherwise poll.

use tokio::runtime::{Builder, Runtime};

use super::Spawn;

/// A tokio runtime of one worker.
#[derive(Debug)]
pub struct Tokio(Runtime);

impl Tokio {
    /// Starts the runtime.
    ///
    /// # Panics
    /// If the system starts no more threads.
    #[must_use]
    pub fn start() -> Self {
        Self(Builder::new_multi_thread().worker_threads(1).build().expect("a thread can be started"))
    }
}

impl Spawn for Tokio {
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        // Dropping the handle detaches the task.
        drop(self.0.spawn(async move { job() }));
    }
}
