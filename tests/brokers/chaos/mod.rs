//! Real brokers that are killed, stopped, cut off and slowed down while items are published and run; and after each time
//! nothing that was confirmed is lost, nothing is made up, and nothing ran again without a reason.
//!
//! `HEIJUNKA_CHAOS_ITEMS` sets how many items at least go through each scenario (10 000 in the long form, 300 unless told), which also makes
//! the faults last as long as they should; `HEIJUNKA_SEED` when what happens. Printed either way. How long it takes until work flows
//! again is printed too, and asserted never.

mod amqp;
mod cluster;
mod failover;
mod faults;
pub(crate) mod flow;
pub(crate) mod letters;
mod nats;
pub(crate) mod place;
pub(crate) mod plan;
mod processes;
