//! What the control thread tells, and what can be asked of it.

use std::time::Duration;

use super::super::{Core, HotKey, Runtime};
use super::Life;
use super::brain::Plan;
use super::journal::Entry;
use crate::balance;
use crate::burst::BurstStatus;
use crate::pool::health::Sign;
use crate::pool::{Health, PoolStatus};
use crate::routing::Key;

/// Whether a runtime should be given work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// It should.
    Ready,
    /// It is draining or stopped.
    Ending,
    /// Its control thread is down, for this reason, and will be back shortly. Work is still taken and run.
    ControlDown(String),
    /// More than half of its pools are critical.
    Critical,
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Readiness::Ready => f.write_str("ready"),
            Readiness::Ending => f.write_str("draining or stopped"),
            Readiness::Critical => f.write_str("more than half of the pools are critical"),
            Readiness::ControlDown(why) => write!(f, "the control thread is down: {why}"),
        }
    }
}

impl Readiness {
    /// Whether it is [`Ready`](Self::Ready).
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self == Readiness::Ready
    }
}

/// How the control thread does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ControlStatus {
    /// Ticks so far.
    pub ticks: u64,
    /// How often the thread died of a panic, and was started again.
    pub deaths: u64,
    /// What the last tick took, in real time.
    pub last_tick: Duration,
    /// What the longest tick took.
    pub longest_tick: Duration,
    /// Whether more than half of the pools are critical, so that health is not acted on.
    pub health_ignored: bool,
}

/// The health of all pools, as just checked: [`Runtime::check_health`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst of them.
    pub worst: Health,
    /// Whether more than half of the pools are critical, so that health is not acted on.
    pub ignored: bool,
    /// Every pool, by name.
    pub pools: Vec<PoolHealth>,
    /// What the check took, in real time.
    pub took: Duration,
}

/// The health of one pool.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolHealth {
    /// Its name.
    pub name: String,
    /// What is acted on: degraded pools get half of their keys, critical ones none.
    pub health: Health,
    /// What it looked like at this check. It takes two bad checks for the worse and two good ones for the better.
    /// Jobs are judged since the last periodic one.
    pub observed: Health,
    /// The worst that was seen.
    pub sign: Sign,
    /// Workers whose job does not end, those given up included.
    pub stuck_workers: u32,
    /// Workers given up whose job has still not ended.
    pub lost_workers: u32,
}

impl Runtime {
    /// What the control thread decided lately, the oldest first, and why.
    #[must_use]
    pub fn journal(&self) -> Vec<std::sync::Arc<Entry>> {
        self.core.control.journal.read()
    }

    /// What became of everything, once it has ended. Waits for nobody: `None` while it is ending.
    #[must_use]
    pub fn ended(&self) -> Option<super::super::Report> {
        self.core.ended.try_lock()?.clone()
    }

    /// Whether this runtime should be given work. Waits for a tick of the control thread that is running.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.core.readiness()
    }

    /// The handling of bursts, as of the last tick.
    #[must_use]
    pub fn burst(&self) -> BurstStatus {
        self.core.burst_status()
    }

    /// Checks the health of all pools now, and acts on it as the periodic check does, unless health is switched off. Between two
    /// periodic checks it can confirm what the last one saw and finds what is beyond doubt; only those of them that are due count
    /// for a pool's recovery, so that it can be called as often as anybody likes. Reads a few words per worker, so busy
    /// workers are seen as well as idle ones: some 50 ns each. Waits for a tick that is running.
    #[allow(clippy::must_use_candidate, reason = "called for what it does as much as for what it tells")]
    pub fn check_health(&self) -> HealthReport {
        self.core.check_health()
    }

    /// Moves workers from idle pools to overloaded ones now, if the last tick's figures call for it; says what it did or why
    /// not. It does not wait for the imbalance to last, as the control thread does; thresholds, cooldown and calm hold all the
    /// same. Each worker goes at the end of its job. Waits for a tick that is running.
    #[allow(clippy::must_use_candidate, reason = "as above")]
    pub fn rebalance(&self) -> balance::Decision {
        self.core.rebalance()
    }
}

impl Core {
    pub(in crate::runtime) fn readiness(&self) -> Readiness {
        if self.registry.lock().ending {
            return Readiness::Ending;
        }
        if let Some(why) = self.control.life.lock().down.clone() {
            return Readiness::ControlDown(why);
        }
        if self.control.mind.lock().brain.health_ignored { Readiness::Critical } else { Readiness::Ready }
    }

    pub(in crate::runtime) fn burst_status(&self) -> BurstStatus {
        let mind = self.control.mind.lock();
        let settings = super::rules::burst_settings(&self.config(), self.cores.budget());
        let detection = mind.brain.burst_decision.map(|decision| decision.detection).unwrap_or_default();
        BurstStatus::new(&mind.brain.burst, &settings, &mind.brain.ledger, detection)
    }

    pub(in crate::runtime) fn control_status(&self) -> ControlStatus {
        let Life { ticks, deaths, took, longest, .. } = *self.control.life.lock();
        let health_ignored = self.control.mind.lock().brain.health_ignored;
        ControlStatus { ticks, deaths, last_tick: took, longest_tick: longest, health_ignored }
    }

    /// Pools are no better than what is acted on: a look at one moment sees neither jobs that hang nor thresholds that were set.
    pub(in crate::runtime) fn tell_health(&self, pools: &mut [PoolStatus]) {
        let mind = self.control.mind.lock();
        for pool in pools {
            pool.health = pool.health.max(mind.brain.health_of(&pool.name));
        }
    }

    pub(in crate::runtime) fn hot_keys(&self) -> Vec<HotKey> {
        let mind = self.control.mind.lock();
        let hot = mind.brain.hot_keys();
        hot.map(|(pool, hash, share)| HotKey { pool: pool.to_owned(), key: Key::of_hash(hash), share })
            .collect()
    }

    fn check_health(&self) -> HealthReport {
        let begun = self.control.real.now();
        let (at, drafts, mut report) = {
            let mut mind = self.control.mind.lock();
            let mut brain = mind.brain.clone();
            let (sample, pools) = mind.sampler.glance(self);
            let mut plan = Plan::default();
            brain.meet(&sample);
            brain.check_health(&sample, &mut plan);
            plan.shares = brain.shares();
            let acts = sample.rules.check_health;
            if !acts {
                plan = Plan::default();
            }
            let remarks = super::act::act(self, &plan, &sample, &pools);
            let pools = sample.pools.iter().filter_map(|(name, pool)| {
                let checked = brain.last_check(name)?;
                Some(PoolHealth {
                    name: name.clone(),
                    health: checked.health,
                    observed: checked.observed,
                    sign: checked.sign,
                    stuck_workers: pool.stuck,
                    lost_workers: pool.lost + if acts { checked.replace } else { 0 },
                })
            });
            let pools: Vec<PoolHealth> = pools.collect();
            let worst = pools.iter().map(|pool| pool.health).max().unwrap_or(Health::Healthy);
            let report = HealthReport { worst, ignored: brain.health_ignored, pools, took: Duration::ZERO };
            if acts {
                mind.brain = brain;
            }
            plan.drafts.extend(remarks);
            (sample.at, plan.drafts, report)
        };
        report.took = self.control.real.now().since(begun);
        // Whoever was given up is replaced by the control thread.
        self.bell.ring();
        self.write(at, drafts);
        report
    }

    fn rebalance(&self) -> balance::Decision {
        let (at, drafts, decision) = {
            let mut mind = self.control.mind.lock();
            let mut brain = mind.brain.clone();
            let sample = mind.seen.clone().unwrap_or_else(|| mind.sampler.glance(self).0);
            let at = self.clock.now();
            let sample = super::Sample { at, ..sample };
            let (decision, mut plan) = brain.rebalance(&sample);
            let remarks = super::act::act(self, &plan, &sample, &self.pools());
            mind.brain = brain;
            plan.drafts.extend(remarks);
            (at, plan.drafts, decision)
        };
        self.write(at, drafts);
        decision
    }
}
