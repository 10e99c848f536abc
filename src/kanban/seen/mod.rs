//! What was seen before: the same id in the same domain does not run twice.

mod memory;

use std::fmt;
use std::time::Duration;

pub use memory::MemorySeen;

use super::name::{ItemId, Name};

/// What identifies an item everywhere: its domain and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeenKey {
    /// The domain.
    pub domain: Name,
    /// The id.
    pub id: ItemId,
}

/// What is known of an item that is about to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it is marked as running now.
    New,
    /// It is running elsewhere.
    Running,
    /// It is done.
    Done,
}

/// The store cannot tell now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenError(pub String);

impl fmt::Display for SeenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of what was seen: {}", self.0)
    }
}

impl std::error::Error for SeenError {}

/// Remembers which items run and which are done. One for all consumers of a process; plug in a shared one to cover several.
///
/// Called off the hot path, by the thread that pulls; must answer soon, as pulling waits for it.
pub trait SeenStore: Send + Sync + fmt::Debug + 'static {
    /// Asks, and marks a new one as running for as long as `lease`.
    ///
    /// # Errors
    /// [`SeenError`]: the item is not run now, and comes again.
    fn begin(&self, key: &SeenKey, lease: Duration) -> Result<Seen, SeenError>;

    /// Keeps a mark of a running one for another `lease`.
    fn extend(&self, key: &SeenKey, lease: Duration);

    /// It is done. Recorded before the broker is told.
    ///
    /// # Errors
    /// [`SeenError`]: the broker is not told, and this is tried again.
    fn done(&self, key: &SeenKey) -> Result<(), SeenError>;

    /// It does not run any more, and may run again.
    fn forget(&self, key: &SeenKey);
}
