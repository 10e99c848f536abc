//! Runs a model in every arrangement of its roles, and makes sure that it was not vacuous.
//!
//! loom misses interleavings that depend on which thread is the main one (tokio-rs/loom#166), so every role gets
//! to be it, and a model says which outcomes it accepts: one that was never seen is a failure just as one that
//! was never accepted.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// A number in a cell that loom watches: two threads that use it at the same time are a failure.
#[derive(Default)]
pub(crate) struct Watched(loom::cell::UnsafeCell<u32>);

// SAFETY: loom reports every unordered use, which is what the cell is for.
unsafe impl Sync for Watched {}

impl Watched {
    pub(crate) fn add_one(&self) {
        // SAFETY: loom checks that nobody else uses it.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }

    pub(crate) fn get(&self) -> u32 {
        // SAFETY: loom checks that nobody writes it.
        self.0.with(|value| unsafe { *value })
    }
}

/// What one thread of a model does.
pub(crate) type Role<'a> = Box<dyn FnOnce() + Send + 'a>;

/// A model: `preemptions` bounds the search (unless `LOOM_MAX_PREEMPTIONS` is set), `floor` is the least number of executions
/// that it must take.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) preemptions: usize,
    pub(crate) floor: usize,
}

impl Model {
    /// Checks `execution`, which is given the number of the arrangement and returns what it saw.
    pub(crate) fn check<O>(&self, arrangements: usize, accepted: &[O], execution: fn(usize) -> O)
    where
        O: Ord + Clone + Debug + Send + 'static,
    {
        let deeper = std::env::var("LOOM_MAX_PREEMPTIONS").ok().and_then(|bound| bound.parse().ok());
        let seen = Arc::new(Mutex::new((0_usize, BTreeSet::new())));
        for arrangement in 0..arrangements {
            let mut builder = loom::model::Builder::new();
            builder.preemption_bound = Some(deeper.unwrap_or(self.preemptions));
            builder.max_duration = None;
            builder.max_branches = 10_000;
            let seen = seen.clone();
            builder.check(move || {
                let outcome = execution(arrangement);
                let mut seen = seen.lock().unwrap();
                seen.0 += 1;
                seen.1.insert(outcome);
            });
        }
        let (executions, outcomes) = &*seen.lock().unwrap();
        println!("MODEL {}: {executions} executions, saw {outcomes:?}", self.name);
        let accepted: BTreeSet<O> = accepted.iter().cloned().collect();
        assert_eq!(*outcomes, accepted, "{}: left what was seen, right what must be", self.name);
        assert!(
            *executions >= self.floor,
            "{}: {executions} executions, fewer than {}",
            self.name,
            self.floor
        );
    }
}

/// The number of arrangements of `roles` roles.
pub(crate) const fn orders(roles: usize) -> usize {
    if roles < 2 { 1 } else { roles * orders(roles - 1) }
}

/// Runs the roles at the same time, in this arrangement: the last one on the main thread, the others spawned in order.
pub(crate) fn run(mut roles: Vec<Role<'static>>, mut arrangement: usize) {
    let mut arranged = Vec::new();
    while !roles.is_empty() {
        let choice = arrangement % roles.len();
        arrangement /= roles.len();
        arranged.push(roles.remove(choice));
    }
    let main = arranged.pop();
    let threads: Vec<_> = arranged.into_iter().map(loom::thread::spawn).collect();
    if let Some(main) = main {
        main();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}
