//! K19: the ten scenarios by name. Each is a function of a broker's [`Setup`](crate::rig::Setup), and runs on every broker there is.

mod breaker;
mod drain;
mod failing;
mod metrics;
mod pressure;
mod priority;
mod scheduler;
mod workers;
