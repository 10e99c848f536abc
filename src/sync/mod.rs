//! The one way to atomics, threads, channels and epoch-reclaimed cells.
//!
//! Two builds with the same names: [`native`](self) over std and crossbeam, and a model over loom, selected by
//! the private cfg `heijunka_loom`. Everything above this module is the same code in both, so what the
//! models in `loom-tests/` check is what services run. The exception is the channel: crossbeam's does not
//! build under loom, so the model has a bounded queue of its own in its place (see `loom-tests/README.md`).

mod epoch;
#[cfg(heijunka_loom)]
mod model;
#[cfg(not(heijunka_loom))]
mod native;
mod switch;

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use crossbeam_utils::sync::Unparker;
pub(crate) use epoch::{EpochCell, Guard, pin, synchronize};
#[cfg(heijunka_loom)]
pub(crate) use model::*;
#[cfg(not(heijunka_loom))]
pub(crate) use native::*;
pub(crate) use switch::Switch;
