//! No room on the disk.

use super::*;

/// From now on no file of this process may grow beyond so much; tells whether this system can do that.
fn limit_files_to(bytes: &str) -> bool {
    let limit = format!("--fsize={bytes}:");
    let status = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limit]).status();
    status.is_ok_and(|status| status.success())
}

/// In a process of its own, as the limit holds for all of it.
#[test]
#[ignore = "is started by another test"]
fn run_out_of_room() {
    let Some(file) = given_file() else { return };
    if fill_and_go_on(&file, || limit_files_to("2000000"), || limit_files_to("unlimited")) {
        println!("\nran out of room");
    }
}

/// Publishes until there is no room and further, makes room, and goes on; tells whether room could be limited.
fn fill_and_go_on(file: &Path, limit: impl FnOnce() -> bool, make_room: impl FnOnce() -> bool) -> bool {
    let broker = open(file);
    publish(&broker, "first").unwrap();
    let delivered = pull(&broker, 1).remove(0);
    if !limit() {
        return false;
    }
    let mut confirmed = Vec::new();
    let mut refused = 0;
    for n in 0..400 {
        let id = format!("i{n}");
        match broker.publish(&[item(&id, 20_000)], WITHIN).remove(0) {
            Ok(stored) => {
                assert_eq!(stored, Stored::New);
                confirmed.push(id);
            }
            Err(PublishError::NotStored(BrokerError::Full(why))) => {
                assert!(why.contains("make room") && why.contains("queue.redb"), "{why}");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(confirmed.len() > 10 && refused > 10, "{} confirmed, {refused} refused", confirmed.len());
    let depth = broker.depth(&lane(), WITHIN).unwrap();
    assert_eq!((depth.ready, depth.unsettled), (confirmed.len() as u64, 1), "what was refused is not there");
    // A delivery of before is worth what it was, as soon as it can be written down.
    let mut answer = settle(&broker, delivered.ticket, Verdict::Ack);
    assert!(make_room());
    while let Settled::Failed(settlement, error) = answer {
        assert!(matches!(error, BrokerError::Full(_)), "{error}");
        answer = broker.settle(vec![settlement], WITHIN).remove(0);
    }
    assert!(matches!(answer, Settled::Done), "{answer:?}");
    while publish(&broker, "last").is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
    confirmed.push("last".to_owned());
    drop(broker);
    let broker = open(file);
    let left: Vec<_> = pull(&broker, 1000).iter().map(|d| d.item.id.as_str().to_owned()).collect();
    assert_eq!(left, confirmed);
    true
}

/// A small disk of its own, where this user may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, options: &str) -> bool {
        let mut mount = Command::new("mount");
        let output = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn a_disk_that_is_full_indeed_refuses_and_loses_nothing() {
    let folder = Folder::new("small");
    if !SmallDisk::mount(&folder.0, "size=3m") {
        eprintln!("no disk can be mounted here: the other test has to do");
        return;
    }
    let disk = SmallDisk(folder.0.clone());
    let room = || SmallDisk::mount(&folder.0, "remount,size=64m");
    assert!(fill_and_go_on(&folder.file(), || true, room));
    drop(disk);
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = Folder::new("full");
    let output = again("full::run_out_of_room", &folder.file()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if Command::new("prlimit").arg("--version").output().is_ok() {
        assert!(String::from_utf8_lossy(&output.stdout).contains("ran out of room"), "{output:?}");
    }
}
