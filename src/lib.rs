//! heijunka levels the work inside latency-critical services.

mod priority;
mod routing;
mod runtime;
mod sync;
mod thread;
mod time;

pub use priority::{Priority, UnknownPriority};
pub use routing::{BalanceStatus, Key, PoolSetError, coefficient as balance_coefficient};
pub use runtime::{AdmissionConfig, Affinity, Config, DomainConfig, GroupConfig, Kind, PoolConfig};
pub use thread::Idle;
pub use time::{Clock, ManualTime, Moment};
