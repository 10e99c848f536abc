//! Composition.

mod config;

pub use config::{
    AdmissionConfig, Affinity, Config, ConfigError, DomainConfig, GroupConfig, Kind, Loader, PoolConfig,
    Warning,
};
