//! What is measured: cells that one worker writes and anybody reads, summed up when somebody looks.

mod cells;
mod histogram;
mod keys;

pub use cells::Latencies;
pub(crate) use cells::{Ended, Skip, Totals, WorkerCells};
pub(crate) use keys::KeySamples;
