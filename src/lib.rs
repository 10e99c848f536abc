//! heijunka levels the work inside latency-critical services.

mod priority;
mod runtime;
mod sync;
mod thread;
mod time;

pub use priority::{Priority, UnknownPriority};
pub use runtime::{
    AdmissionConfig, Affinity, Config, ConfigError, DomainConfig, GroupConfig, Kind, Loader, PoolConfig,
    Warning,
};
pub use thread::Idle;
pub use time::{Clock, ManualTime, Moment};
