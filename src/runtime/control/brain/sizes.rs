//! The steps that decide how many workers each pool has: bursts, scaling, balance, and the core budget over all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::journal::{Author, Draft, Reproduce, Step};
use super::super::sample::Sample;
use super::{Brain, Plan, name_of};
use crate::balance;
use crate::burst::{self, Accrual};
use crate::pool::budget::{Claim, allot};
use crate::pool::scaling::{self, Scaling, Surge};
use crate::pool::{Health, Kind, PoolReading};
use crate::time::Moment;

impl Brain {
    pub(super) fn step_burst(&mut self, sample: &Sample, elapsed: Duration, plan: &mut Plan) -> Surge {
        let held: u32 = sample.pools.values().map(|pool| pool.surge).sum();
        let last = self.burst_decision;
        if let Some(last) = last {
            let wished = last.extra * u32::try_from(sample.pools.len()).unwrap_or(u32::MAX);
            self.ledger.add(Accrual {
                elapsed,
                wished,
                granted: held,
                busy: sample.pools.values().map(|pool| pool.surge_busy).sum(),
                jobs: sample.pools.values().map(|pool| pool.surge_jobs).sum(),
                cost_factor: sample.rules.burst.cost,
            });
        }
        let settings = sample.rules.burst;
        let seen = burst::Sample { settings, arrivals: sample.arrivals, surge_workers: held };
        let step = Step::take(&mut self.burst, seen, sample.at);
        let decision = step.decision;
        self.ledger.note(&decision);
        self.burst_decision = Some(decision);
        let acts = last.is_some_and(|last| (last.phase, last.extra) != (decision.phase, decision.extra));
        let rule = name_of(decision.rule);
        if acts || decision.rule.denies() && self.is_new_denial(Author::Burst, "", &rule, sample.at) {
            plan.drafts.push(Draft {
                author: Author::Burst,
                pool: None,
                rule,
                decision: decision.to_string(),
                inputs: format!("{} arrivals so far, {held} surge workers", sample.arrivals),
                record: Some(Arc::new(step)),
            });
        }
        Surge { extra: decision.extra, held: 0, lease: self.burst.holding() }
    }

    /// What the law of scaling wishes for each pool.
    pub(super) fn step_scaling(&mut self, sample: &Sample, surge: Surge) -> BTreeMap<String, Step<Scaling>> {
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
                wish: sample.wishes.get(name).copied(),
                thresholds: sample.rules.thresholds(name),
            };
            wishes.insert(name.clone(), Step::take(&mut state.scaling, seen, sample.at));
        }
        wishes
    }

    pub(super) fn step_balance(
        &mut self,
        sample: &Sample,
        on_demand: bool,
        plan: &mut Plan,
    ) -> balance::Decision {
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
        let step = Step::take(&mut self.moves, seen, sample.at);
        let decision = step.decision.clone();
        let denied = matches!(
            decision.why,
            balance::Why::NobodyToGive | balance::Why::Cooldown(_) | balance::Why::Calm(_)
        );
        let is_news = denied && self.is_new_denial(Author::Balance, "", decision.why.name(), sample.at);
        if !decision.moves.is_empty() || is_news {
            plan.drafts.push(Draft {
                author: Author::Balance,
                pool: None,
                rule: decision.why.name().to_owned(),
                decision: if denied { format!("denied: {decision}") } else { decision.to_string() },
                inputs: used(sample),
                record: Some(Arc::new(step)),
            });
        }
        plan.moves.clone_from(&decision.moves);
        decision
    }

    /// Whether something else was decided, or had come of it, the last time.
    fn is_new_wish(&mut self, pool: &str, wished: [(u32, u32); 2]) -> bool {
        let last = self.pools.get_mut(pool).map(|state| state.wished.replace(wished));
        last.is_none_or(|last| last != Some(wished))
    }

    /// Puts wishes, moves and the core budget together: what every pool is to have in the end.
    pub(super) fn settle(
        &mut self,
        sample: &Sample,
        wishes: BTreeMap<String, Step<Scaling>>,
        plan: &mut Plan,
    ) {
        let moved = |name: &str| {
            let given = plan.moves.iter().filter(|to| to.from == name).map(|to| to.workers).sum::<u32>();
            let taken = plan.moves.iter().filter(|to| to.to == name).map(|to| to.workers).sum::<u32>();
            (given, taken)
        };
        let claims = wishes.iter().map(|(name, wish)| {
            let (pool, (given, taken)) = (&sample.pools[name], moved(name));
            let workers = pool.workers + taken - given.min(pool.workers);
            // Who gives has shrunk already; who takes needs that many fewer new ones.
            let wish = match wish.decision.to {
                to if given > 0 => to.min(workers),
                to if taken > 0 => to.max(workers),
                to => to,
            };
            Claim { workers, wish, min: pool.min, kind: pool.kind }
        });
        let before: Vec<Claim> = claims.collect();
        let mut after = before.clone();
        allot(sample.rules.cores, &mut after);
        let allotted = Arc::new(Allotted { budget: sample.rules.cores, before, after });
        for (at, (name, wish)) in wishes.into_iter().enumerate() {
            let (pool, claim, asked) = (&sample.pools[&name], allotted.after[at], allotted.before[at].wish);
            let short = asked.saturating_sub(claim.wish);
            let decision = wish.decision;
            let surge = decision.surge.saturating_sub(short).max(decision.surge.min(pool.surge));
            let acts = claim.wish != claim.workers || surge != pool.surge;
            if acts {
                plan.sizes.insert(name.clone(), (claim.wish, surge));
            } else if let Some(state) = self.pools.get_mut(&name) {
                state.wished = None;
            }
            let rule = name_of(decision.rule);
            let denied =
                decision.rule.denies() && self.is_new_denial(Author::Scaling, &name, &rule, sample.at);
            let change = [(claim.workers, pool.surge), (claim.wish, surge)];
            let acts = acts && self.is_new_wish(&name, change);
            if acts || denied {
                let decision = match claim.wish {
                    to if acts => format!("{} -> {to} workers", claim.workers),
                    to => format!("denied: it stays at {to} workers"),
                };
                let inputs = wish.decision.explain(&wish.sample);
                let (author, pool, record) = (Author::Scaling, Some(name.clone()), Some(Arc::new(wish) as _));
                plan.drafts.push(Draft { author, pool, rule, decision, inputs, record });
            }
            if short > 0 && self.is_new_denial(Author::Scaling, &name, CORE_BUDGET, sample.at) {
                let cores = sample.rules.cores;
                plan.drafts.push(Draft {
                    author: Author::Scaling,
                    pool: Some(name),
                    rule: CORE_BUDGET.to_owned(),
                    decision: format!("denied: {} of {asked} workers", claim.wish),
                    inputs: format!(
                        "pools that compute may have {cores} workers together, their minima apart"
                    ),
                    record: Some(allotted.clone()),
                });
            }
        }
    }
}

/// The rule by which pools that compute grow no further.
const CORE_BUDGET: &str = "core_budget";

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
