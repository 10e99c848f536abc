//! A program, all that it starts, and the end of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::ending::Ending;
use super::*;

/// Runs a script until it has written its number, or that of what it started, to the file `id`; then it is stopped.
fn stopped(folder: &Folder, text: &str, stop: Stop, grace: Duration) -> Ran {
    let settings = ProgramSettings { grace, ..script_in(&folder.0, text) };
    ran(settings, &item(""), &|| folder.number("id").map(|_| stop))
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(1000);

fn is_gone(folder: &Folder) {
    let id = folder.number("id").unwrap();
    eventually("it is gone", || !runs(id));
}

#[test]
fn at_the_deadline_the_whole_group_is_killed() {
    let folder = Folder::new();
    // The grandchild, and the shell between, heed no SIGTERM.
    let text = "trap '' TERM; (sh -c 'echo $$ > id; while :; do sleep 1; done'; :); sleep 1000";
    let ran = stopped(&folder, text, Stop::Timeout, SHORT);
    assert_eq!(ran.ending, Ending::Stopped(Stop::Timeout));
    is_gone(&folder);
}

#[test]
fn a_grandchild_is_killed_when_its_parent_heeds_the_request() {
    let folder = Folder::new();
    let text = "sh -c 'trap \"\" TERM; echo $$ > id; while :; do sleep 1; done' & wait";
    let ran = stopped(&folder, text, Stop::Cancelled, LONG);
    assert_eq!(ran.ending, Ending::Stopped(Stop::Cancelled));
    is_gone(&folder);
}

#[test]
fn within_the_grace_it_may_tidy_up() {
    let folder = Folder::new();
    let text = "trap 'sleep 0.1; echo tidy; exit 0' TERM; echo $$ > id; while :; do sleep 1; done";
    let ran = stopped(&folder, text, Stop::Timeout, LONG);
    // It was stopped, whatever it says.
    assert_eq!(ran.ending, Ending::Stopped(Stop::Timeout));
    assert!(written(&ran).ends_with("tidy\n"), "{}", written(&ran));
}

#[test]
fn one_that_stands_still_is_killed() {
    let folder = Folder::new();
    let ran = stopped(&folder, "echo $$ > id; kill -STOP $$", Stop::Timeout, SHORT);
    assert_eq!(ran.ending, Ending::Stopped(Stop::Timeout));
    is_gone(&folder);
}

#[test]
fn one_that_floods_is_killed() {
    let folder = Folder::new();
    let ran = stopped(&folder, "echo $$ > id; exec yes", Stop::Timeout, LONG);
    assert_eq!(ran.ending, Ending::Stopped(Stop::Timeout));
    is_gone(&folder);
}

#[test]
fn what_stays_in_the_background_is_killed_and_not_waited_for() {
    let folder = Folder::new();
    let ran = ran(script_in(&folder.0, "sleep 1000 & echo $! > id; echo end"), &item(""), &never);
    assert_eq!((&ran.ending, written(&ran)), (&Ending::Code(0), "end\n".into()));
    is_gone(&folder);
}

#[test]
fn what_left_the_group_is_not_waited_for() {
    let folder = Folder::new();
    let text =
        "setsid sh -c 'echo $$ > id; exec sleep 1000' & while [ ! -s id ]; do sleep 0.01; done; echo end";
    let ran = ran(script_in(&folder.0, text), &item(""), &never);
    assert_eq!((&ran.ending, written(&ran)), (&Ending::Code(0), "end\n".into()));
    let id = folder.number("id").unwrap();
    assert!(runs(id), "as documented: it is beyond reach");
    let id = rustix::process::Pid::from_raw(id.cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    is_gone(&folder);
}

#[test]
fn what_left_the_group_and_floods_is_not_read_forever() {
    let folder = Folder::new();
    // Several, so that the pipe is never empty.
    let text = "for i in 1 2 3 4 5 6 7; do setsid yes & done; setsid sh -c 'echo $$ > id; exec yes' &
        while [ ! -s id ]; do sleep 0.01; done; exit 5";
    let ran = ran(script_in(&folder.0, text), &item(""), &never);
    assert_eq!(ran.ending, Ending::Code(5));
    // Nobody reads what it writes any more.
    is_gone(&folder);
}

#[test]
fn nobody_spins_while_it_runs() {
    // Whatever ends of its pipes are closed, full or empty. A loop that never sleeps looks some hundred thousand times a second.
    for text in
        ["exec <&-; sleep 0.3", "exec >&- 2>&-; sleep 0.3", "exec <&- >&- 2>&-; sleep 0.3", "sleep 0.3"]
    {
        let looks = std::cell::Cell::new(0_u32);
        let stop = || {
            looks.set(looks.get() + 1);
            None
        };
        assert_eq!(ran(script(text), &item(vec![b'x'; 1 << 20]), &stop).ending, Ending::Code(0));
        assert!(looks.get() < 10_000, "{text}: {} looks", looks.get());
    }
}

#[test]
fn one_that_ended_in_time_is_judged_by_its_code() {
    let folder = Folder::new();
    let program = program(script_in(&folder.0, "echo $$ > id; exit 9"));
    let asked = std::cell::Cell::new(false);
    let stop = || {
        // It ends while this is asked for the first time; from then on its time is over.
        eventually("it has ended", || folder.number("id").is_some_and(|id| !runs(id)));
        asked.replace(true).then_some(Stop::Timeout)
    };
    let ran = run(&program, &job(&item(""), &stop));
    assert_eq!(ran.ending, Ending::Code(9));
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let folder = Folder::new();
    let settings = script_in(&folder.0, "echo $$ > id; sleep 1000");
    let stop = || folder.number("id").map(|_| panic!("meant to"));
    assert!(catch_unwind(AssertUnwindSafe(|| ran(settings, &item(""), &stop))).is_err());
    assert!(!PathBuf::from(format!("/proc/{}", folder.number("id").unwrap())).exists(), "not even a zombie");
}
