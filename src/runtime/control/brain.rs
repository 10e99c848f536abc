//! All laws together: one pure step from state and sample to a plan. No clock, no locks, no threads: what the control
//! thread runs is what the simulations run.

mod checks;
mod sizes;

use std::collections::BTreeMap;
use std::time::Duration;

use super::journal::{Author, Draft};
use super::sample::Sample;
use crate::balance::{self, Hot, Move, Moves};
use crate::burst::{self, Burst, Ledger};
use crate::pool::Health;
use crate::pool::health::{self, HealthLaw};
use crate::pool::scaling::Scaling;
use crate::share::Share;
use crate::time::Moment;

/// Everything that is remembered from one tick to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Brain {
    pools: BTreeMap<String, PoolState>,
    moves: Moves,
    pub(super) burst: Burst,
    pub(super) burst_decision: Option<burst::Decision>,
    pub(super) ledger: Ledger,
    last: Option<Moment>,
    checked: Option<Moment>,
    /// Too many pools were critical at the last check for health to be acted on.
    pub(super) health_ignored: bool,
    /// What was denied to whom and why, and when it was so last: what stays denied, or is denied again and again, is written
    /// down once.
    denied: BTreeMap<(Author, String, String), Moment>,
}

#[derive(Clone, Debug, Default)]
struct PoolState {
    /// Which pool of its name it is.
    serial: u64,
    scaling: Scaling,
    /// Workers and surge workers that there were, and that were decided on last: the same again says that nothing came of it.
    wished: Option<[(u32, u32); 2]>,
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
    /// What each pool is to count for in routing.
    pub(super) shares: BTreeMap<String, Share>,
    pub(super) drafts: Vec<Draft>,
}

impl Brain {
    /// Pools come and go.
    pub(super) fn meet(&mut self, sample: &Sample) {
        self.pools
            .retain(|name, state| sample.pools.get(name).is_some_and(|pool| pool.serial == state.serial));
        for (name, pool) in &sample.pools {
            self.pools
                .entry(name.clone())
                .or_insert_with(|| PoolState { serial: pool.serial, ..PoolState::default() });
        }
        self.denied.retain(|_, last| sample.at.since(*last) <= FORGOTTEN);
    }

    /// The step of one tick.
    pub(super) fn step(&mut self, sample: &Sample) -> Plan {
        let mut plan = Plan::default();
        self.meet(sample);
        let elapsed = self.last.map_or(Duration::ZERO, |last| sample.at.since(last));
        self.last = Some(sample.at);
        let surge = self.step_burst(sample, elapsed, &mut plan);
        if !sample.rules.check_health {
            self.forget_health(&mut plan);
        } else if self.is_check_due(sample) {
            self.check_health(sample, &mut plan);
        }
        self.look_for_hot_keys(sample, &mut plan);
        let wishes = self.step_scaling(sample, surge);
        self.step_balance(sample, false, &mut plan);
        self.settle(sample, wishes, &mut plan);
        plan.shares = self.shares();
        plan
    }

    /// Workers move now rather than after three ticks, if they should.
    pub(super) fn rebalance(&mut self, sample: &Sample) -> (balance::Decision, Plan) {
        let mut plan = Plan::default();
        let decision = self.step_balance(sample, true, &mut plan);
        (decision, plan)
    }

    /// What each pool is to count for in routing.
    pub(super) fn shares(&self) -> BTreeMap<String, Share> {
        self.pools.iter().map(|(name, state)| (name.clone(), state.share)).collect()
    }

    /// The hot keys of every pool, with their shares.
    pub(super) fn hot_keys(&self) -> impl Iterator<Item = (&str, u64, f64)> {
        self.pools
            .iter()
            .flat_map(|(name, state)| state.hot_keys.iter().map(|(key, share)| (name.as_str(), *key, *share)))
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

    /// Whether this was not denied for the same reason within the last minute.
    fn is_new_denial(&mut self, author: Author, pool: &str, why: &str, now: Moment) -> bool {
        let before = self.denied.insert((author, pool.to_owned(), why.to_owned()), now);
        before.is_none_or(|before| now.since(before) > FORGOTTEN)
    }
}

/// A denial that has not been repeated for so long is news again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// The name of a rule as the journal has it, such as `calm_denied`.
fn name_of(rule: impl std::fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{rule:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
