//! The brokers that need no server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, Clock, Durability, Embedded, EmbeddedSettings};

use super::folder::Folder;
use super::setup::Setup;

/// How often the depths are looked at.
pub(crate) const SAMPLE: Duration = Duration::from_millis(20);

/// The embedded broker in memory.
#[derive(Default)]
pub(crate) struct InMemory;

/// The embedded broker in a file.
pub(crate) struct InFile(Folder);

impl InFile {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.file()
    }
}

impl Default for InFile {
    fn default() -> Self {
        Self(Folder::new())
    }
}

impl Setup for InMemory {
    fn open(&self, lease: Duration) -> Arc<dyn Broker> {
        Arc::new(Embedded::in_memory(settings(lease), Clock::monotonic()))
    }
}

impl Setup for InFile {
    fn open(&self, lease: Duration) -> Arc<dyn Broker> {
        let (settings, clock) = (settings(lease), Clock::monotonic());
        Arc::new(Embedded::in_file(self.0.file(), settings, Durability::Process, clock).unwrap())
    }
}

fn settings(lease: Duration) -> EmbeddedSettings {
    EmbeddedSettings { lease, ..EmbeddedSettings::default() }
}

/// A test of each scenario on each broker.
macro_rules! on_every_broker {
    ($($scenario:ident),+ $(,)?) => {
        mod memory {
            $(#[test]
            fn $scenario() {
                super::$scenario(&crate::rig::InMemory::default());
            })+
        }
        mod file {
            $(#[test]
            fn $scenario() {
                super::$scenario(&crate::rig::InFile::default());
            })+
        }
    };
}
pub(crate) use on_every_broker;
