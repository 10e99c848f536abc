//! Ours: one domain, one pool, the whole path from admission to the permit's return.

use std::cell::Cell;

use heijunka::{Config, Context, Domain, Idle, Key, PoolConfig, Runtime};

use super::{CAPACITY, Spawn, wait_for_room};

/// In flight that the regulator allows: as with the channel, only a full lane may refuse.
const LIMIT: u32 = 1_000_000;

/// A heijunka runtime with one pool.
#[derive(Debug)]
pub struct Heijunka {
    domain: Domain,
    /// Each job has another key, as in real life.
    next_key: Cell<u64>,
    _runtime: Runtime,
}

impl Heijunka {
    /// Starts a runtime with one worker.
    ///
    /// # Panics
    /// If the runtime does not start.
    #[must_use]
    pub fn start(idle: Idle) -> Self {
        Self::with_workers(1, idle)
    }

    /// Starts a runtime whose pool has so many workers, no fewer and no more.
    ///
    /// # Panics
    /// If the runtime does not start.
    #[must_use]
    pub fn with_workers(workers: u32, idle: Idle) -> Self {
        let lane = u32::try_from(CAPACITY).unwrap_or(u32::MAX);
        let pool =
            PoolConfig { min_workers: workers, max_workers: workers, lane, idle, ..PoolConfig::default() };
        let mut config = Config::default();
        (config.admission.soft, config.admission.hard, config.admission.reserve) = (LIMIT, LIMIT, 0.0);
        config.pools.insert("work".to_owned(), pool);
        let runtime = Runtime::start(config).expect("the configuration is valid and threads can be started");
        let domain = runtime.domain("work").expect("every pool has a domain");
        Self { domain, next_key: Cell::new(0), _runtime: runtime }
    }

    /// Hands over many jobs at once; while there is no room for some, spins and offers those again.
    pub fn spawn_many<F: FnOnce() + Send + 'static>(&self, jobs: impl ExactSizeIterator<Item = F>) {
        let jobs = jobs.map(|job| move |_: &Context<'_>| job());
        let Err(refused) = self.domain.job(self.key()).execute_many(jobs) else { return };
        let mut left: Vec<_> = refused.into_parts().1.collect();
        wait_for_room(left.len());
        while let Err(refused) = self.domain.job(self.key()).execute_many(left) {
            left = refused.into_parts().1.collect();
            wait_for_room(left.len());
        }
    }

    #[inline]
    fn key(&self) -> Key {
        Key::from(self.next_key.replace(self.next_key.get().wrapping_add(1)))
    }
}

impl Spawn for Heijunka {
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        let mut job = move |_: &Context<'_>| job();
        while let Err(refused) = self.domain.execute(self.key(), job) {
            job = refused.into_work();
            wait_for_room(1);
        }
    }
}
