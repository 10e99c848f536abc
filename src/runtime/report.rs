//! What a runtime tells: its status while it runs, and a report when it ends.

use std::time::Duration;

use super::Core;
use super::control::{ControlStatus, Readiness};
use crate::admission;
use crate::balance::{BalanceStatus, coefficient};
use crate::burst::BurstStatus;
use crate::kanban::{Kanban, KanbanReport, KanbanStatus};
use crate::pool::{Pool, PoolStatus};
use crate::routing::Key;

/// A runtime as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuntimeStatus {
    /// How long it has been there.
    pub uptime: Duration,
    /// What is in flight and what was refused.
    pub admission: admission::Status,
    /// The pools, by name.
    pub pools: Vec<PoolStatus>,
    /// How evenly the pools are used lately: 1 is perfect, 0.8 good; see [`balance_coefficient`](crate::balance_coefficient).
    pub balance: f64,
    /// Whether it should be given work.
    pub readiness: Readiness,
    /// The handling of bursts.
    pub burst: BurstStatus,
    /// The control thread.
    pub control: ControlStatus,
    /// The pull queue, if there is one.
    pub kanban: Option<KanbanStatus>,
    /// Keys that make up much of what a pool gets.
    pub hot_keys: Vec<HotKey>,
}

/// A key that makes up much of what a pool gets. It stays where it is, as its data is warm there; more workers for the pool
/// help it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HotKey {
    /// The pool.
    pub pool: String,
    /// The key, to be compared with [`Key::from`](crate::Key).
    pub key: Key,
    /// Its share of what the pool gets, 0 to 1: estimated from samples, to some 5 % of the whole.
    pub share: f64,
}

impl RuntimeStatus {
    pub(super) fn of(core: &Core) -> Self {
        // Outside the registry's lock: whoever submits or scales meanwhile does not wait for it.
        let mut pools: Vec<PoolStatus> = core.pools().values().map(Pool::status).collect();
        core.tell_health(&mut pools);
        Self {
            uptime: core.clock.now().since(core.begun),
            admission: core.regulator.status(),
            balance: coefficient(pools.iter().map(|pool| pool.utilisation)),
            pools,
            readiness: core.readiness(),
            burst: core.burst_status(),
            control: core.control_status(),
            kanban: core.kanban.get().map(Kanban::status),
            hot_keys: core.hot_keys(),
        }
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
    /// What became of the pull queue, if there was one.
    pub kanban: Option<KanbanReport>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether everything that was accepted has ended, and every thread with it, and no item is lost.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.abandoned == 0
            && self.unjoined.is_empty()
            && self.kanban.as_ref().is_none_or(KanbanReport::is_clean)
    }
}
