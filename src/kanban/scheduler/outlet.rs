//! What the scheduler needs of the world.

use bytes::Bytes;

use crate::kanban::broker::{BrokerError, Depth, PublishError, Stored};
use crate::kanban::item::{Item, Lane};

/// Where scheduled items go, and what is known there. Called from the scheduler's thread, notes also from whoever adds, cancels,
/// pauses and resumes. Calls may block, but each for no longer than a timeout of the implementation's own.
pub(crate) trait Outlet: Send + Sync + 'static {
    /// Publishes items: one answer each, in their order.
    fn publish(&self, items: Vec<Item>) -> Vec<Result<Stored, PublishError>>;

    /// How deep a lane is, if this is known. One in which nothing is ready, delayed or unsettled has nothing unfinished: a
    /// broker that cannot count what is unsettled must give its consumer's count, or `None`.
    fn depth(&self, lane: &Lane) -> Option<Depth>;

    /// Keeps or forgets a note.
    fn put_note(&self, name: &str, note: Option<&[u8]>) -> Result<(), BrokerError>;

    /// All notes, the scheduler's and others.
    fn notes(&self) -> Result<Vec<(String, Bytes)>, BrokerError>;
}
