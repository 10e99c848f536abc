//! What ran.

use std::collections::BTreeMap;
use std::sync::Arc;

use heijunka::{Priority, Work};
use parking_lot::Mutex;

/// One call of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) priority: Priority,
    pub(crate) attempt: u32,
    pub(crate) deliveries: u32,
    pub(crate) worker: usize,
}

/// All calls, in the order in which they began.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Run>>>);

impl Log {
    pub(crate) fn note(&self, work: &Work<'_>) {
        let run = Run {
            id: work.item().id.as_str().to_owned(),
            priority: work.item().lane.priority,
            attempt: work.attempt(),
            deliveries: work.deliveries(),
            worker: work.context().worker(),
        };
        self.0.lock().push(run);
    }

    pub(crate) fn runs(&self) -> Vec<Run> {
        self.0.lock().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// The attempts of one item, in the order in which they began.
    pub(crate) fn attempts(&self, id: &str) -> Vec<u32> {
        self.0.lock().iter().filter(|run| run.id == id).map(|run| run.attempt).collect()
    }

    /// How often each item ran.
    pub(crate) fn by_id(&self) -> BTreeMap<String, u64> {
        let mut runs = BTreeMap::new();
        for run in self.0.lock().iter() {
            *runs.entry(run.id.clone()).or_default() += 1;
        }
        runs
    }

    /// So many different items ran, each of them once.
    pub(crate) fn each_once(&self, items: usize) {
        let runs = self.by_id();
        let again: Vec<_> = runs.iter().filter(|(_, times)| **times != 1).collect();
        assert!(again.is_empty(), "ran more than once: {again:?}");
        assert_eq!(runs.len(), items);
    }
}
