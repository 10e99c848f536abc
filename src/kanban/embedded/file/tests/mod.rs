mod bad_files;
mod full;
mod killed;
mod times;

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::kanban::broker::{Broker, Ticket, Verdict};
use crate::kanban::embedded::Embedded;
use crate::kanban::item::{ItemSpec, Lane};
use crate::kanban::name::Name;
use crate::priority::Priority;
use crate::time::Timestamp;

const WITHIN: Duration = Duration::from_secs(30);

/// A directory that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heijunka-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("queue.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn try_open(path: &Path) -> Result<Embedded, BrokerError> {
    Embedded::in_file(path, EmbeddedSettings::default(), Durability::Process, Clock::monotonic())
}

fn open(path: &Path) -> Embedded {
    try_open(path).unwrap()
}

fn lane() -> Lane {
    Lane { priority: Priority::Normal, domain: Name::new("mail").unwrap() }
}

fn item(id: &str, payload: usize) -> Arc<Item> {
    let spec = ItemSpec::new("mail").id(id).payload(vec![7; payload]);
    Arc::new(spec.build(Timestamp::from_millis(1), usize::MAX).unwrap())
}

fn publish(broker: &Embedded, id: &str) -> Result<Stored, PublishError> {
    broker.publish(&[item(id, 100)], WITHIN).remove(0)
}

fn pull(broker: &Embedded, most: usize) -> Vec<Delivery> {
    broker.pull(&[Want { lane: &lane(), most }], WITHIN).unwrap()
}

fn settle(broker: &Embedded, ticket: Ticket, verdict: Verdict) -> Settled {
    broker.settle(vec![Settlement { ticket, verdict }], WITHIN).remove(0)
}

/// This program once more, to do nothing but the named test, which is ignored otherwise.
fn again(test: &str, file: &Path) -> Command {
    // Started by a shell so that a file that grows too large is an error, as it is on a full disk, and not the end.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let name = format!("kanban::embedded::file::tests::{test}");
    command.args(["--exact", &name, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("HEIJUNKA_TEST_FILE", file);
    command
}

/// The file that whoever started this program wants it to use.
fn given_file() -> Option<PathBuf> {
    std::env::var_os("HEIJUNKA_TEST_FILE").map(PathBuf::from)
}
