//! The steps that look after each pool: its health, and its hot keys.

use std::sync::Arc;

use super::super::journal::{Author, Draft, Step};
use super::super::sample::Sample;
use super::{Brain, Plan, name_of};
use crate::balance::KeySample;
use crate::pool::Health;
use crate::pool::health::{self, HealthLaw};
use crate::share::Share;

impl Brain {
    /// Whether the next check of the health of all pools is due.
    pub(super) fn is_check_due(&self, sample: &Sample) -> bool {
        self.checked.is_none_or(|last| sample.at.since(last) >= sample.rules.check_every)
    }

    /// One check of the health of all pools; before it is due, a look in between.
    pub(in super::super) fn check_health(&mut self, sample: &Sample, plan: &mut Plan) {
        let between = !self.is_check_due(sample);
        if !between {
            self.checked = Some(sample.at);
        }
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
                between,
            };
            if !between {
                state.checked = (pool.ended, pool.failed);
            }
            let step = Step::take(&mut state.health, seen, sample.at);
            let decision = step.decision;
            let changed = state.acted.map_or(Health::Healthy, |last| last.health) != decision.health;
            state.acted = Some(decision);
            if decision.replace > 0 {
                plan.give_up.insert(name.clone(), decision.replace);
            }
            let denied = pool.stuck > pool.lost + decision.replace;
            let is_news = denied && self.is_new_denial(Author::Health, name, "replacements", sample.at);
            if changed || decision.replace > 0 || is_news {
                let replaced = match (decision.replace, denied) {
                    (0, false) => String::new(),
                    (0, true) => ", denied: as many stuck workers as may be are replaced already".to_owned(),
                    (replace, _) => format!(", {replace} stuck workers to be replaced"),
                };
                plan.drafts.push(Draft {
                    author: Author::Health,
                    pool: Some(name.clone()),
                    rule: name_of(decision.sign),
                    decision: format!("{}{replaced}", decision.health),
                    inputs: format!(
                        "looks {}; {} of {} workers, {} stuck, {} of them given up, {} of {} jobs failed, {} of {} waiting",
                        decision.observed, seen.workers, seen.wanted, seen.stalled, seen.lost, seen.failed,
                        seen.ended, seen.waiting, seen.lane
                    ),
                    record: Some(Arc::new(step)),
                });
            }
        }
        self.share_out(plan);
    }

    /// Health is switched off: what was decided by it holds no longer, and nobody would ever decide anew.
    pub(super) fn forget_health(&mut self, plan: &mut Plan) {
        let acted = self.pools.values().any(|state| state.acted.is_some());
        if !acted {
            return;
        }
        (self.checked, self.health_ignored) = (None, false);
        let mut mistrusted = false;
        for state in self.pools.values_mut() {
            mistrusted |= state.share != Share::Full;
            (state.health, state.acted, state.share) = (HealthLaw::default(), None, Share::Full);
        }
        if mistrusted {
            let what = "every pool has all of its keys again".to_owned();
            plan.drafts.push(Draft {
                author: Author::Health,
                ..Draft::remark(None, "health is switched off", what)
            });
        }
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
                rule: "majority".to_owned(),
                decision: what.to_owned(),
                inputs: format!("{} pools", self.pools.len()),
                record: None,
            });
        }
        for (state, share) in self.pools.values_mut().zip(shares) {
            state.share = share;
        }
    }

    /// Keys that make up much of what a pool gets are reported: moving them would leave their warm data behind.
    pub(super) fn look_for_hot_keys(&mut self, sample: &Sample, plan: &mut Plan) {
        for (name, pool) in &sample.pools {
            let Some(state) = self.pools.get_mut(name) else { continue };
            let seen = KeySample { keys: pool.keys.clone() };
            let step = Arc::new(Step::take(&mut state.hot, seen, sample.at));
            let was_hot = |key: u64| state.hot_keys.iter().any(|(known, _)| *known == key);
            for &(key, share) in step.decision.hot.iter().filter(|(key, _)| !was_hot(*key)) {
                plan.drafts.push(Draft {
                    author: Author::Balance,
                    pool: Some(name.clone()),
                    rule: "hot_key".to_owned(),
                    decision: format!(
                        "the key with hash {key:#018x} is hot; it stays, as its data is warm here"
                    ),
                    inputs: format!("{:.0} % of what the pool gets", share * 100.0),
                    record: Some(step.clone()),
                });
            }
            state.hot_keys.clone_from(&step.decision.hot);
        }
    }
}
