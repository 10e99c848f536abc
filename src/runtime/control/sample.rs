//! What the laws are shown at one tick: everything they may decide by, read once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Core;
use super::rules::Rules;
use crate::error::Reason;
use crate::pool::{Gauge, Pool, PoolReading};
use crate::time::Moment;

/// One look at the whole runtime.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Moment,
    /// Work that came so far, refused or not.
    pub(super) arrivals: u64,
    pub(super) rules: Rules,
    pub(super) pools: BTreeMap<String, PoolReading>,
    /// Workers that the depth of the pull queue asks for, by pool.
    pub(super) wishes: BTreeMap<String, u32>,
}

/// Takes samples, and remembers what the next one is compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Sampler {
    gauges: BTreeMap<String, Gauge>,
    admitted: u32,
    arrivals: u64,
    refused: u64,
}

impl Sampler {
    /// Reads everything, and begins the next tick. A few words per worker: some 50 µs for a thousand of them.
    pub(super) fn sample(&mut self, core: &Core) -> (Sample, BTreeMap<String, Pool>) {
        self.read(core, Pool::read)
    }

    /// The same in between: the tick that is going on goes on, unseen by whoever takes its sample at its end.
    pub(super) fn glance(&self, core: &Core) -> (Sample, BTreeMap<String, Pool>) {
        self.clone().read(core, Pool::glance)
    }

    fn read(
        &mut self,
        core: &Core,
        read_pool: impl Fn(&Pool, &mut Gauge, Duration) -> PoolReading,
    ) -> (Sample, BTreeMap<String, Pool>) {
        let rules = Rules::of(&core.config(), core.cores.budget());
        let pools: BTreeMap<String, Pool> = core.pools();
        self.gauges.retain(|name, _| pools.contains_key(name));
        let at = core.clock.now();
        let mut read = |(name, pool): (&String, &Pool)| {
            let gauge = self.gauges.entry(name.clone()).or_insert_with(|| Gauge::new(at));
            (name.clone(), read_pool(pool, gauge, rules.stall_after(name)))
        };
        let readings = pools.iter().map(&mut read).collect();
        let arrivals = self.count_arrivals(core);
        let wishes = core.queue_wishes();
        (Sample { at, arrivals, rules, pools: readings, wishes }, pools)
    }

    /// Each arrival once: what a lane or a pool refused had been admitted before.
    fn count_arrivals(&mut self, core: &Core) -> u64 {
        let admitted = core.regulator.admitted();
        let status = core.regulator.refused();
        let at_the_door =
            [Reason::HardLimit, Reason::Reserve, Reason::SoftLimit, Reason::SubLimit, Reason::TooLarge];
        let refused: u64 = at_the_door.iter().map(|reason| status.of(*reason)).sum();
        self.arrivals += u64::from(admitted.wrapping_sub(self.admitted) & (u32::MAX >> 1));
        self.arrivals += refused.saturating_sub(self.refused);
        (self.admitted, self.refused) = (admitted, refused);
        self.arrivals
    }
}
