//! Whose the socket is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use super::rig::{Folder, LONG, Rig, routes};
use crate::ops::{Ops, OpsError, OpsSettings};

#[test]
fn only_its_owner_may_connect() {
    let rig = Rig::usual();
    for file in [rig.socket.clone(), rig.folder.file("ops.sock.lock")] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn what_a_dead_process_left_is_replaced() {
    let folder = Folder::new();
    let socket = folder.file("ops.sock");
    let settings = OpsSettings::new(&socket);
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let ops = Ops::start(&settings, routes()).unwrap();
    let rig = Rig { folder, ops, settings, socket };
    rig.is_well();
}

#[test]
fn a_living_one_keeps_its_socket() {
    let rig = Rig::usual();
    let again = Ops::start(&rig.settings, routes()).unwrap_err();
    assert!(matches!(&again, OpsError::InUse(path) if *path == rig.socket), "{again}");
    rig.is_well();
    // One that does not know of the lock, too.
    let other = rig.folder.file("other.sock");
    let _listener = UnixListener::bind(&other).unwrap();
    assert!(matches!(Ops::start(&OpsSettings::new(&other), routes()), Err(OpsError::InUse(_))));
    assert!(other.exists());
}

#[test]
fn what_cannot_be_a_socket_is_said() {
    let folder = Folder::new();
    let file = folder.file("file");
    fs::write(&file, "precious").unwrap();
    let start = |path: &std::path::Path| Ops::start(&OpsSettings::new(path), routes()).unwrap_err();
    assert!(matches!(start(&file), OpsError::NotASocket(_)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(matches!(start(&folder.file(&"x".repeat(108))), OpsError::Path(_)));
    let missing = start(&folder.file("no/such/folder"));
    assert!(matches!(&missing, OpsError::Socket(..)) && missing.to_string().contains("no/such"), "{missing}");
}

#[test]
fn it_is_gone_after_the_end_unless_it_is_somebody_elses() {
    let Rig { folder, ops, settings, socket } = Rig::usual();
    assert!(ops.stop(LONG).is_empty());
    assert!(!socket.exists());
    let ops = Ops::start(&settings, routes()).unwrap();
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "another's").unwrap();
    assert!(ops.stop(LONG).is_empty());
    assert_eq!(fs::read_to_string(folder.file("ops.sock")).unwrap(), "another's");
}
