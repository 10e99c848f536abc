//! The spans that a subscriber is told: which there are, what they say, and whose they are.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of the runtime, which need other parts of it")]
mod common;
mod items;
mod jobs;
mod recorder;
