//! Who gives how many workers to whom: the arithmetic of a decision, without its patience.

use super::moves::PoolLoad;

/// A pool as the plan sees it. `workers` changes as the plan grows.
#[derive(Clone, Debug)]
pub(super) struct Pool<'a> {
    pub(super) load: &'a PoolLoad,
    pub(super) workers: u32,
    /// Busy workers, lately.
    pub(super) busy: f64,
    /// Busy workers when it had most to do, not less than lately.
    pub(super) peak: f64,
}

/// So many workers go from one pool to another, both by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) workers: u32,
}

impl Pool<'_> {
    pub(super) fn utilisation(&self) -> f64 {
        self.busy / f64::from(self.workers)
    }

    /// How used it would have been at its peak with the workers it has in the plan.
    fn peak_utilisation(&self) -> f64 {
        self.peak / f64::from(self.workers)
    }

    /// How many workers would bring it down to the target, within its maximum.
    pub(super) fn wants(&self, target: f64) -> u32 {
        // Less a hair, lest rounding cost a worker where the division comes out even.
        let enough = (self.busy / target - 1e-9).ceil();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let enough = enough as u32;
        enough.min(self.load.max).saturating_sub(self.workers)
    }
}

/// What moves: each receiver in order takes from each giver of its class in order, as long as both gain by it.
pub(super) fn plan(
    pools: &mut [Pool<'_>],
    receivers: &[usize],
    givers: &[usize],
    target: f64,
) -> Vec<Transfer> {
    let mut transfers: Vec<Transfer> = Vec::new();
    for &to in receivers {
        let mut wanted = pools[to].wants(target);
        for &from in givers {
            let mut workers = 0;
            while workers < wanted && gives_one(pools, &transfers, from, to, target) {
                workers += 1;
            }
            wanted -= workers;
            if workers > 0 {
                transfers.push(Transfer { from, to, workers });
            }
        }
    }
    transfers
}

/// Moves one worker, if the giver keeps its minimum and stays at or below the target even at its peak, and if every
/// giver of the plan stays less used than who receives from it.
///
/// A giver keeps its last worker even if its minimum is 0: what nobody runs could not be measured any more.
fn gives_one(pools: &mut [Pool<'_>], transfers: &[Transfer], from: usize, to: usize, target: f64) -> bool {
    let same_class = pools[from].load.class == pools[to].load.class;
    if from == to || !same_class || pools[from].workers <= pools[from].load.min.max(1) {
        return false;
    }
    pools[from].workers -= 1;
    pools[to].workers += 1;
    let in_order = |from: usize, to: usize| pools[from].peak_utilisation() < pools[to].utilisation();
    let all_in_order =
        in_order(from, to) && transfers.iter().all(|transfer| in_order(transfer.from, transfer.to));
    if all_in_order && pools[from].peak_utilisation() <= target {
        return true;
    }
    pools[from].workers += 1;
    pools[to].workers -= 1;
    false
}

/// Whether a pool could give a worker to another if its peak was this one.
pub(super) fn could_give(giver: &Pool<'_>, peak: f64, receiver: &Pool<'_>, target: f64) -> bool {
    let mut pair = [Pool { peak, ..giver.clone() }, receiver.clone()];
    gives_one(&mut pair, &[], 0, 1, target)
}
