//! The pull queue as its users see it: only what is public, one subject per file.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of the runtime, which need other parts of it")]
mod common;
mod coordinator;
#[cfg(unix)]
mod exec;
mod failover;
mod interference;
mod k19;
mod outcomes;
mod regressions;
mod rig;
mod stopping;
mod strays;
mod trace;
mod volume;
mod wrong_use;
