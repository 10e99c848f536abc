//! What the queue must leave alone: those who wait for an answer, whatever its brokers and handlers do.

mod broker;
mod flood;
mod idle;
mod no_start;
mod slow_workers;
