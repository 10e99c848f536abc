//! The runtime from outside: only what is public, one subject per file, named after the requirement it proves.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the path of a method fits one lifetime of the context, and a job has to fit all"
)]

#[path = "../common/mod.rs"]
mod common;

mod h01_pools;
mod h02_levelling;
mod h02_scaling;
mod h03_checkout;
mod h04_failing;
mod h04_health;
mod h04_stalled;
mod h05_status;
mod h06_books;
mod h07_limits;
mod h08_refusals;
mod h10_routing;
mod h11_affinity;
mod h13_balance;
mod h13_moves;
mod h14_burst;
mod h14_surge_end;
mod h18_lifecycle_drain;
mod h18_lifecycle_stop;
mod h18_long_and_slow;
mod h18_start_failure;
mod h18_worker_death;
mod h19_levelling;
mod h19_scenarios;
mod jobs_async;
mod jobs_batches;
mod jobs_cancel;
mod jobs_deadlines;
mod jobs_panics;
mod jobs_priorities;
mod update;
