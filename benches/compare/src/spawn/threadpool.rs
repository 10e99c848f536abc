//! threadpool: boxed closures behind a mutex around std's channel.

use threadpool::ThreadPool;

use super::Spawn;

/// A threadpool of one worker.
#[derive(Debug)]
pub struct Threadpool(ThreadPool);

impl Threadpool {
    /// Starts the pool.
    #[must_use]
    pub fn start() -> Self {
        Self(ThreadPool::new(1))
    }
}

impl Spawn for Threadpool {
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.0.execute(job);
    }
}
