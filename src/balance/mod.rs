//! Balance: how evenly pools are used.

mod coefficient;

pub use coefficient::{BalanceStatus, coefficient};
