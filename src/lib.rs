//! heijunka levels the work inside latency-critical services.

mod admission;
mod error;
mod lanes;
mod metrics;
mod pool;
mod priority;
mod runtime;
mod sync;
mod thread;
mod time;

pub use admission::{
    Capacity, Class, Limits, LimitsError, Permit, Pressure, Refusals, Regulator, Status, SubLimitId,
    SubLimitStatus,
};
pub use error::{JobError, Reason, Refused, Rejected};
pub use metrics::Latencies;
pub use pool::{
    Context, Health, JobFuture, JobHandle, Kind, Pool, PoolStatus, ScaleError, WaitError, WorkerStatus,
};
pub use priority::{Priority, UnknownPriority};
pub use runtime::{AdmissionConfig, Affinity, Config, DomainConfig, GroupConfig, PoolConfig};
pub use thread::{Idle, Pinning, Unpinned};
pub use time::{Clock, ManualTime, Moment};
