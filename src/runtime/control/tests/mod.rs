//! The laws together, on paper: what hours of load come to.

mod scenarios;
mod world;
