//! Threads: pinned, idling, woken, and stopped with a deadline.

mod bell;
mod idle;
mod pin;
mod run;
mod wake;

pub(crate) use bell::Bell;
pub use idle::Idle;
pub(crate) use idle::Step;
pub(crate) use pin::{Cores, Lease};
pub use pin::{Pinning, Unpinned};
pub(crate) use run::{Managed, panic_message};
pub(crate) use wake::{Closed, IdleSet};
