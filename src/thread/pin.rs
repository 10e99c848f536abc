//! Pinning: which worker runs on which core, and what became of the attempt.

use std::fmt;
use std::sync::Arc;

use core_affinity::CoreId;
use parking_lot::Mutex;

/// Where a worker runs, as it turned out. Pinning never fails silently and never panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pinning {
    /// On this core, which no other worker of the runtime had then.
    Core(usize),
    /// On this core, together with other workers: there are more workers than cores.
    Shared(usize),
    /// Wherever the system puts it, for this reason.
    Floating(Unpinned),
}

/// Why a worker is not pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unpinned {
    /// The pool is configured so.
    Configured,
    /// Every core has its worker, and the pool's jobs mostly wait.
    NoFreeCore,
    /// This system cannot tell or set the cores of a thread.
    Unsupported,
    /// The system refused this core.
    Refused(usize),
    /// The worker has not come so far yet.
    Starting,
}

impl fmt::Display for Pinning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pinning::Core(core) => write!(f, "core {core}"),
            Pinning::Shared(core) => write!(f, "core {core}, shared"),
            Pinning::Floating(Unpinned::Configured) => f.write_str("not pinned, as configured"),
            Pinning::Floating(Unpinned::NoFreeCore) => f.write_str("not pinned: every core has its worker"),
            Pinning::Floating(Unpinned::Unsupported) => f.write_str("not pinned: unsupported by this system"),
            Pinning::Floating(Unpinned::Refused(core)) => write!(f, "not pinned: core {core} was refused"),
            Pinning::Floating(Unpinned::Starting) => f.write_str("starting"),
        }
    }
}

/// Hands out the cores of this process, least used first.
#[derive(Debug)]
pub(crate) struct Cores {
    /// The cores and how many workers each has.
    taken: Mutex<Vec<(usize, u32)>>,
    budget: usize,
}

/// `core_affinity` aborts the process for cores from here on.
const CORE_BOUND: usize = 1024;

impl Cores {
    /// The cores the calling thread may run on, and how many of them the control group's quota pays for.
    ///
    /// To be called once, before anything is pinned: the mask of a pinned thread is its own core.
    pub(crate) fn of_process() -> Self {
        let ids = core_affinity::get_core_ids().unwrap_or_default();
        let taken: Vec<_> = ids.into_iter().map(|id| (id.id, 0)).filter(|(id, _)| *id < CORE_BOUND).collect();
        // On Linux this is the affinity mask cut down to the cgroup quota, v1 or v2.
        let budget = std::thread::available_parallelism().map_or(1, usize::from);
        Self { budget: budget.min(taken.len().max(1)), taken: Mutex::new(taken) }
    }

    /// How many workers can compute at the same time.
    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// Chooses a core: the first of the least used. `may_share`: rather a used core than none.
    pub(crate) fn take(self: &Arc<Self>, may_share: bool) -> Result<Lease, Unpinned> {
        let mut taken = self.taken.lock();
        let least = taken.iter_mut().take(self.budget).min_by_key(|(_, workers)| *workers);
        let (core, workers) = least.ok_or(Unpinned::Unsupported)?;
        if *workers > 0 && !may_share {
            return Err(Unpinned::NoFreeCore);
        }
        *workers += 1;
        Ok(Lease { cores: self.clone(), core: *core, shared: *workers > 1 })
    }
}

/// A worker's claim to a core, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    cores: Arc<Cores>,
    core: usize,
    shared: bool,
}

impl Lease {
    /// Pins the calling thread.
    pub(crate) fn pin_here(&self) -> Pinning {
        match (core_affinity::set_for_current(CoreId { id: self.core }), self.shared) {
            (true, false) => Pinning::Core(self.core),
            (true, true) => Pinning::Shared(self.core),
            (false, _) => Pinning::Floating(Unpinned::Refused(self.core)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((_, workers)) = self.cores.taken.lock().iter_mut().find(|(core, _)| *core == self.core) {
            *workers -= 1;
        }
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;

    fn cores(ids: &[usize], budget: usize) -> Arc<Cores> {
        Arc::new(Cores { taken: Mutex::new(ids.iter().map(|id| (*id, 0)).collect()), budget })
    }

    #[test]
    fn cores_are_dealt_evenly_and_come_back() {
        let cores = cores(&[4, 5], 2);
        let first = cores.take(true).unwrap();
        let second = cores.take(true).unwrap();
        assert_eq!((first.core, first.shared, second.core, second.shared), (4, false, 5, false));
        let third = cores.take(true).unwrap();
        assert_eq!((third.core, third.shared), (4, true));
        drop(second);
        assert_eq!(cores.take(false).unwrap().core, 5);
    }

    #[test]
    fn a_quota_below_the_mask_leaves_cores_alone() {
        let cores = cores(&[0, 1, 2, 3], 2);
        let dealt: Vec<usize> =
            (0..4).map(|_| std::mem::ManuallyDrop::new(cores.take(true).unwrap()).core).collect();
        assert_eq!(dealt, [0, 1, 0, 1]);
    }

    #[test]
    fn waiting_work_gets_no_second_place_on_a_core() {
        let cores = cores(&[0], 1);
        let _first = cores.take(false).unwrap();
        assert_eq!(cores.take(false).unwrap_err(), Unpinned::NoFreeCore);
        assert_eq!(cores(&[], 1).take(true).unwrap_err(), Unpinned::Unsupported);
    }
}
