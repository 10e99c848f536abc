//! What a handler says, what happens to it, and what becomes of its item.

mod attempts;
mod crash_loops;
mod deadlines;
mod duplicates;
mod interrupted;
mod timeouts;
mod undecodable;
