//! All laws together: one pure step from state and sample to a plan. No clock, no locks, no threads: what the control
//! thread runs is what the simulations run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::journal::{Author, Draft, Reproduce, Step};
use super::sample::Sample;
use crate::balance::{self, Hot, KeySample, Move, Moves};
use crate::burst::{self, Accrual, Burst, Ledger};
use crate::law::Law;
use crate::pool::budget::{Claim, allot};
use crate::pool::health::{self, HealthLaw};
use crate::pool::scaling::{self, Scaling, Surge};
use crate::pool::{Health, Kind, PoolReading};
use crate::routing::Share;
use crate::time::Moment;

/// Everything that is remembered from one tick to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Brain {
    pools: BTreeMap<String, PoolState>,
    moves: Moves,
    pub(super) burst: Burst,
    pub(super) burst_decision: Option<burst::Decision>,
    pub(super) ledger: Ledger,
    /// The coefficient at the last tick.
    pub(super) balance: Option<f64>,
    last: Option<Moment>,
    checked: Option<Moment>,
    /// Too many pools were critical at the last check for health to be acted on.
    pub(super) health_ignored: bool,
    /// What was last said about a pool: a denial that stays the same is written down once.
    said: BTreeMap<(Author, String), String>,
}

#[derive(Clone, Debug, Default)]
struct PoolState {
    scaling: Scaling,
    health: HealthLaw,
    /// Jobs that had ended, and failed, at the last check.
    checked: (u64, u64),
    acted: Option<health::Decision>,
    share: Share,
    hot: Hot,
    /// The hot keys at the last tick, with their shares of what the pool gets.
    hot_keys: Vec<(u64, f64)>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) moves: Vec<Move>,
    /// Pools whose number of workers is to change: workers, and of them those for a burst.
    pub(super) sizes: BTreeMap<String, (u32, u32)>,
    /// How many stuck workers to give up.
    pub(super) give_up: BTreeMap<String, u32>,
    /// What each pool counts for in routing, if that changes.
    pub(super) shares: Option<BTreeMap<String, Share>>,
    pub(super) drafts: Vec<Draft>,
}

impl Brain {
    /// Pools come and go.
    pub(super) fn meet(&mut self, sample: &Sample) {
        self.pools.retain(|name, _| sample.pools.contains_key(name));
        for name in sample.pools.keys() {
            self.pools.entry(name.clone()).or_default();
        }
    }

    /// The step of one tick.
    pub(super) fn step(&mut self, sample: &Sample) -> Plan {
        let mut plan = Plan::default();
        self.meet(sample);
        let elapsed = self.last.map_or(Duration::ZERO, |last| sample.at.since(last));
        self.last = Some(sample.at);
        let surge = self.step_burst(sample, elapsed, &mut plan);
        let due = self.checked.is_none_or(|last| sample.at.since(last) >= sample.rules.check_every);
        if sample.rules.check_health && due {
            self.check_health(sample, &mut plan);
        }
        self.look_for_hot_keys(sample, &mut plan);
        let wishes = self.step_scaling(sample, surge, &mut plan);
        self.step_balance(sample, false, &mut plan);
        self.settle(sample, wishes, &mut plan);
        plan
    }

    /// Workers move now rather than after three ticks, if they should.
    pub(super) fn rebalance(&mut self, sample: &Sample) -> (balance::Decision, Plan) {
        let mut plan = Plan::default();
        let decision = self.step_balance(sample, true, &mut plan);
        (decision, plan)
    }

    fn step_burst(&mut self, sample: &Sample, elapsed: Duration, plan: &mut Plan) -> Surge {
        let held: u32 = sample.pools.values().map(|pool| pool.surge).sum();
        let last = self.burst_decision;
        if let Some(last) = last {
            let wished = last.extra * u32::try_from(sample.pools.len()).unwrap_or(u32::MAX);
            self.ledger.add(Accrual {
                elapsed,
                wished: wished.max(held),
                granted: held,
                busy: sample.pools.values().map(|pool| pool.surge_busy).sum(),
                jobs: sample.pools.values().map(|pool| pool.surge_jobs).sum(),
                cost_factor: sample.rules.burst.cost,
            });
        }
        let settings = sample.rules.burst;
        let seen = burst::Sample { settings, arrivals: sample.arrivals, surge_workers: held };
        let before = self.burst.clone();
        let decision = self.burst.step(&seen, sample.at);
        self.ledger.note(&decision);
        self.burst_decision = Some(decision);
        let acts = last.is_some_and(|last| (last.phase, last.extra) != (decision.phase, decision.extra));
        if acts || self.is_new_denial(Author::Burst, "", decision.rule.denies(), decision.rule) {
            plan.drafts.push(Draft {
                author: Author::Burst,
                pool: None,
                rule: format!("{:?}", decision.rule),
                decision: decision.to_string(),
                inputs: format!("{} arrivals so far, {held} surge workers", sample.arrivals),
                record: record(before, seen, &decision),
            });
        }
        Surge { extra: decision.extra, held: 0, lease: self.burst.holding() }
    }

    /// One check of the health of all pools.
    pub(super) fn check_health(&mut self, sample: &Sample, plan: &mut Plan) {
        self.checked = Some(sample.at);
        for (name, pool) in &sample.pools {
            let Some(state) = self.pools.get_mut(name) else { continue };
            let seen = health::Sample {
                workers: pool.workers,
                wanted: pool.wanted,
                waiting: pool.fullest as usize,
                lane: pool.lane as usize,
                ended: pool.ended.saturating_sub(state.checked.0),
                failed: pool.failed.saturating_sub(state.checked.1),
                stalled: pool.stuck,
                lost: pool.lost,
                least_delay: pool.least_delay,
                settings: sample.rules.health(name),
            };
            state.checked = (pool.ended, pool.failed);
            let before = state.health;
            let decision = state.health.step(&seen, sample.at);
            let changed = state.acted.map_or(Health::Healthy, |last| last.health) != decision.health;
            state.acted = Some(decision);
            if decision.replace > 0 {
                plan.give_up.insert(name.clone(), decision.replace);
            }
            let denied = pool.stuck > pool.lost + decision.replace;
            if changed
                || decision.replace > 0
                || self.is_new_denial(Author::Health, name, denied, decision.sign)
            {
                let replaced = match (decision.replace, denied) {
                    (0, false) => String::new(),
                    (0, true) => ", denied: as many stuck workers as may be are replaced already".to_owned(),
                    (replace, _) => format!(", {replace} stuck workers to be replaced"),
                };
                plan.drafts.push(Draft {
                    author: Author::Health,
                    pool: Some(name.clone()),
                    rule: format!("{:?}", decision.sign),
                    decision: format!("{}{replaced}", decision.health),
                    inputs: format!(
                        "looks {}; {} of {} workers, {} stuck, {} of them given up, {} of {} jobs failed, {} of {} waiting",
                        decision.observed, seen.workers, seen.wanted, seen.stalled, seen.lost, seen.failed,
                        seen.ended, seen.waiting, seen.lane
                    ),
                    record: record(before, seen, &decision),
                });
            }
        }
        self.share_out(plan);
    }

    /// What each pool counts for in routing, by its health.
    fn share_out(&mut self, plan: &mut Plan) {
        let health =
            self.pools.values().map(|state| state.acted.map_or(Health::Healthy, |acted| acted.health));
        let (shares, ignored) = health::weights(&health.collect::<Vec<_>>());
        if ignored != self.health_ignored {
            self.health_ignored = ignored;
            let what = if ignored {
                "denied: more than half of the pools are critical, so health is ignored and all of them get work"
            } else {
                "health counts again: no more than half of the pools are critical"
            };
            plan.drafts.push(Draft {
                author: Author::Health,
                pool: None,
                rule: "Majority".to_owned(),
                decision: what.to_owned(),
                inputs: format!("{} pools", self.pools.len()),
                record: None,
            });
        }
        let mut changed = false;
        for (state, share) in self.pools.values_mut().zip(shares) {
            let share = match share {
                health::Share::Full => Share::Full,
                health::Share::Half => Share::Half,
                health::Share::None => Share::None,
            };
            changed |= state.share != share;
            state.share = share;
        }
        if changed {
            plan.shares = Some(self.pools.iter().map(|(name, state)| (name.clone(), state.share)).collect());
        }
    }

    /// Keys that make up much of what a pool gets are reported: moving them would leave their warm data behind.
    fn look_for_hot_keys(&mut self, sample: &Sample, plan: &mut Plan) {
        for (name, pool) in &sample.pools {
            let Some(state) = self.pools.get_mut(name) else { continue };
            let seen = KeySample { keys: pool.keys.clone() };
            let before = state.hot.clone();
            let decision = state.hot.step(&seen, sample.at);
            let was_hot = |key: u64| state.hot_keys.iter().any(|(known, _)| *known == key);
            for &(key, share) in decision.hot.iter().filter(|(key, _)| !was_hot(*key)) {
                plan.drafts.push(Draft {
                    author: Author::Balance,
                    pool: Some(name.clone()),
                    rule: "HotKey".to_owned(),
                    decision: format!(
                        "the key with hash {key:#018x} is hot; it stays, as its data is warm here"
                    ),
                    inputs: format!("{:.0} % of what the pool gets", share * 100.0),
                    record: record(before.clone(), seen.clone(), &decision),
                });
            }
            state.hot_keys = decision.hot;
        }
    }

    /// The hot keys of every pool, with their shares.
    pub(super) fn hot_keys(&self) -> impl Iterator<Item = (&str, u64, f64)> {
        self.pools
            .iter()
            .flat_map(|(name, state)| state.hot_keys.iter().map(|(key, share)| (name.as_str(), *key, *share)))
    }

    /// What the law of scaling wishes for each pool.
    fn step_scaling(
        &mut self,
        sample: &Sample,
        surge: Surge,
        plan: &mut Plan,
    ) -> BTreeMap<String, scaling::Decision> {
        let mut wishes = BTreeMap::new();
        for (name, pool) in &sample.pools {
            let Some(state) = self.pools.get_mut(name) else { continue };
            let seen = scaling::Sample {
                workers: pool.workers,
                min: pool.min,
                max: pool.max,
                utilisation: pool.utilisation,
                least_delay: pool.least_delay,
                waiting: pool.waiting,
                surge: Surge { held: pool.surge, ..surge },
                manual: pool.by_hand,
                auto: sample.rules.auto,
                wish: None,
                thresholds: sample.rules.thresholds(name),
            };
            let before = state.scaling;
            let decision = state.scaling.step(&seen, sample.at);
            wishes.insert(name.clone(), decision);
            let acts = decision.to != pool.workers || decision.surge != pool.surge;
            if acts || self.is_new_denial(Author::Scaling, name, decision.rule.denies(), decision.rule) {
                plan.drafts.push(Draft {
                    author: Author::Scaling,
                    pool: Some(name.clone()),
                    rule: format!("{:?}", decision.rule),
                    decision: match decision.to {
                        to if to == pool.workers && !acts => format!("denied: it stays at {to} workers"),
                        to => format!("{} -> {to} workers", pool.workers),
                    },
                    inputs: decision.explain(&seen),
                    record: record(before, seen, &decision),
                });
            }
        }
        wishes
    }

    fn step_balance(&mut self, sample: &Sample, on_demand: bool, plan: &mut Plan) -> balance::Decision {
        let load = |(name, pool): (&String, &PoolReading)| balance::PoolLoad {
            name: name.as_str().into(),
            workers: pool.workers,
            min: pool.min,
            max: pool.max,
            utilisation: pool.utilisation,
            delayed: pool.least_delay.is_some_and(|delay| delay > sample.rules.thresholds(name).queue_delay),
            class: class(pool),
            // A surge takes nothing away while its lease runs, and what was set by hand stays.
            may_give: pool.by_hand.is_none() && !self.burst.holding(),
            may_take: pool.by_hand.is_none() && self.health_of(name) != Health::Critical,
        };
        let seen = balance::Sample {
            settings: sample.rules.balance.clone(),
            pools: sample.pools.iter().map(load).collect(),
            on_demand,
        };
        let before = self.moves.clone();
        let decision = self.moves.step(&seen, sample.at);
        self.balance = Some(decision.coefficient);
        let denied = matches!(
            decision.why,
            balance::Why::NobodyToGive | balance::Why::Cooldown(_) | balance::Why::Calm(_)
        );
        if !decision.moves.is_empty() || self.is_new_denial(Author::Balance, "", denied, decision.why.name())
        {
            plan.drafts.push(Draft {
                author: Author::Balance,
                pool: None,
                rule: decision.why.name().to_owned(),
                decision: if denied { format!("denied: {decision}") } else { decision.to_string() },
                inputs: used(sample),
                record: record(before, seen, &decision),
            });
        }
        plan.moves.clone_from(&decision.moves);
        decision
    }

    /// Puts wishes, moves and the core budget together: what every pool is to have in the end.
    fn settle(&mut self, sample: &Sample, wishes: BTreeMap<String, scaling::Decision>, plan: &mut Plan) {
        let moved = |name: &str| {
            let given = plan.moves.iter().filter(|to| to.from == name).map(|to| to.workers).sum::<u32>();
            let taken = plan.moves.iter().filter(|to| to.to == name).map(|to| to.workers).sum::<u32>();
            (given, taken)
        };
        let claims = sample.pools.iter().filter_map(|(name, pool)| {
            let (given, taken) = moved(name);
            let wish = wishes.get(name)?.to;
            let workers = pool.workers + taken - given.min(pool.workers);
            // Who gives has shrunk already; who takes needs that many fewer new ones.
            let wish = if given > 0 { wish.min(workers) } else { wish.max(workers * u32::from(taken > 0)) };
            Some(Claim { workers, wish, min: pool.min, kind: pool.kind })
        });
        let mut claims: Vec<Claim> = claims.collect();
        let wished: Vec<u32> = claims.iter().map(|claim| claim.wish).collect();
        let before = claims.clone();
        allot(sample.rules.cores, &mut claims);
        for ((((name, pool), decision), claim), wished) in
            sample.pools.iter().zip(wishes.values()).zip(&claims).zip(wished)
        {
            let short = wished.saturating_sub(claim.wish);
            let cores = sample.rules.cores;
            if self.is_new_denial(Author::Control, name, short > 0, short) {
                plan.drafts.push(Draft {
                    author: Author::Scaling,
                    pool: Some(name.clone()),
                    rule: "CoreBudget".to_owned(),
                    decision: format!("denied: {} of {wished} workers", claim.wish),
                    inputs: format!(
                        "pools that compute may have {cores} workers together, their minima apart"
                    ),
                    record: Some(Arc::new(Allotted {
                        budget: cores,
                        before: before.clone(),
                        after: claims.clone(),
                    })),
                });
            }
            let surge = decision.surge.saturating_sub(short).max(decision.surge.min(pool.surge));
            if claim.wish != claim.workers || surge != pool.surge {
                plan.sizes.insert(name.clone(), (claim.wish, surge));
            }
        }
    }

    /// The health of a pool that was acted on last.
    pub(super) fn health_of(&self, pool: &str) -> Health {
        let acted = self.pools.get(pool).and_then(|state| state.acted);
        acted.map_or(Health::Healthy, |acted| acted.health)
    }

    /// The last check of a pool.
    pub(super) fn last_check(&self, pool: &str) -> Option<health::Decision> {
        self.pools.get(pool).and_then(|state| state.acted)
    }

    /// Whether something is denied that was not denied for the same reason just before.
    fn is_new_denial(&mut self, author: Author, pool: &str, denied: bool, why: impl std::fmt::Debug) -> bool {
        let key = (author, pool.to_owned());
        if !denied {
            self.said.remove(&key);
            return false;
        }
        let why = format!("{why:?}");
        self.said.insert(key, why.clone()).is_none_or(|before| before != why)
    }
}

/// Workers move between pools of the same kind only, so that the core budget and the pinning stay what they are.
fn class(pool: &PoolReading) -> u8 {
    u8::from(pool.kind == Kind::Blocking) << 1 | u8::from(pool.pinned)
}

fn used(sample: &Sample) -> String {
    let pools = sample.pools.iter();
    let used =
        pools.map(|(name, pool)| format!("{name} {:.0} % of {}", pool.utilisation * 100.0, pool.workers));
    used.collect::<Vec<_>>().join(", ")
}

fn record<L>(before: L, sample: L::Sample, decision: &L::Decision) -> Option<Arc<dyn Reproduce>>
where
    L: Law + std::fmt::Debug + Send + Sync + 'static,
    L::Sample: std::fmt::Debug + Send + Sync,
    L::Decision: Clone + std::fmt::Debug + Send + Sync,
{
    Some(Arc::new(Step { before, sample, decision: decision.clone() }))
}

/// What the core budget left of the claims.
#[derive(Debug)]
struct Allotted {
    budget: u32,
    before: Vec<Claim>,
    after: Vec<Claim>,
}

impl Reproduce for Allotted {
    fn again(&self, _at: Moment) -> bool {
        let mut claims = self.before.clone();
        allot(self.budget, &mut claims);
        claims == self.after
    }
}
