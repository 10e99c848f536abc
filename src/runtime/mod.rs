//! Composition.

mod config;

pub use config::{AdmissionConfig, Affinity, Config, DomainConfig, GroupConfig, PoolConfig};
