//! Faults that were found once, each with a test that would find it again. What used to go wrong is said at each.

#[allow(dead_code, reason = "shared with the other suites; this one does not need all of it")]
#[path = "../common/mod.rs"]
mod common;

mod changes;
mod levelling;
mod pools;
mod routing;
mod shutdown;
