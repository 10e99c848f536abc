//! One server for all test processes of a checkout.
//!
//! In the folder of all servers: `shared.gate`, held (flock) by who finds, starts or ends the server; `shared.users`, held (shared) by
//! every process that uses it, until it ends in whatever way; `shared/`, the server's own folder, with `ports`, which says where it is. The
//! server is a child of the watchdog (`keeper.sh`), and dies with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use super::launch::{Node, script};
use super::{RabbitServer, bare};
use crate::folder::{base, tail};
use crate::port::Port;
use crate::process::{find, wait_for};

pub(super) fn server() -> &'static RabbitServer {
    static SHARED: OnceLock<(RabbitServer, File)> = OnceLock::new();
    let (server, _used) = SHARED.get_or_init(|| {
        let base = base();
        let _gate = locked(&base.join("shared.gate"), FlockOperation::LockExclusive);
        // Never closed: the lock ends with the process.
        let used = locked(&base.join("shared.users"), FlockOperation::LockShared);
        let folder = base.join("shared");
        let node = found(&folder).unwrap_or_else(|| start(&folder));
        (RabbitServer { node, own: None }, used)
    });
    server
}

/// Opened, which sets the time that the watchdog looks at, and locked.
fn locked(path: &Path, how: FlockOperation) -> File {
    let file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    flock(&file, how).expect("a file can be locked");
    let _ = file.set_modified(std::time::SystemTime::now());
    file
}

fn found(folder: &Path) -> Option<Node> {
    let text = fs::read_to_string(folder.join("ports")).ok()?;
    let ports: Vec<u16> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let node = Node::at(folder.to_owned(), ports.try_into().ok()?);
    // On a busy machine an answer may take its time.
    wait_for(Duration::from_secs(5), || node.answers()).then_some(node)
}

fn start(folder: &Path) -> Node {
    end_what_is_left(folder);
    // Reserved until they are taken.
    let ports = [Port::free(), Port::free(), Port::free()];
    let node = Node::create(folder.to_owned(), ports.each_ref().map(Port::number), "");
    let keeper = folder.join("keeper.sh");
    fs::write(&keeper, include_str!("keeper.sh")).expect("the folder can be written to");
    let errors = File::create(folder.join("keeper.log")).expect("the folder can be written to");
    // A session of its own: what ends the test, and its group, leaves it alone.
    let mut command: Command = bare(find("setsid"));
    command.arg("--fork").arg("sh").arg(keeper).arg(script("rabbitmq-server")).arg(find("epmd"));
    command.envs(node.environment()).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    let status = command.status().expect("setsid starts");
    assert!(status.success(), "the watchdog does not start: {status}");
    let ready = wait_for(Duration::from_secs(90), || node.answers());
    let log = folder.join("keeper.log");
    assert!(ready, "RabbitMQ does not answer within 90 s: {}\n{}", tail(&log), node.complaint());
    let text = ports.each_ref().map(|port| port.number().to_string()).join(" ");
    fs::write(folder.join("ports"), text).expect("the folder can be written to");
    node
}

/// Ends a watchdog whose server does not answer, and with it the server.
fn end_what_is_left(folder: &Path) {
    let keeper = fs::read_to_string(folder.join("keeper")).ok().and_then(|text| text.trim().parse().ok());
    if let Some(keeper) = keeper.and_then(Pid::from_raw) {
        let command = fs::read_to_string(format!("/proc/{}/cmdline", keeper.as_raw_nonzero()));
        if command.is_ok_and(|command| command.contains("keeper.sh")) {
            let _ = kill_process(keeper, Signal::KILL);
        }
    }
    let _ = fs::remove_dir_all(folder);
}
