//! The control thread: one look at everything per tick, one step of every law, and what follows from it, written down.
#![doc = include_str!("README.md")]

mod act;
mod brain;
mod journal;
mod rules;
mod sample;
mod status;
mod thread;

#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub use journal::{Author, Entry};
pub use status::{ControlStatus, HealthReport, PoolHealth, Readiness};

pub(super) use journal::Draft;
pub(super) use thread::start;

use brain::{Brain, Plan};
use journal::Journal;
use sample::{Sample, Sampler};

use super::Core;
use crate::thread::{Bell, Managed};
use crate::time::{Clock, Deadline};

/// What the control thread shares with the callers of a runtime.
pub(super) struct Control {
    /// Locked for a step and what follows from it; changed only as a whole, at the end of a step that succeeded.
    mind: Mutex<Mind>,
    pub(super) journal: Journal,
    life: Mutex<Life>,
    thread: Mutex<Option<Managed>>,
    /// Rung when the end has come.
    end: Bell,
    /// Real time, for what a tick costs.
    real: Clock,
}

/// What is remembered between ticks.
#[derive(Default)]
struct Mind {
    brain: Brain,
    sampler: Sampler,
    /// The last sample: what is decided on demand is decided by it.
    seen: Option<Sample>,
}

/// How the control thread is.
#[derive(Clone, Debug, Default)]
struct Life {
    /// Why it is down, if it is.
    down: Option<String>,
    ending: bool,
    ticks: u64,
    deaths: u64,
    /// What the last tick and the longest took.
    took: Duration,
    longest: Duration,
}

impl Life {
    fn died(&mut self, why: &str) {
        self.deaths += 1;
        self.down = Some(why.to_owned());
    }
}

impl Control {
    pub(super) fn new(journal: usize) -> Self {
        Self {
            mind: Mutex::default(),
            journal: Journal::new(journal),
            life: Mutex::default(),
            thread: Mutex::default(),
            end: Bell::default(),
            real: Clock::monotonic(),
        }
    }

    /// Keeps ticks from running for as long as it is held. To be taken before the registry's lock.
    pub(super) fn still(&self) -> impl Drop + '_ {
        self.mind.lock()
    }

    fn is_ending(&self) -> bool {
        self.life.lock().ending
    }

    /// Sleeps for so long, or until the end.
    fn pause(&self, patience: Duration) {
        if !self.is_ending() {
            self.end.listen(patience);
        }
    }

    /// Ends the thread and joins it, at most until `deadline`; its name, if it did not end.
    pub(super) fn stop(&self, bell: &Bell, deadline: &Deadline) -> Option<String> {
        self.life.lock().ending = true;
        self.end.ring();
        bell.ring();
        let thread = self.thread.lock().take()?;
        let late = thread.join_until(deadline).err()?;
        let name = late.name().to_owned();
        *self.thread.lock() = Some(late);
        Some(name)
    }
}

impl Core {
    fn tick(&self) -> Duration {
        self.config().control.tick
    }

    /// One tick: sample, step, act, commit; then say what was decided.
    fn run_tick(&self) {
        if self.registry.lock().closing {
            return;
        }
        let begun = self.control.real.now();
        let (at, drafts) = {
            let mut mind = self.control.mind.lock();
            // A panic on the way leaves what was committed last.
            let (mut brain, mut sampler) = (mind.brain.clone(), mind.sampler.clone());
            let (sample, pools) = sampler.sample(self);
            // It may be of pools that have closed meanwhile, of which nothing is to be decided.
            if self.registry.lock().closing {
                return;
            }
            let mut plan = brain.step(&sample);
            let mut remarks = act::act(self, &plan, &sample, &pools);
            remarks.extend(act::staff(&plan, &pools));
            self.forget_removed();
            let at = sample.at;
            *mind = Mind { brain, sampler, seen: Some(sample) };
            plan.drafts.extend(remarks);
            (at, plan.drafts)
        };
        let took = self.control.real.now().since(begun);
        {
            let mut life = self.control.life.lock();
            life.ticks += 1;
            life.down = None;
            life.took = took;
            life.longest = life.longest.max(took);
        }
        self.write(at, drafts);
    }

    /// Between ticks: whatever is missing is started.
    fn tend_pools(&self) {
        if self.registry.lock().closing {
            return;
        }
        let remarks = act::staff(&Plan::default(), &self.pools());
        self.write(self.clock.now(), remarks);
    }

    /// Into the journal, and to whoever listens to the log. Under no lock: they may ask anything.
    pub(super) fn write(&self, at: crate::time::Moment, drafts: Vec<Draft>) {
        let entries: Vec<Arc<Entry>> =
            drafts.into_iter().map(|draft| self.control.journal.write(at, draft)).collect();
        for entry in entries {
            tracing::info!(author = entry.author.name(), pool = entry.pool, "{entry}");
        }
    }
}
