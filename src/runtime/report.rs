//! What a runtime tells: its status while it runs, and a report when it ends.

use std::time::Duration;

use crate::admission;
use crate::balance::{BalanceStatus, coefficient};
use crate::pool::PoolStatus;

/// A runtime as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuntimeStatus {
    /// What is in flight and what was refused.
    pub admission: admission::Status,
    /// The pools, by name.
    pub pools: Vec<PoolStatus>,
    /// How evenly the pools are used lately: 1 is perfect, 0.8 good; see [`coefficient`].
    pub balance: f64,
}

impl RuntimeStatus {
    pub(super) fn new(admission: admission::Status, pools: Vec<PoolStatus>) -> Self {
        let balance = coefficient(pools.iter().map(|pool| pool.utilisation));
        Self { admission, pools, balance }
    }

    /// The balance in a word.
    #[must_use]
    pub fn balance_status(&self) -> BalanceStatus {
        BalanceStatus::of(self.balance)
    }
}

/// What became of the work when a runtime was drained or stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Jobs that ended during the shutdown: run, expired or cancelled.
    pub finished: u64,
    /// Submissions refused during the shutdown.
    pub refused: u64,
    /// Accepted jobs that were handed back unrun: their handles say [`JobError::Abandoned`](crate::JobError::Abandoned).
    pub abandoned: u64,
    /// Threads that did not end in time, because of the job they run. They are left behind.
    pub unjoined: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether everything that was accepted has ended, and every thread with it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.abandoned == 0 && self.unjoined.is_empty()
    }
}
