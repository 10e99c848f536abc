//! What the tests of the pull queue share.

mod folder;
mod log;
mod meddled;
mod queue;
mod setup;

pub(crate) use folder::Folder;
pub(crate) use log::{Log, Run};
pub(crate) use meddled::{Call, KeptOpen, Meddled, Meddler};
pub(crate) use queue::{
    WITHIN, counts, dead, depth, item, items, never_opens, publish, queue, quick, told, waiting,
};
pub(crate) use setup::{InFile, InMemory, Setup, on, on_every_broker};
