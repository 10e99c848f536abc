//! Balance: how evenly pools are used, and when workers move from one to another.
#![doc = include_str!("README.md")]

mod coefficient;
mod decision;
mod hot;
mod moves;
mod plan;
mod watch;

pub use coefficient::{BalanceStatus, coefficient};
pub use decision::{Decision, Move, Why};
pub(crate) use hot::{Hot, Sample as KeySample};
pub(crate) use moves::{Moves, PoolLoad, Sample, Settings};

#[cfg(test)]
mod tests;
