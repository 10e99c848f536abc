//! The law of moving workers from pool to pool.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::plan::{Pool, could_give, plan};
use super::watch::{PATIENCE, Watch};
use super::{Decision, Move, Why, coefficient};
use crate::calm::{Calm, Way};
use crate::law::Law;
use crate::time::Moment;

/// The balance must rise so far above the line before it counts as restored.
const HYSTERESIS: f64 = 0.05;

/// When and how far to act. Utilisations are fractions of time, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) enabled: bool,
    /// Workers move while the coefficient is below this.
    pub(crate) below: f64,
    /// A pool that is used more than this receives.
    pub(crate) up: f64,
    /// What moving aims at: how far receivers are relieved, and givers filled.
    pub(crate) target: f64,
    /// A pool that is used less than this gives.
    pub(crate) down: f64,
    /// How long no worker moves after some did.
    pub(crate) cooldown: Duration,
    /// How far back a giver is judged by what it had to do, and how long at least what it received stays with it.
    pub(crate) calm: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            below: super::BalanceStatus::GOOD,
            up: 0.8,
            target: 0.7,
            down: 0.5,
            cooldown: Duration::from_secs(30),
            calm: Duration::from_secs(60),
        }
    }
}

/// A pool at this tick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PoolLoad {
    pub(crate) name: Arc<str>,
    /// As last decided: workers that are still on their way count where they go.
    pub(crate) workers: u32,
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// In this tick, 0 to 1; not finite if it was not measured.
    pub(crate) utilisation: f64,
    /// Even the job that waited least waited longer than it should.
    pub(crate) delayed: bool,
    /// Workers move only between pools of the same class.
    pub(crate) class: u8,
    pub(crate) may_give: bool,
    pub(crate) may_take: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) settings: Settings,
    /// All pools, in any order; each name once.
    pub(crate) pools: Vec<PoolLoad>,
    /// Somebody asks, between ticks. Then what counts is what the ticks have told, and the utilisation given here only
    /// for pools that had no tick yet.
    pub(crate) on_demand: bool,
}

/// What has been seen of the pools, and when workers moved.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moves {
    pools: BTreeMap<Arc<str>, Known>,
    /// Ticks in a row in which the balance was low, up to [`PATIENCE`].
    low: u32,
    moved: Option<Moment>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// None while it is not measured.
    watch: Option<Watch>,
    /// Forth is receiving, back is giving.
    calm: Calm,
}

impl Law for Moves {
    type Sample = Sample;
    type Decision = Decision;

    fn step(&mut self, sample: &Sample, now: Moment) -> Decision {
        self.watch(sample, now);
        let mut pools = self.measured(sample, now);
        let coefficient = coefficient(pools.iter().map(Pool::utilisation));
        if !sample.on_demand {
            self.low = if coefficient < sample.settings.below {
                (self.low + 1).min(PATIENCE)
            } else if coefficient < sample.settings.below + HYSTERESIS {
                self.low
            } else {
                0
            };
        }
        let decided = self.decide(sample, coefficient, &mut pools, now);
        let (moves, why) = decided.map_or_else(|why| (Vec::new(), why), |moves| (moves, Why::Moved));
        if why == Why::Moved {
            self.moved = Some(now);
        }
        for Move { from, to, .. } in &moves {
            for (name, way) in [(from, Way::Back), (to, Way::Forth)] {
                if let Some(known) = self.pools.get_mut(name.as_str()) {
                    known.calm.went(way, sample.settings.calm, now);
                }
            }
        }
        Decision { coefficient, moves, why }
    }
}

impl Moves {
    /// Takes in what the tick has measured, and forgets pools that are gone.
    fn watch(&mut self, sample: &Sample, now: Moment) {
        self.pools.retain(|name, _| sample.pools.iter().any(|pool| pool.name == *name));
        for pool in &sample.pools {
            let known = self.pools.entry(pool.name.clone()).or_default();
            // Without workers there is nothing to measure.
            if pool.workers == 0 || !pool.utilisation.is_finite() {
                known.watch = None;
            } else if known.watch.is_none() || !sample.on_demand {
                let busy = f64::from(pool.workers) * pool.utilisation.clamp(0.0, 1.0);
                known.watch.get_or_insert_with(|| Watch::new(now)).tick(busy, sample.settings.calm, now);
            }
        }
    }

    /// The pools with a measurement.
    fn measured<'a>(&self, sample: &'a Sample, now: Moment) -> Vec<Pool<'a>> {
        let watched = sample.pools.iter().filter_map(|load| {
            let watch = self.pools.get(&load.name)?.watch.as_ref()?;
            let (busy, peak) = (watch.lately(), watch.peak(sample.settings.calm, now));
            Some(Pool { load, workers: load.workers, busy, peak })
        });
        watched.collect()
    }

    fn decide(
        &self,
        sample: &Sample,
        coefficient: f64,
        pools: &mut [Pool<'_>],
        now: Moment,
    ) -> Result<Vec<Move>, Why> {
        let settings = &sample.settings;
        if !settings.enabled {
            return Err(Why::Disabled);
        }
        if coefficient >= settings.below {
            return Err(Why::Balanced);
        }
        let receivers = receivers(pools, settings);
        if receivers.is_empty() {
            return Err(Why::NothingOverloaded);
        }
        if !sample.on_demand && self.low < PATIENCE {
            return Err(Why::Settling(PATIENCE - self.low));
        }
        let cooled = self.moved.map_or(now, |moved| moved.after(settings.cooldown));
        if cooled > now {
            return Err(Why::Cooldown(cooled.since(now)));
        }
        let givers = self.givers(sample, pools, &receivers, now)?;
        let transfers = plan(pools, &receivers, &givers, settings.target);
        let name = |at: usize| pools[at].load.name.to_string();
        let moves = transfers.iter().map(|transfer| Move {
            from: name(transfer.from),
            to: name(transfer.to),
            workers: transfer.workers,
        });
        Ok(moves.collect())
    }

    /// Who gives now, the idlest first; at least one pool.
    fn givers(
        &self,
        sample: &Sample,
        pools: &[Pool<'_>],
        receivers: &[usize],
        now: Moment,
    ) -> Result<Vec<usize>, Why> {
        let settings = &sample.settings;
        let (mut givers, mut shortest) = (Vec::new(), None);
        for (at, pool) in pools.iter().enumerate() {
            let idle = pool.load.may_give && pool.utilisation() < settings.down;
            let Some(known) = self.pools.get(&pool.load.name).filter(|_| idle) else { continue };
            let Some(watch) = &known.watch else { continue };
            let fits = |peak: f64| {
                receivers.iter().any(|&receiver| could_give(pool, peak, &pools[receiver], settings.target))
            };
            if !fits(pool.busy) {
                continue;
            }
            let calm = settings.calm;
            let mut wait = known.calm.wait(calm, now).max(watch.wait_for_peak(fits, calm, now));
            if !sample.on_demand {
                wait = wait.max(watch.wait_for_watch(calm, now));
            }
            if wait.is_zero() {
                givers.push(at);
            } else {
                shortest = Some(shortest.map_or(wait, |shortest: Duration| shortest.min(wait)));
            }
        }
        givers.sort_by(|&a, &b| pools[a].utilisation().total_cmp(&pools[b].utilisation()));
        if givers.is_empty() { Err(shortest.map_or(Why::NobodyToGive, Why::Calm)) } else { Ok(givers) }
    }
}

/// Who wants workers, the most loaded first.
fn receivers(pools: &[Pool<'_>], settings: &Settings) -> Vec<usize> {
    let overloaded = |pool: &Pool<'_>| {
        let limit = if pool.load.delayed { settings.target } else { settings.up };
        pool.load.may_take && pool.utilisation() > limit && pool.wants(settings.target) > 0
    };
    let mut found: Vec<usize> = (0..pools.len()).filter(|&at| overloaded(&pools[at])).collect();
    found.sort_by(|&a, &b| {
        let (a, b) = (&pools[a], &pools[b]);
        b.utilisation().total_cmp(&a.utilisation()).then(b.load.delayed.cmp(&a.load.delayed))
    });
    found
}
