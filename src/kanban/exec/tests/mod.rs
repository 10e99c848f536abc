//! Real programs, run for real: `sh`, `cat`, `yes`, `head`, `sleep`.

mod beginning;
mod endings;
mod groups;
mod leaks;
mod pipes;
mod told;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::ending::Stop;
use super::handle::Job;
use super::program::{Program, ProgramSettings};
use super::run::Ran;
use crate::kanban::item::{Item, Lane};
use crate::kanban::name::{ItemId, Name};
use crate::kanban::outcome::Outcome;
use crate::priority::Priority;
use crate::time::Timestamp;

/// Far more than anything here takes, also on a machine that has much else to do.
const GENEROUS: u32 = 30_000;

fn settings(argv: &[&str]) -> ProgramSettings {
    let argv = argv.iter().map(|&argument| argument.to_owned()).collect();
    ProgramSettings { argv, ..ProgramSettings::default() }
}

fn script(text: &str) -> ProgramSettings {
    settings(&["sh", "-c", text])
}

fn program(settings: ProgramSettings) -> Program {
    Program::new(settings).unwrap()
}

fn item(payload: impl Into<Bytes>) -> Item {
    Item {
        id: ItemId::new("item-1").unwrap(),
        lane: Lane { priority: Priority::High, domain: Name::new("mail").unwrap() },
        key: None,
        payload: payload.into(),
        headers: BTreeMap::new(),
        deadline: None,
        published: Timestamp::from_millis(0),
    }
}

fn never() -> Option<Stop> {
    None
}

fn job<'a>(item: &'a Item, stop: &'a dyn Fn() -> Option<Stop>) -> Job<'a> {
    Job { item, attempt: 1, deliveries: 1, timeout: None, stop }
}

/// The outcome of a script, for an empty payload.
fn outcome(text: &str) -> Outcome {
    program(script(text)).outcome(&job(&item(""), &never))
}

fn run(program: &Program, job: &Job<'_>) -> Ran {
    program.plan(job).run(program.command(job).unwrap()).unwrap()
}

/// How a program ended, and what it wrote.
fn ran(settings: ProgramSettings, item: &Item, stop: &dyn Fn() -> Option<Stop>) -> Ran {
    let program = program(settings);
    run(&program, &job(item, stop))
}

fn ran_script(text: &str, payload: impl Into<Bytes>) -> Ran {
    ran(script(text), &item(payload), &never)
}

/// What a run wrote, as text.
fn written(ran: &Ran) -> String {
    String::from_utf8(ran.output.bytes()).unwrap()
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..GENEROUS {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("still not so: {what}");
}

/// Whether a process of this id runs: a zombie, whom its parent has not waited for, does not.
fn runs(id: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{id}/stat")) else { return false };
    !status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// A folder of its own for a test, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("heijunka-exec-{}", ItemId::unique()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The number that a program wrote to a file, once it has written it whole.
    fn number(&self, name: &str) -> Option<u32> {
        fs::read_to_string(self.path(name)).ok()?.strip_suffix('\n')?.parse().ok()
    }

    /// Writes a file that may be executed.
    fn executable(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A script that works in this folder.
fn script_in(folder: &Path, text: &str) -> ProgramSettings {
    ProgramSettings { directory: Some(folder.to_owned()), ..script(text) }
}
