//! The harness of `cargo bench --bench compare`: heijunka side by side with the floor and with its peers.
//!
//! What makes a comparison fair is here, once, for every row:
//!
//! - [`rounds`]: both sides alternate, and the medians of the rounds are compared, so that what the machine does
//!   meanwhile hits both alike;
//! - [`cores`]: the submitter and the worker are pinned, each to its own core, on both sides, and a probe job checks it;
//! - [`team`]: threads exist before the clock starts, leave one barrier together, and the slowest one counts;
//! - [`latency`]: open-loop pacing, stamps of one clock, percentiles from an HDR histogram;
//! - [`spawn`]: one trait for everything that runs a closure on another thread, and an adapter for each peer;
//! - [`burner`]: a process that uses a given share of the processor, for what is compared with its cost alone;
//! - [`report`]: one line for each row with its goal, and the goals met and missed at the end.

pub mod allocations;
pub mod burner;
pub mod clock;
pub mod cores;
pub mod latency;
pub mod processor;
pub mod report;
pub mod rounds;
pub mod spawn;
pub mod suite;
pub mod tally;
pub mod team;
