//! Routing: which pool a key belongs to, and where else it may go.

mod balance;
mod key;
#[allow(dead_code, reason = "the router that fills them comes with the table")]
mod quota;
#[allow(dead_code, reason = "the router that reads it comes with the table")]
mod ring;

pub use balance::{BalanceStatus, coefficient};
pub use key::Key;
pub use ring::PoolSetError;
