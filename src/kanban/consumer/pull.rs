//! The law of pulling: how many items to ask for, of which lane, and which of those held is next.
//!
//! Nothing is asked for that could not start about now: that is the backpressure. Whatever the sample says, what is held,
//! handed over and asked for stays within the slots and the breaker's allowance, and what of it has a worker within the permits.

#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::time::Duration;

use crate::lanes::Turn;
use crate::priority::Priority;

/// What may be used by all domains together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Items per pull.
    pub(super) pull: u32,
    /// Slots that are free.
    pub(super) slots: u32,
    /// Permits that pulled work could get now: of the class of normal items, and of low ones.
    pub(super) normal: u32,
    pub(super) low: u32,
}

/// One domain as it is now. Arrays are by priority.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    pub(super) workers: u32,
    /// Workers that could start something now.
    pub(super) free: u32,
    /// Items pulled and not handed over.
    pub(super) held: [u32; 3],
    /// Items handed over whose handler has not ended.
    pub(super) running: [u32; 3],
    /// Lanes that gave less than wanted, and from which nothing new has been heard since.
    pub(super) dry: [bool; 3],
    /// Lanes whose next item was refused a permit or a place just now: they wait, and nobody waits for them.
    pub(super) refused: [bool; 3],
    /// How many items the breaker lets start.
    pub(super) allowance: u32,
    /// Items to hold beyond free workers.
    pub(super) prefetch: u32,
    /// How long its handler takes on average; `None` until one has ended.
    pub(super) means: [Option<Duration>; 3],
}

/// Work of this length may wait in a pool: short enough that nobody urgent waits long behind it, and long enough to keep a
/// worker busy while the next items are pulled.
const AHEAD: Duration = Duration::from_millis(1);

impl View {
    /// Held items that may start as soon as there is a worker.
    fn held_to_start(&self) -> u32 {
        let lanes = self.held.iter().zip(self.refused);
        lanes.filter(|(_, refused)| !refused).map(|(held, _)| held).sum()
    }

    /// Held items that there is a worker for now, and which will take a permit: those behind them wait for a worker, and leave the
    /// permits to other domains.
    fn about_to_start(&self) -> u32 {
        let high = if self.refused[Priority::High.index()] { 0 } else { self.held[Priority::High.index()] };
        let below = self.held_to_start() - high;
        (high + below.min(self.for_below().saturating_sub(self.running_below()))).min(self.free)
    }

    fn running_in_all(&self) -> u32 {
        self.running.iter().sum()
    }

    /// Handed over, but without a worker.
    fn queued(&self) -> u32 {
        self.running_in_all().saturating_sub(self.workers)
    }

    /// How many items of this priority may be handed over beyond free workers: as many as run within [`AHEAD`]. Short high items
    /// say nothing of low ones, which may be long and would take the workers that are kept for high ones.
    fn ahead(&self, priority: Priority) -> u32 {
        let Some(mean) = self.means[priority.index()] else { return 0 };
        let per_worker = AHEAD.as_nanos() / mean.as_nanos().max(1);
        let ahead = per_worker.saturating_mul(u128::from(self.workers));
        u32::try_from(ahead).unwrap_or(u32::MAX).min(self.prefetch)
    }

    /// Workers that items below high may take: one in eight, and at least one of several, is kept free for urgent ones.
    fn for_below(&self) -> u32 {
        let kept = if self.workers >= 2 { (self.workers / 8).max(1) } else { 0 };
        self.workers - kept
    }

    /// How many more items to hold, of all lanes and of those below high.
    fn room(&self) -> (u32, u32) {
        let held = self.held_to_start();
        let all = (self.free + self.prefetch).saturating_sub(held + self.queued());
        let high = Priority::High.index();
        let below_held = held - if self.refused[high] { 0 } else { self.held[high] };
        let below = (self.for_below() + self.prefetch).saturating_sub(self.running_below() + below_held);
        (all.min(self.allowance.saturating_sub(held)), below)
    }

    fn running_below(&self) -> u32 {
        self.running[Priority::Normal.index()] + self.running[Priority::Low.index()]
    }

    /// Which held item is to be handed over now, if any.
    pub(super) fn next(&self, turn: Turn) -> Option<Priority> {
        let may = |priority: Priority| {
            let ahead = self.ahead(priority);
            let start = self.free + ahead > self.queued();
            let below = priority == Priority::High || self.running_below() < self.for_below() + ahead;
            self.held[priority.index()] > 0 && !self.refused[priority.index()] && start && below
        };
        if self.allowance == 0 { None } else { turn.order().into_iter().find(|priority| may(*priority)) }
    }
}

/// How many items to ask for of each lane of each domain. One after the other the domains get one item, beginning with `first`,
/// until the budget is used up or nobody wants more; within a domain the lanes take turns.
pub(super) fn wants(budget: Budget, views: &[View], turns: &mut [Turn], first: usize) -> Vec<[u32; 3]> {
    let mut wants = vec![[0; 3]; views.len()];
    // What may not start for now takes nothing away from the others.
    let taken: u32 = views.iter().filter(|view| view.allowance > 0).map(View::about_to_start).sum();
    let mut left = budget.pull.min(budget.slots).min(budget.normal.saturating_sub(taken));
    let mut low_left = budget.low.saturating_sub(taken);
    let mut rooms: Vec<(u32, u32)> = views.iter().map(View::room).collect();
    let mut progress = true;
    while left > 0 && progress {
        progress = false;
        for at in (0..views.len()).map(|offset| (first + offset) % views.len()) {
            let (all, below) = rooms[at];
            let may = |priority: Priority| {
                let lane = priority.index();
                let open = !views[at].dry[lane] && !views[at].refused[lane];
                let lane_ok = open && (below > 0 || priority == Priority::High);
                lane_ok && (low_left > 0 || priority != Priority::Low)
            };
            if left == 0 || all == 0 {
                continue;
            }
            let Some(lane) = turns[at].order().into_iter().find(|priority| may(*priority)) else { continue };
            turns[at].advance();
            wants[at][lane.index()] += 1;
            rooms[at] = (all - 1, if lane == Priority::High { below } else { below - 1 });
            low_left -= u32::from(lane == Priority::Low);
            left -= 1;
            progress = true;
        }
    }
    wants
}
