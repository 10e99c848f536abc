//! What a plan comes to: workers are sent, started, retired and given up, tables published. Whatever could not be done as
//! decided is said; the next tick sees how things are and decides anew.

use std::collections::BTreeMap;

use super::super::Core;
use super::brain::Plan;
use super::journal::Draft;
use super::sample::Sample;
use crate::pool::{Pool, Tended};

/// Carries the plan out, but for the sizes of pools; returns what is to be remarked on it.
pub(super) fn act(core: &Core, plan: &Plan, sample: &Sample, pools: &BTreeMap<String, Pool>) -> Vec<Draft> {
    let mut remarks = Vec::new();
    for given_up in &plan.give_up {
        give_up(sample, pools, given_up, &mut remarks);
    }
    for step in &plan.moves {
        let (Some(from), Some(to)) = (pools.get(&step.from), pools.get(&step.to)) else { continue };
        let sent = from.send(to, step.workers);
        if sent < step.workers {
            let what = format!("denied: {sent} of {} workers go to {}", step.workers, step.to);
            remarks.push(Draft::remark(Some(&step.from), "no worker, or no slot for it, is free", what));
        }
    }
    if let Err(error) = core.registry.lock().trust(&plan.shares) {
        let what = "denied: routing stays as it is".to_owned();
        remarks.push(Draft::remark(None, &error.to_string(), what));
    }
    remarks
}

/// Starts and retires workers. For the control thread alone: a thread inherits the cores of the one that starts it.
pub(super) fn staff(plan: &Plan, pools: &BTreeMap<String, Pool>) -> Vec<Draft> {
    let mut remarks = Vec::new();
    for (name, pool) in pools {
        let tended = match plan.sizes.get(name) {
            Some((workers, surge)) => pool.resize(*workers, *surge),
            None => pool.tend(),
        };
        remark(name, &tended, &mut remarks);
    }
    remarks
}

fn give_up(
    sample: &Sample,
    pools: &BTreeMap<String, Pool>,
    (name, workers): (&String, &u32),
    remarks: &mut Vec<Draft>,
) {
    let Some(pool) = pools.get(name) else { return };
    let stall = sample.rules.stall_after(name);
    for thread in pool.give_up(sample.at.before(stall), *workers) {
        let what = format!("{thread} is given up, another worker takes its place");
        remarks.push(Draft::remark(
            Some(name),
            &format!("its job has been running for more than {stall:?}"),
            what,
        ));
    }
}

/// What became of a pool's threads.
fn remark(pool: &str, tended: &Tended, remarks: &mut Vec<Draft>) {
    let Tended { died, started, missing, is_news } = tended;
    if *died > 0 {
        let what = format!("{died} workers died; {started} started");
        remarks.push(Draft::remark(Some(pool), "a panic that no job's guard could catch", what));
    }
    if let Some(error) = missing.as_ref().filter(|_| *is_news) {
        let what = "denied: workers are missing; trying again at every tick".to_owned();
        remarks.push(Draft::remark(Some(pool), &error.to_string(), what));
    }
}
