//! Threads: pinning, idling, waking, and stopping with a deadline.

mod idle;

pub use idle::Idle;
pub(crate) use idle::Step;
