//! What the control thread reads of a pool, once a tick.

use std::time::Duration;

use super::control::Pool;
use super::shared::Kind;
use crate::metrics::Totals;
use crate::priority::Priority;
use crate::thread::IdleSet;
use crate::time::Moment;

/// A pool as the laws see it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PoolReading {
    /// Which pool of its name it is.
    pub(crate) serial: u64,
    pub(crate) workers: u32,
    /// Workers that should be there.
    pub(crate) wanted: u32,
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// The number set by hand, if one was.
    pub(crate) by_hand: Option<u32>,
    pub(crate) kind: Kind,
    pub(crate) pinned: bool,
    /// Work time over wall time since the last reading, 0 to 1.
    pub(crate) utilisation: f64,
    /// Jobs waiting in all lanes, in the fullest one, and what a lane holds.
    pub(crate) waiting: u32,
    pub(crate) fullest: u32,
    pub(crate) lane: u32,
    /// The least time that a job which started since the last reading had waited; `None` if none started.
    pub(crate) least_delay: Option<Duration>,
    /// Jobs that ran so far, and those of them that failed.
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    /// Workers whose job runs longer than it should, those given up included.
    pub(crate) stuck: u32,
    /// Workers given up whose job has still not ended.
    pub(crate) lost: u32,
    /// Workers that a burst brought, and what they did since the last reading.
    pub(crate) surge: u32,
    pub(crate) surge_busy: Duration,
    pub(crate) surge_jobs: u64,
    /// Keys sampled since the last reading, a few of them.
    pub(crate) keys: Vec<u64>,
}

/// The reading before, with which the next one is compared.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    serial: u64,
    at: Moment,
    capacity: u64,
    /// Busy time and jobs of every slot.
    slots: [(u64, u64); IdleSet::SLOTS],
    /// The place among the sampled keys.
    keys: u64,
}

impl Gauge {
    pub(crate) fn new(now: Moment) -> Self {
        Self { serial: 0, at: now, capacity: 0, slots: [(0, 0); IdleSet::SLOTS], keys: 0 }
    }
}

impl Pool {
    /// Reads the pool, and begins its next tick. A job that has been running for `stall_after` is stuck. Takes the crew's lock
    /// and reads a few words of every worker, some 50 ns each.
    pub(crate) fn read(&self, gauge: &mut Gauge, stall_after: Duration) -> PoolReading {
        let reading = self.glance(gauge, stall_after);
        self.shared.state.next_tick();
        reading
    }

    /// The same within a tick, which goes on.
    pub(crate) fn glance(&self, gauge: &mut Gauge, stall_after: Duration) -> PoolReading {
        let shared = &*self.shared;
        let crew = self.crew.lock();
        let now = shared.clock.now();
        let tick = shared.state.tick();
        if gauge.serial != shared.settings.serial {
            // Another pool of that name.
            *gauge = Gauge { serial: shared.settings.serial, ..Gauge::new(now) };
        }
        let elapsed = now.nanos_since(gauge.at);
        let mut serving = [None; IdleSet::SLOTS];
        crew.posts().for_each(|(slot, surge)| serving[slot] = Some(surge));

        let (mut totals, mut least_delay) = (Totals::default(), None::<u64>);
        let (mut busy, mut surge_busy, mut surge_jobs) = (0, 0, 0);
        for (slot, cells) in shared.cells_by_slot() {
            let mut mine = Totals::default();
            cells.add_to(&mut mine, now);
            let (busy_before, jobs_before) = gauge.slots[slot];
            let jobs = mine.completed + mine.failed;
            gauge.slots[slot] = (mine.busy_nanos, jobs);
            totals.completed += mine.completed;
            totals.failed += mine.failed;
            // A worker that was lost and comes back brings the time of its whole job along: not what happened just now.
            let worked = mine.busy_nanos.saturating_sub(busy_before).min(elapsed);
            if let Some(surge) = serving[slot] {
                busy += worked;
                if surge {
                    surge_busy += worked;
                    surge_jobs += jobs.saturating_sub(jobs_before);
                }
                least_delay = least_delay.into_iter().chain(cells.least_delay(tick)).min();
            }
        }

        let capacity = crew.capacity.at(now);
        let wall = capacity.saturating_sub(gauge.capacity);
        (gauge.at, gauge.capacity) = (now, capacity);
        let (keys, position) = shared.keys.since(gauge.keys);
        gauge.keys = position;
        let waiting = Priority::ALL.map(|lane| shared.waiting_in(lane));
        PoolReading {
            serial: shared.settings.serial,
            workers: crew.present(),
            wanted: crew.wanted,
            min: crew.min,
            max: crew.max,
            by_hand: crew.by_hand.then_some(crew.wanted),
            kind: shared.settings.kind,
            pinned: shared.settings.pin,
            utilisation: if wall == 0 { 0.0 } else { (busy as f64 / wall as f64).min(1.0) },
            waiting: waiting.iter().sum(),
            fullest: waiting.into_iter().max().unwrap_or(0),
            lane: u32::try_from(shared.settings.lane).unwrap_or(u32::MAX),
            least_delay: least_delay.map(Duration::from_nanos),
            ended: totals.completed + totals.failed,
            failed: totals.failed,
            stuck: crew.stuck(shared, now.before(stall_after)),
            lost: crew.lost(),
            surge: crew.surge(),
            surge_busy: Duration::from_nanos(surge_busy),
            surge_jobs,
            keys,
        }
    }
}
