//! Which core does what: the submitter has one, the worker another.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use core_affinity::CoreId;

/// A piece of work for the thread that is not pinned.
type Work = Box<dyn FnOnce() + Send>;

/// That thread's inbox. Threads inherit where they may run, so it is started before anything is pinned.
static UNPINNED: OnceLock<Sender<Work>> = OnceLock::new();

/// The two cores a comparison needs.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Where the measuring thread submits from.
    pub submitter: CoreId,
    /// Where the single worker of a pool runs.
    pub worker: CoreId,
}

impl Cores {
    /// The first two cores of the affinity mask, after trying that this process may pin itself to both. Leaves
    /// the calling thread on the submitter's.
    ///
    /// # Errors
    /// With fewer than two cores, or where the system refuses to pin: nothing here would be comparable then.
    pub fn detect() -> Result<Self, String> {
        let (sender, inbox) = channel::<Work>();
        if UNPINNED.set(sender).is_ok() {
            let thread = std::thread::Builder::new().name("unpinned".to_owned());
            let started = thread.spawn(move || inbox.into_iter().for_each(|work| work()));
            started.map_err(|error| format!("no thread starts: {error}"))?;
        }
        let ids = allowed();
        let &[submitter, worker, ..] = ids.as_slice() else {
            return Err(format!("the comparison needs two cores, the affinity mask has {}", ids.len()));
        };
        for core in [worker, submitter] {
            if !core_affinity::set_for_current(core) {
                return Err(format!("the system refuses to pin a thread to core {}", core.id));
            }
        }
        Ok(Self { submitter, worker })
    }

    /// Both, in the order in which threads are placed.
    #[must_use]
    pub fn all(self) -> [CoreId; 2] {
        [self.submitter, self.worker]
    }
}

/// Pins the calling thread.
///
/// # Panics
/// If the system refuses what it allowed [`Cores::detect`]: a row measured unpinned would be worthless.
pub fn pin(core: CoreId) {
    assert!(core_affinity::set_for_current(core), "core {} can no longer be pinned to", core.id);
}

/// Runs this on a thread that may use every core, as may all that it starts: for what has more threads than two.
///
/// # Panics
/// Before [`Cores::detect`], and if `work` panics.
pub fn unpinned<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, answer) = channel();
    let inbox = UNPINNED.get().expect("the cores were detected");
    let work = Box::new(move || drop(sender.send(work())));
    inbox.send(work).expect("it works");
    answer.recv().expect("it answers")
}

/// The cores the calling thread may run on.
#[must_use]
pub fn allowed() -> Vec<CoreId> {
    core_affinity::get_core_ids().unwrap_or_default()
}
