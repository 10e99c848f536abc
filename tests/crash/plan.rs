//! What a life is told to be, through its environment.

use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

/// What a confirmed item survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    Process,
    Disk,
}

/// In which way a process breaks the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twin {
    None,
    ConfirmsBeforeItStores,
    AcknowledgesBeforeItRuns,
    KeepsItemsInMemory,
    RunsTwice,
}

/// How a life goes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) folder: PathBuf,
    /// Which one it is, from 0.
    pub(crate) life: u64,
    pub(crate) seed: u64,
    pub(crate) sync: Sync,
    pub(crate) twin: Twin,
    /// Whether it publishes.
    pub(crate) publishes: bool,
    /// When it starts to drain; never unless told.
    pub(crate) drain_after: Option<Duration>,
    pub(crate) max_deliveries: u32,
}

const SYNCS: [Sync; 2] = [Sync::Process, Sync::Disk];
const TWINS: [Twin; 5] = [
    Twin::None,
    Twin::ConfirmsBeforeItStores,
    Twin::AcknowledgesBeforeItRuns,
    Twin::KeepsItemsInMemory,
    Twin::RunsTwice,
];

fn name(key: &str) -> String {
    format!("HEIJUNKA_LIFE_{key}")
}

fn get<T: FromStr>(key: &str) -> Option<T> {
    std::env::var(name(key)).ok()?.parse().ok()
}

fn one_of<T: Copy + std::fmt::Debug>(all: &[T], key: &str) -> Option<T> {
    let wanted: String = get(key)?;
    all.iter().find(|one| format!("{one:?}") == wanted).copied()
}

impl Plan {
    /// Of this process; `None` if it was not started by the test.
    pub(crate) fn own() -> Option<Self> {
        Some(Self {
            folder: get("FOLDER")?,
            life: get("NUMBER")?,
            seed: get("SEED")?,
            sync: one_of(&SYNCS, "SYNC")?,
            twin: one_of(&TWINS, "TWIN")?,
            publishes: get("PUBLISHES")?,
            drain_after: get("DRAIN_AFTER").map(Duration::from_millis),
            max_deliveries: get("MAX_DELIVERIES")?,
        })
    }

    /// This program once more, with this plan, as nothing but a life.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "life::live", "--ignored", "--nocapture", "--test-threads=1"]);
        // To tell where from takes longer than to live.
        command.env("RUST_BACKTRACE", "0");
        let mut set = |key, value: String| {
            command.env(name(key), value);
        };
        set("FOLDER", self.folder.to_str().unwrap().to_owned());
        set("NUMBER", self.life.to_string());
        set("SEED", self.seed.to_string());
        set("SYNC", format!("{:?}", self.sync));
        set("TWIN", format!("{:?}", self.twin));
        set("PUBLISHES", self.publishes.to_string());
        set("MAX_DELIVERIES", self.max_deliveries.to_string());
        if let Some(after) = self.drain_after {
            set("DRAIN_AFTER", after.as_millis().to_string());
        }
        command
    }

    /// The history that this life writes.
    pub(crate) fn history(&self) -> PathBuf {
        self.folder.join(format!("life-{}.history", self.life))
    }

    /// Ids that this life is to publish again, a line each: nobody knows whether they are stored.
    pub(crate) fn again(&self) -> PathBuf {
        self.folder.join("again")
    }
}
