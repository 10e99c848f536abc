//! `rusty_pool`: boxed closures over an unbounded crossbeam channel.

use rusty_pool::{Builder, ThreadPool};

use super::Spawn;

/// A `rusty_pool` of one worker.
pub struct RustyPool(ThreadPool);

impl RustyPool {
    /// Starts the pool; its worker starts with the first job.
    #[must_use]
    pub fn start() -> Self {
        Self(Builder::new().core_size(1).max_size(1).build())
    }
}

impl Spawn for RustyPool {
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.0.execute(job);
    }
}
