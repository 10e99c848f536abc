//! heijunka levels the work inside latency-critical services.

mod admission;
mod error;
mod lanes;
mod metrics;
mod pool;
mod priority;
mod routing;
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
    Checkout, CheckoutError, Context, Health, JobFuture, JobHandle, Kind, Pool, PoolStatus, ScaleError,
    WaitError, WorkerStatus,
};
pub use priority::{Priority, UnknownPriority};
pub use routing::{
    Affinity, BalanceStatus, Choices, Key, Load, Pin, PoolSetError, Router, Target,
    coefficient as balance_coefficient, pin,
};
pub use runtime::{
    AdmissionConfig, Builder, ChangeError, Config, Domain, DomainConfig, GroupConfig, JobSpec, PoolConfig,
    RefusedMany, Report, Runtime, RuntimeStatus, StartError,
};
pub use thread::{Idle, Pinning, Unpinned};
pub use time::{Clock, ManualTime, Moment};
