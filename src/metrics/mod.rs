//! What is measured: cells that one worker writes and anybody reads, summed up when somebody looks.

mod cells;
mod histogram;
#[allow(dead_code, reason = "written on submission once hot keys are looked for, which is to come")]
mod keys;

pub use cells::Latencies;
pub(crate) use cells::{Ended, Skip, Totals, WorkerCells};
#[allow(unused_imports, reason = "as above")]
pub(crate) use keys::KeySamples;
