//! A runtime on paper: pools with load that are sampled, stepped by the brain that the control thread runs, and changed as
//! it plans, under a clock that goes as fast as the computer can.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::brain::{Brain, Plan};
use super::super::journal::Draft;
use super::super::rules::Rules;
use super::super::sample::Sample;
use crate::pool::{Kind, PoolReading};
use crate::runtime::config::{Config, PoolConfig};
use crate::time::Moment;

/// Load in erlangs (workers kept busy) at a time in seconds.
pub(super) type Load = Box<dyn Fn(f64) -> f64>;

pub(super) struct World {
    pub(super) config: Config,
    pub(super) cores: usize,
    pub(super) tick: Duration,
    pub(super) pools: BTreeMap<String, SimPool>,
    pub(super) brain: Brain,
    pub(super) now: f64,
    pub(super) written: Vec<(Moment, Draft)>,
    /// Arrivals per second.
    pub(super) rate: Load,
    arrived: f64,
    /// What utilisations are multiplied with, for noise.
    pub(super) noise: Box<dyn FnMut() -> f64>,
}

pub(super) struct SimPool {
    pub(super) workers: u32,
    pub(super) surge: u32,
    pub(super) load: Load,
    /// Work that waits, in worker-seconds.
    backlog: f64,
    pub(super) utilisation: f64,
    /// Workers that came or went so far.
    pub(super) changes: u32,
    pub(super) failing: f64,
    pub(super) stuck: u32,
    pub(super) lost: u32,
    ended: f64,
    failed: f64,
    pub(super) by_hand: Option<u32>,
}

/// How long a simulated job takes, in seconds.
const SERVICE: f64 = 0.01;

impl World {
    pub(super) fn new() -> Self {
        Self {
            config: Config::default(),
            cores: 64,
            tick: Duration::from_millis(250),
            pools: BTreeMap::new(),
            brain: Brain::default(),
            now: 0.0,
            written: Vec::new(),
            rate: Box::new(|_| 10.0),
            arrived: 0.0,
            noise: Box::new(|| 1.0),
        }
    }

    /// Adds a pool that starts with its minimum.
    pub(super) fn pool(
        mut self,
        name: &str,
        bounds: (u32, u32),
        load: impl Fn(f64) -> f64 + 'static,
    ) -> Self {
        let (min_workers, max_workers) = bounds;
        let config = PoolConfig { min_workers, max_workers, kind: Kind::Blocking, ..PoolConfig::default() };
        self.config.pools.insert(name.to_owned(), config);
        let pool = SimPool {
            workers: min_workers,
            surge: 0,
            load: Box::new(load),
            backlog: 0.0,
            utilisation: 0.0,
            changes: 0,
            failing: 0.0,
            stuck: 0,
            lost: 0,
            ended: 0.0,
            failed: 0.0,
            by_hand: None,
        };
        self.pools.insert(name.to_owned(), pool);
        self
    }

    pub(super) fn workers(&self, pool: &str) -> u32 {
        self.pools[pool].workers
    }

    pub(super) fn changes(&self) -> u32 {
        self.pools.values().map(|pool| pool.changes).sum()
    }

    /// Lets so many seconds pass.
    pub(super) fn run(&mut self, seconds: f64) {
        let end = self.now + seconds;
        while self.now < end {
            let sample = self.sample();
            let plan = self.brain.step(&sample);
            self.apply(&sample, plan);
        }
    }

    pub(super) fn sample(&mut self) -> Sample {
        let span = self.tick.as_secs_f64();
        self.now += span;
        self.arrived += (self.rate)(self.now) * span;
        let (now, config) = (self.now, &self.config);
        let noise = &mut self.noise;
        let read = |(name, pool): (&String, &mut SimPool)| {
            (name.clone(), pool.live(now, span, &config.pools[name], noise()))
        };
        let pools = self.pools.iter_mut().map(read).collect();
        let rules = Rules::of(&self.config, self.cores);
        Sample { at: moment(self.now), arrivals: count(self.arrived), rules, pools, wishes: BTreeMap::new() }
    }

    pub(super) fn apply(&mut self, sample: &Sample, plan: Plan) {
        let Plan { moves, sizes, give_up, shares: _, drafts } = plan;
        for step in moves {
            assert!(step.from != step.to && step.workers > 0);
            for (name, gone, come) in [(&step.from, step.workers, 0), (&step.to, 0, step.workers)] {
                let pool = self.pools.get_mut(name).unwrap();
                pool.workers = pool.workers + come - gone;
            }
        }
        for (name, (workers, surge)) in sizes {
            let pool = self.pools.get_mut(&name).unwrap();
            (pool.workers, pool.surge) = (workers, surge);
            assert!(surge <= workers, "{name}: {surge} of {workers}");
        }
        for (name, lost) in give_up {
            self.pools.get_mut(&name).unwrap().lost += lost;
        }
        for (name, pool) in &mut self.pools {
            let before = sample.pools[name].workers;
            pool.changes += pool.workers.abs_diff(before);
            let bounds = &self.config.pools[name];
            assert!(
                (bounds.min_workers..=bounds.max_workers).contains(&pool.workers),
                "{name} has {} workers",
                pool.workers
            );
        }
        self.written.extend(drafts.into_iter().map(|draft| (sample.at, draft)));
    }
}

impl SimPool {
    fn live(&mut self, now: f64, span: f64, config: &PoolConfig, noise: f64) -> PoolReading {
        let work = (self.load)(now) * span + self.backlog;
        let capacity = f64::from(self.workers) * span;
        let done = work.min(capacity);
        // The lanes are bounded: the rest is refused.
        self.backlog = (work - done).min(f64::from(config.lane) * SERVICE);
        self.utilisation = (done / capacity * noise).min(1.0);
        self.ended += done / SERVICE;
        self.failed += done / SERVICE * self.failing;
        let waiting = u32::try_from(count(self.backlog / SERVICE)).unwrap();
        PoolReading {
            serial: 0,
            workers: self.workers,
            wanted: self.workers,
            min: config.min_workers,
            max: config.max_workers,
            by_hand: self.by_hand,
            kind: config.kind,
            pinned: config.pin,
            utilisation: self.utilisation,
            waiting,
            fullest: waiting,
            lane: config.lane,
            least_delay: (done > 0.0)
                .then(|| Duration::from_secs_f64(self.backlog / f64::from(self.workers))),
            ended: count(self.ended),
            failed: count(self.failed),
            stuck: self.stuck,
            lost: self.lost,
            surge: self.surge,
            surge_busy: Duration::from_secs_f64(f64::from(self.surge) * self.utilisation * span),
            surge_jobs: 0,
            keys: Vec::new(),
        }
    }
}

pub(super) fn moment(seconds: f64) -> Moment {
    Moment::from_nanos(count(seconds * 1e9))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small figures of a simulation")]
fn count(figure: f64) -> u64 {
    figure.max(0.0) as u64
}
