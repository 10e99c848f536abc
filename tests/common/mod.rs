//! What the black-box tests share. Nothing here asserts a time: waits have a limit only so that a fault fails, not hangs.

pub(crate) mod load;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{Builder, JoinHandle, Thread};
use std::time::Duration;

use heijunka::{Context, Domain, Idle, JobHandle, PoolConfig, PoolStatus, Runtime};
use parking_lot::{Condvar, Mutex};

/// Far more than anything here takes, also on a machine that has much else to do.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

/// A small pool for tests: unpinned, so that test processes that run side by side do not crowd one core.
pub(crate) fn workers(workers: u32) -> PoolConfig {
    PoolConfig {
        min_workers: workers,
        max_workers: workers,
        pin: false,
        idle: Idle::Park,
        ..PoolConfig::default()
    }
}

/// As [`workers`], for a domain of another name than the pool's.
pub(crate) fn workers_of(domain: &str, count: u32) -> PoolConfig {
    PoolConfig { domain: Some(domain.to_owned()), ..workers(count) }
}

/// A runtime with one pool, whose domain has the pool's name.
pub(crate) fn single(pool: &str, config: PoolConfig) -> (Runtime, Domain) {
    let runtime = Runtime::builder().pool(pool, config).start().unwrap();
    let domain = runtime.domain(pool).unwrap();
    (runtime, domain)
}

/// The status of one pool.
pub(crate) fn pool_status(runtime: &Runtime, pool: &str) -> PoolStatus {
    runtime.status().pools.into_iter().find(|status| status.name == pool).unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    // Counted in pauses, each of which lasts a millisecond or more.
    for _ in 0..GENEROUS.as_millis() {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("still not so: {what}");
}

/// The result of a job, within the limit of patience.
pub(crate) trait Outcome<T> {
    fn result(&self) -> Result<T, heijunka::WaitError>;
}

impl<T> Outcome<T> for JobHandle<T> {
    fn result(&self) -> Result<T, heijunka::WaitError> {
        self.wait_timeout(GENEROUS)
    }
}

/// Holds jobs up until it is opened, or dropped.
#[derive(Default)]
pub(crate) struct Gate(Arc<Hinge>);

#[derive(Default)]
struct Hinge {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    inside: usize,
    open: bool,
}

impl Gate {
    /// A job that waits at the gate.
    pub(crate) fn job(&self) -> impl FnOnce(&Context<'_>) + Send + use<> {
        let wait = self.waiter();
        move |_| wait()
    }

    /// Waits at the gate, for whatever calls it.
    pub(crate) fn waiter(&self) -> impl Fn() + Send + Sync + use<> {
        let hinge = self.0.clone();
        move || {
            let mut state = hinge.state.lock();
            state.inside += 1;
            hinge.changed.notify_all();
            hinge.changed.wait_while(&mut state, |state| !state.open);
        }
    }

    /// How many have come to the gate so far.
    #[allow(dead_code, reason = "not every suite that shares this file asks")]
    pub(crate) fn came(&self) -> usize {
        self.0.state.lock().inside
    }

    /// Occupies so many workers of the pool that `key` belongs to; returns once they are.
    pub(crate) fn occupy(&self, domain: &Domain, key: u64, workers: usize) {
        for _ in 0..workers {
            let before = self.0.state.lock().inside;
            domain.execute(key, self.job()).unwrap();
            // One by one: a worker that is awake already might take two.
            self.wait_for(before + 1);
        }
    }

    /// Waits until so many jobs have come to the gate.
    pub(crate) fn wait_for(&self, jobs: usize) {
        let mut state = self.0.state.lock();
        let waited = self.0.changed.wait_while_for(&mut state, |state| state.inside < jobs, GENEROUS);
        assert!(!waited.timed_out(), "{} of {jobs} jobs came to the gate", state.inside);
    }

    pub(crate) fn open(&self) {
        self.0.state.lock().open = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// A count that threads add to.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A thread whose result is waited for within the limit of patience.
pub(crate) struct Background<T>(JoinHandle<T>);

/// Runs `body` beside the test.
pub(crate) fn beside<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Background<T> {
    Background(Builder::new().name("beside".into()).spawn(body).unwrap())
}

impl<T> Background<T> {
    pub(crate) fn join(self) -> T {
        eventually("the thread beside has ended", || self.0.is_finished());
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The smallest executor: polls on this thread, and parks in between.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    // A park may end early; so many cannot.
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return output;
        }
        std::thread::park_timeout(GENEROUS / 10);
    }
    panic!("the future was woken in vain a thousand times");
}

/// The names of this process's threads that start so. (Linux keeps 15 bytes of a name.)
#[cfg(target_os = "linux")]
pub(crate) fn threads(prefix: &str) -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread that ends meanwhile has no name any more.
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with(prefix)).collect()
}
