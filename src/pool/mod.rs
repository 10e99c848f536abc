//! Pools: pinned workers that take jobs from three bounded lanes.
#![doc = include_str!("README.md")]

pub(crate) mod budget;
mod checkout;
mod closure;
mod context;
mod control;
mod crew;
mod finish;
mod handle;
pub(crate) mod health;
mod job;
mod lanes;
mod post;
mod reading;
mod scale_error;
pub(crate) mod scaling;
mod shared;
mod state;
mod status;
mod work;
mod worker;

pub use checkout::{Checkout, CheckoutError};
pub use context::Context;
pub use control::Pool;
pub use handle::{JobFuture, JobHandle, WaitError};
pub use health::{Health, Sign};
pub use scaling::ScaleError;
pub use shared::Kind;
pub use status::{Duty, PoolStatus, WorkerStatus};

pub(crate) use closure::{Plain, Tracked};
pub(crate) use crew::Tended;
pub(crate) use finish::{Finish, OUTCOME};
pub(crate) use job::{Job, Keeper, NEVER};
pub(crate) use reading::{Gauge, PoolReading};
pub(crate) use shared::{Settings, Shared};
pub(crate) use state::Flag;
pub(crate) use work::Work;

#[cfg(all(test, heijunka_loom))]
#[path = "../../loom-tests/pool.rs"]
pub(crate) mod models;
