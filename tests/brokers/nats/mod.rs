//! The adapter to NATS JetStream, against servers of its own.

mod conformance;
mod foreign;
mod identity;
mod refusals;
mod remnants;
mod rig;
mod speed;
mod standing;
mod trouble;
