//! The server over real sockets: what it answers, and what it does not let anybody do.

mod abuse;
mod answers;
mod batches;
mod claims;
mod endings;
mod rig;
mod tcp;
