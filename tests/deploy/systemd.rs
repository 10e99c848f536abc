//! `deploy/systemd/heijunka.service`, as systemd reads it.

use std::fs;

use crate::{run, text};

/// What is said of the unit, with a command that is there: ours is not installed.
#[track_caller]
fn analysed(args: &[&str]) -> String {
    let folder = std::env::temp_dir().join(format!("heijunka-unit-{}-{}", std::process::id(), args[0]));
    fs::create_dir_all(&folder).unwrap();
    let unit = text("deploy/systemd/heijunka.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/heijunka run "));
    let file = folder.join("heijunka.service");
    fs::write(&file, unit.replace("/usr/local/bin/heijunka", "/bin/true")).unwrap();
    let told = run("systemd-analyze", &[args, &[file.to_str().unwrap()]].concat());
    fs::remove_dir_all(&folder).unwrap();
    let said = [told.stdout, told.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(told.status.success(), "{said}");
    said
}

#[test]
fn the_unit_is_valid() {
    let said = analysed(&["verify", "--man=no"]);
    assert!(!said.contains("heijunka.service"), "{said}");
}

#[test]
fn the_unit_exposes_little() {
    // In tenths, 0 to 100: the lower, the less.
    let said = analysed(&["security", "--offline=true", "--threshold=20", "--no-pager"]);
    assert!(said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_unit_says_what_the_service_understands() {
    let unit = text("deploy/systemd/heijunka.service");
    let wanted = ["Type=notify", "WatchdogSec=", "LoadCredential=token:"];
    for line in wanted {
        assert!(unit.lines().any(|found| found.starts_with(line)), "{line}");
    }
    // The whole line: after 2, which is a start that failed, it is tried again.
    assert!(unit.lines().any(|found| found == "RestartPreventExitStatus=1"));
    let patience = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    let patience: u64 = patience.strip_suffix('s').unwrap().parse().unwrap();
    assert!(
        patience > heijunka::ServiceConfig::default().grace.as_secs(),
        "it would be killed before it has ended"
    );
}
