//! `deploy/systemd/heijunka.service`, as systemd reads it.

use std::fs;

use crate::{content, text};

/// The unit, in a folder of its own, with a command that is there: ours is not installed.
fn unit(test: &str) -> String {
    let folder = std::env::temp_dir().join(format!("heijunka-unit-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let unit = text("deploy/systemd/heijunka.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/heijunka run "));
    let file = folder.join("heijunka.service");
    fs::write(&file, unit.replace("/usr/local/bin/heijunka", "/bin/true")).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn the_unit_is_valid() {
    let told = content("systemd-analyze", &["verify", "--man=no", &unit("verify")]);
    assert!(!told.contains("heijunka.service"), "{told}");
}

#[test]
fn the_unit_exposes_little() {
    // In tenths, 0 to 100: the lower, the less.
    let told = content(
        "systemd-analyze",
        &["security", "--offline=true", "--threshold=20", "--no-pager", &unit("security")],
    );
    assert!(told.contains("Overall exposure level"), "{told}");
}

#[test]
fn the_unit_waits_longer_than_the_service() {
    let unit = text("deploy/systemd/heijunka.service");
    for line in
        ["Type=notify", "WatchdogSec=", "LoadCredential=", "TimeoutStopSec=", "RestartPreventExitStatus=2"]
    {
        assert!(unit.lines().any(|found| found.starts_with(line)), "{line}");
    }
}
