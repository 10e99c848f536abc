//! Neither processes nor descriptors are left. Linux, where they can be counted.
#![cfg(target_os = "linux")]

use super::super::ending::Ending;
use super::*;

/// Descriptors of this process that a run may have opened.
fn descriptors() -> usize {
    let targets =
        fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let kinds = ["pipe:", "anon_inode:[pidfd]", "pidfd:"];
    targets.filter(|target| kinds.iter().any(|kind| target.to_string_lossy().starts_with(kind))).count()
}

/// Children of this process, alive or not.
fn children() -> usize {
    let own = std::process::id().to_string();
    let parent = |entry: fs::DirEntry| {
        let status = fs::read_to_string(entry.path().join("stat")).ok()?;
        status.rsplit_once(") ")?.1.split(' ').nth(1).map(str::to_owned)
    };
    let parents = fs::read_dir("/proc").unwrap().filter_map(|entry| parent(entry.ok()?));
    parents.filter(|parent| *parent == own).count()
}

#[test]
fn two_hundred_runs_leave_nothing() {
    let (open, running) = (descriptors(), children());
    let folder = Folder::new();
    let missing = program(settings(&[folder.executable("gone", "#!/bin/sh\n").to_str().unwrap()]));
    fs::remove_file(folder.path("gone")).unwrap();
    for turn in 0..200 {
        let payload = vec![b'x'; 100_000];
        match turn % 5 {
            0 => assert_eq!(ran_script("cat > /dev/null", payload).ending, Ending::Code(0)),
            1 => assert_eq!(ran_script("sleep 1000 & exit 1", payload).ending, Ending::Code(1)),
            2 => assert_eq!(ran_script("exec <&- >&- 2>&-; exit 2", payload).ending, Ending::Code(2)),
            3 => {
                let ended = ran(script("sleep 1000"), &item(payload), &|| Some(Stop::Timeout)).ending;
                assert_eq!(ended, Ending::Stopped(Stop::Timeout));
            }
            _ => assert_ne!(missing.outcome(&job(&item(payload), &never)), Outcome::Done),
        }
    }
    // Other tests of this process may have some of their own for a while.
    eventually("descriptors are closed", || descriptors() <= open);
    eventually("children are waited for", || children() <= running);
}
