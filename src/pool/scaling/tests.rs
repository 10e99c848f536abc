//! Properties of the law under a simulated load.

mod rules;
mod simulator;
mod stability;
mod surge;
