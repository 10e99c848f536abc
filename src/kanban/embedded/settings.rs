//! What can be set of the embedded broker.

use std::time::Duration;

/// Bounds of the embedded broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// Items kept at most, whether ready, delayed or unsettled. Beyond it nothing is stored: what is there stays.
    pub max_items: u64,
    /// What items and dead letters may take up in memory, in bytes, counted as their size and 256 bytes more for each.
    pub max_bytes: u64,
    /// Dead letters kept at most. Beyond it a settlement as a dead letter fails, and its item stays.
    pub max_dead_letters: u64,
    /// The largest payload, in bytes.
    pub max_payload: usize,
    /// How long a delivered item is left alone before it is delivered again.
    pub lease: Duration,
}

impl Default for EmbeddedSettings {
    /// 1 000 000 items of 1 GiB together and 1 MiB each, 100 000 dead letters, a lease of 30 s.
    fn default() -> Self {
        Self {
            max_items: 1_000_000,
            max_bytes: 1 << 30,
            max_dead_letters: 100_000,
            max_payload: 1 << 20,
            lease: Duration::from_secs(30),
        }
    }
}

/// What a file survives once a call has confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, by whatever it is killed: the system has everything then. If the power fails or the system
    /// crashes, what was written in the last half minute or so may be missing, and as it reaches the disk in no promised order, the file
    /// may be unusable, which is told when it is opened. The default.
    #[default]
    Process,
    /// The loss of power as well: the disk has everything. Each group of calls waits for the disk once.
    Disk,
}
