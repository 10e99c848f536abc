//! Balance: how evenly pools are used, and when workers move from one to another.
#![doc = include_str!("README.md")]

mod coefficient;
mod decision;
#[allow(dead_code, reason = "stepped by the control thread, which is to come")]
mod hot;
#[allow(dead_code, reason = "stepped by the control thread, which is to come")]
mod moves;
#[allow(dead_code, reason = "stepped by the control thread, which is to come")]
mod plan;
#[allow(dead_code, reason = "stepped by the control thread, which is to come")]
mod watch;

pub use coefficient::{BalanceStatus, coefficient};
pub use decision::{Decision, Move, Why};

#[cfg(test)]
mod tests;
