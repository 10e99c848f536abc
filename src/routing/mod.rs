//! Routing: which pool a key belongs to, and where else it may go.

mod key;

pub use key::Key;
