//! `run --stdin`: a filter for items.

use std::fmt::Write as _;
use std::io::Write as _;

use rustix::process::Signal;

use crate::service::{Home, eventually};

#[test]
fn two_thousand_items_are_done() {
    let home = Home::new("echo x >> out");
    let mut lines = String::new();
    for number in 0..2000 {
        let _ = writeln!(lines, "{{\"payload\": \"item {number}\"}}");
    }
    let (service, pipe) = home.feed(&home.config(""), lines.as_bytes());
    drop(pipe);
    let (code, told) = service.end();
    assert_eq!(code, Some(0), "{told}");
    let report =
        "2 000 lines published, 0 wrong; 2 000 done, 0 tried again, 0 among the dead letters, 0 dropped\n";
    assert!(told.contains(report), "{told}");
    assert_eq!(home.lines("out"), 2000);
    assert!(!home.path("s").exists(), "no control socket unless it is asked for");
}

#[test]
fn bad_lines_and_dead_letters_are_told() {
    let home = Home::new("[ \"$(cat)\" = good ] || { echo not good; exit 65; }");
    let lines = b"{\"payload\": \"good\"}\n{\"payload\": 1 2}\nnonsense\n{\"domain\": \"mail\", \"payload\": \"evil\"}\n\
                  {\"domain\": \"other\", \"payload\": \"good\"}\n{\"id\": \"7\", \"payload\": \"good\"}\n";
    let (service, pipe) = home.feed(&home.config(""), lines);
    drop(pipe);
    let (code, told) = service.end();
    assert_eq!(code, Some(1), "{told}");
    for part in [
        "heijunka: line 2, column 15: ",
        "heijunka: line 3, column ",
        "heijunka: line 5: nobody consumes \"other\" here (consumed: mail)",
        "it wrote: not good",
        "3 lines published, 3 wrong; 2 done, 0 tried again, 1 among the dead letters, 0 dropped\n",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn items_are_worked_on_as_they_come() {
    let home = Home::new("cat >> out");
    let (service, mut pipe) = home.feed(&home.config(""), b"{\"payload\": \"a\\n\"}\n");
    eventually("the first item", || (home.lines("out") == 1).then_some(()));
    pipe.write_all(b"{\"payload\": \"b\\n\"}\n").unwrap();
    drop(pipe);
    let (code, told) = service.end();
    assert!(code == Some(0) && told.contains("2 lines published"), "{told}");
}

#[test]
fn a_signal_ends_it_although_the_pipe_is_silent() {
    let home = Home::new("cat >> out");
    let (service, pipe) = home.feed(&home.config(""), b"{\"payload\": \"a\\n\"}\n");
    eventually("the first item", || (home.lines("out") == 1).then_some(()));
    service.signal(Signal::INT);
    let (code, told) = service.end();
    drop(pipe);
    assert!(code == Some(1) && told.contains("; interrupted"), "{code:?}: {told}");
}

#[test]
fn input_that_cannot_be_read_and_a_queue_that_is_not_there_are_refused() {
    let home = Home::new("exit 0");
    let config = home.write("plain.toml", b"[pools.a]");
    let ran = home.refused(&["run", &config, "--stdin"]);
    assert!(ran.refusal().contains("no queue"), "{}", ran.err);
    let mut command = crate::common::heijunka(["run", &home.config(""), "--stdin"]);
    command.stdin(std::fs::File::open(std::env::temp_dir()).unwrap());
    let (code, told) = crate::service::Service::spawn(command, &home).end();
    assert!(code == Some(2) && told.contains("cannot read standard input"), "{told}");
}
