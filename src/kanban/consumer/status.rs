//! What a consumer tells.

use std::time::Duration;

use super::driver::Driver;
use super::strays::Strays;
use super::table::Stage;
use crate::kanban::breaker::BreakerState;
use crate::kanban::broker::Depth;
use crate::kanban::item::Lane;
use crate::kanban::name::ItemId;
use crate::priority::Priority;
use crate::time::Timestamp;

/// A consumer as it was at the last look, at most 50 ms ago while it works.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// When.
    pub at: Timestamp,
    /// Items held, running or being settled.
    pub slots_used: u32,
    /// The most of them.
    pub slots: u32,
    /// The domains it consumes.
    pub queues: Vec<QueueStatus>,
    /// How many dead letters there are and when the oldest died, at the last sample; `None` before the first.
    pub dead_letters: Option<(u64, Option<Timestamp>)>,
    /// Lanes whose items nobody seems to consume, and how many there are: lanes that are not consumed here, with no fewer items at each of
    /// the last three looks, a minute apart. `None` before the first, and if the broker does not list its lanes.
    pub strays: Option<Vec<(Lane, u64)>>,
    /// What the broker last failed with, if it does not work.
    pub fault: Option<String>,
    /// Whether it is ending.
    pub draining: bool,
    /// The ids of what is on loan, told when it ends.
    pub(super) on_loan: Vec<ItemId>,
    /// The ids of what it gave back in the end.
    pub(super) given_back: Vec<ItemId>,
}

/// One consumed domain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueStatus {
    /// Its name.
    pub domain: String,
    /// How much waits in the broker, by [priority](Priority::index), at the last sample; `None` before the first.
    pub depths: [Option<Depth>; 3],
    /// Ready items at the last samples, the oldest first.
    pub samples: Vec<u64>,
    /// Workers in its pools.
    pub workers: u32,
    /// Workers that the depth asks for; 0 before the first sample.
    pub target_workers: u32,
    /// Items pulled and waiting for a permit.
    pub held: u32,
    /// Items with a worker, or in a pool's lane.
    pub running: u32,
    /// Items that ran so long that their lease was given up, and still run.
    pub stalled: u32,
    /// What its breaker lets through.
    pub breaker: BreakerState,
    /// How long its handler takes, on average over the last few items.
    pub mean: Option<Duration>,
}

impl QueueStatus {
    /// When the oldest ready item of this priority was published, if the broker can tell.
    #[must_use]
    pub fn oldest(&self, priority: Priority) -> Option<Timestamp> {
        self.depths[priority.index()].and_then(|depth| depth.oldest)
    }

    /// Items that could be pulled now, of all priorities, at the last sample.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.depths.iter().flatten().map(|depth| depth.ready).sum()
    }
}

impl Driver {
    pub(super) fn status(&mut self) -> ConsumerStatus {
        let mode = self.shared.mode();
        let ending = mode != super::Mode::Run;
        let is_unfinished = |stage: &Stage| !matches!(stage, Stage::Held);
        let unfinished = self.table.loans().filter(|(_, loan)| is_unfinished(&loan.stage));
        let on_loan = unfinished.map(|(_, loan)| loan.item.id.clone()).collect();
        let queues = self.queues.iter().zip(&self.shared.sources).map(|(queue, source)| QueueStatus {
            domain: source.name.as_str().to_owned(),
            depths: queue.depths,
            samples: queue.coordinator.samples().collect(),
            workers: queue.workers.0,
            target_workers: queue.coordinator.target(),
            held: queue.held.iter().map(|held| u32::try_from(held.len()).unwrap_or(u32::MAX)).sum(),
            running: queue.running_in_all(),
            stalled: queue.stalled,
            breaker: queue.breaker.state(),
            mean: queue.mean,
        });
        ConsumerStatus {
            at: self.env.clock.timestamp(),
            slots_used: self.env.settings.slots - self.table.free(),
            slots: self.env.settings.slots,
            queues: queues.collect(),
            dead_letters: self.dead_letters,
            strays: self.strays.as_ref().map(Strays::present),
            fault: self.fault.as_ref().map(ToString::to_string),
            draining: ending,
            on_loan,
            given_back: self.given_back.clone(),
        }
    }
}
