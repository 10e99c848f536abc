//! The brokers that scenarios run on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, Builder, Clock, Durability, Embedded, EmbeddedSettings, Runtime};

use super::folder::Folder;

/// Where a scenario gets its broker from: empty at first, of the time that is real.
pub(crate) trait Setup {
    /// Opens it; once more only after the one before was closed and dropped. What was in it is there again, if it is durable.
    fn open(&self, lease: Duration) -> Arc<dyn Broker>;
}

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

/// A runtime to be described on a broker of this setup, and the broker, to be asked.
pub(crate) fn on(setup: &dyn Setup) -> (Builder, Arc<dyn Broker>) {
    let broker = setup.open(Duration::from_secs(30));
    (Runtime::builder().on_broker(broker.clone()), broker)
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
