//! Configurations that cannot run are refused at the start, with their place and what helps.

use crate::common::run;
use crate::service::Home;

#[test]
fn what_is_wrong_in_the_file_is_told_by_check_and_run_alike() {
    let home = Home::new("exit 0");
    for (more, says) in [
        ("[schedules.never]\ncron = \"0 0 30 2 *\"\ndomain = \"mail\"", "it never fires"),
        ("[schedules.x]\ncron = \"nonsense\"\ndomain = \"mail\"", "schedules.x.cron"),
        ("[broken]\nkind = \"file\"", "did you mean broker?"),
        ("[kanban.brake]\nfailures = 2", "kanban.brake"),
        ("[broker]\nkind = \"fille\"", "broker.kind is \"fille\"; set it to one of"),
        ("[broker]\nlease = \"0s\"", "broker.lease"),
    ] {
        let config = home.config(more);
        let checked = run(["check", &config]);
        assert!(checked.refusal().contains(says), "{says}: {}", checked.err);
        assert!(checked.refusal().contains("heijunka.toml:"), "{}", checked.err);
        assert_eq!(home.refused(&["run", &config]).refusal(), checked.refusal());
    }
    assert!(home.refused(&["run", &home.text("missing.toml")]).refusal().contains("missing.toml"));
}

#[test]
fn a_program_that_cannot_be_run_is_refused_at_the_start() {
    let home = Home::new("exit 0");
    let plain = home.write("plain", b"#!/bin/sh\n");
    let empty = home.write("empty.toml", b"");
    for (program, says) in [
        ("/nonexistent/program", "there is no program \"/nonexistent/program\": install it"),
        ("no-such-program-anywhere", "no-such-program-anywhere"),
        (plain.as_str(), "may not be executed"),
    ] {
        let argv = format!("domains.mail.exec.argv=[{program:?}]");
        let ran = home.refused(&["run", &home.config(""), "--set", &argv]);
        assert!(ran.refusal().starts_with("domains.mail: exec: "), "{}", ran.err);
        assert!(ran.refusal().contains(says), "{}", ran.err);
        assert!(!ran.err.contains("scaling"), "what closes needs no workers: {}", ran.err);
    }
    assert_eq!(home.refused(&["run", &empty]).code, Some(2));
    assert!(!home.path("s").exists());
}
