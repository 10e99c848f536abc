//! What the scenarios of the pull queue work with: the same as on the embedded broker, but for the broker.

#[path = "../../kanban/rig/log.rs"]
mod log;
#[path = "../../kanban/rig/queue.rs"]
mod queue;
mod servers;
#[path = "../../kanban/rig/setup.rs"]
mod setup;

pub(crate) use log::Log;
pub(crate) use queue::{counts, dead, depth, item, items, publish, queue, quick, told, waiting};
pub(crate) use servers::{OnNats, OnRabbit, SAMPLE, fewer, on_every_broker};
pub(crate) use setup::{Setup, drain, on};
