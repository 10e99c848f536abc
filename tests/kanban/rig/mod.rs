//! What the tests of the pull queue share.

mod embedded;
mod folder;
mod log;
mod meddled;
mod queue;
mod setup;

pub(crate) use embedded::{InFile, InMemory, SAMPLE, on_every_broker};
pub(crate) use folder::Folder;
pub(crate) use log::Log;
pub(crate) use meddled::{Call, KeptOpen, Meddled, Meddler};
pub(crate) use queue::{counts, dead, depth, item, items, publish, queue, quick, told, waiting};
pub(crate) use setup::{Setup, drain, on};
