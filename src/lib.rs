//! heijunka levels the work inside latency-critical services.

#[cfg(all(feature = "_model", not(heijunka_loom)))]
compile_error!("the feature `_model` goes with the cfg `heijunka_loom`: run the models with `make loom`");
#[cfg(all(heijunka_loom, not(debug_assertions)))]
compile_error!("the models need debug assertions: run them with `make loom`");

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
    AdmissionConfig, Builder, ChangeError, Config, ConfigError, Domain, DomainConfig, GroupConfig, JobSpec,
    Loader, PoolConfig, RefusedMany, Report, Runtime, RuntimeStatus, StartError, Warning,
};
pub use thread::{Idle, Pinning, Unpinned};
pub use time::{Clock, ManualTime, Moment};

#[cfg(all(test, heijunka_loom))]
#[path = "../loom-tests/harness.rs"]
mod harness;
