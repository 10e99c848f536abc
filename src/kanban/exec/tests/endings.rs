//! How a program ends, and what becomes of its item.

use std::sync::Arc;

use super::*;
use crate::kanban::outcome::{Handler as _, Work};
use crate::pool::JobHandle;
use crate::runtime::{PoolConfig, Runtime};

fn retry(outcome: Outcome) -> String {
    match outcome {
        Outcome::Retry { after: None, error } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_exit_code() {
    for code in 0..=255 {
        let ended = outcome(&format!("exit {code}"));
        match code {
            0 => assert_eq!(ended, Outcome::Done),
            65 => assert!(matches!(ended, Outcome::DeadLetter { .. }), "{ended:?}"),
            _ => assert!(retry(ended).starts_with(&format!("sh exited with {code}")), "{code}"),
        }
    }
}

#[test]
fn a_signal_is_a_failure() {
    assert_eq!(retry(outcome("kill -SEGV $$")), "sh was killed by signal 11 (SIGSEGV); it wrote nothing");
    assert!(retry(outcome("kill -KILL $$")).starts_with("sh was killed by signal 9"));
    assert!(retry(outcome("kill -TERM $$")).starts_with("sh was killed by signal 15"));
}

#[test]
fn the_error_quotes_what_was_written_to_both_outputs_in_order() {
    let error = retry(outcome("echo one; echo two >&2; printf 'thr\\033e\\n'; exit 3"));
    assert_eq!(error, "sh exited with 3; it wrote: one\\ntwo\\nthr\\u{1b}e");
}

#[test]
fn a_program_removed_meanwhile() {
    let folder = Folder::new();
    let path = folder.executable("work", "#!/bin/sh\nexit 0\n");
    let program = program(settings(&[path.to_str().unwrap()]));
    let item = item("");
    assert_eq!(program.outcome(&job(&item, &never)), Outcome::Done);
    fs::remove_file(path).unwrap();
    let error = retry(program.outcome(&job(&item, &never)));
    assert!(error.contains("was not started") && error.ends_with("it is gone, install it again"), "{error}");
}

#[test]
fn a_directory_removed_meanwhile() {
    let folder = Folder::new();
    let program = program(script_in(&folder.0, "exit 0"));
    drop(folder);
    let error = retry(program.outcome(&job(&item(""), &never)));
    assert!(error.ends_with("its directory is gone"), "{error}");
}

#[test]
fn scripts_that_cannot_start() {
    let folder = Folder::new();
    for (text, cure) in [("exit 0\n", "#!/bin/sh"), ("#!/no/such/shell\n", "first line (#!)")] {
        let path = folder.executable("work", text);
        let error = retry(program(settings(&[path.to_str().unwrap()])).outcome(&job(&item(""), &never)));
        assert!(error.contains("was not started") && error.contains(cure), "{error}");
    }
}

#[test]
fn what_no_environment_can_carry() {
    let mut item = item("");
    item.headers.insert("large".into(), "x".repeat(1 << 20));
    let error = retry(program(script("exit 0")).outcome(&job(&item, &never)));
    assert!(
        error.contains("was not started") && error.contains("put what is large into the payload"),
        "{error}"
    );

    item.headers = [("strange".to_owned(), "a\0b".to_owned())].into();
    let Outcome::DeadLetter { reason } = program(script("exit 0")).outcome(&job(&item, &never)) else {
        panic!()
    };
    assert!(reason.contains("HEIJUNKA_HEADER_STRANGE would hold a NUL"), "{reason}");
}

#[test]
fn without_time_it_is_not_started() {
    let folder = Folder::new();
    for (stop, why) in [(Stop::Timeout, "no time was left"), (Stop::Cancelled, "the service stops")] {
        let program = program(script_in(&folder.0, "echo 1 > started"));
        let error = retry(program.outcome(&job(&item(""), &|| Some(stop))));
        assert_eq!(error, format!("sh was not started: {why}"));
        assert!(!folder.path("started").exists());
    }
}

fn runtime() -> Runtime {
    let pool = PoolConfig { min_workers: 1, max_workers: 1, pin: false, ..PoolConfig::default() };
    Runtime::builder().pool("mail", pool).start().unwrap()
}

/// Lets the program handle an item in this runtime.
fn submit(runtime: &Runtime, program: &Arc<Program>, limit: Option<Duration>) -> JobHandle<Outcome> {
    let (item, program) = (item("payload"), Arc::clone(program));
    let domain = runtime.domain("mail").unwrap();
    let job = domain.job("key");
    let job = if let Some(limit) = limit { job.deadline(limit) } else { job };
    job.submit(move |context| program.handle(&Work { item: &item, attempt: 2, deliveries: 3, context }))
        .unwrap()
}

#[test]
fn as_a_handler_in_a_runtime() {
    let runtime = runtime();
    let text = "cat; echo \" $HEIJUNKA_ATTEMPT $HEIJUNKA_DELIVERIES ${HEIJUNKA_TIMEOUT_MS-none}\"; exit 4";
    let handle = submit(&runtime, &Arc::new(program(script(text))), None);
    assert_eq!(retry(handle.wait().unwrap()), "sh exited with 4; it wrote: payload 2 3 none");
}

#[test]
fn a_handler_that_takes_too_long() {
    let runtime = runtime();
    let program = Arc::new(program(script("echo ${HEIJUNKA_TIMEOUT_MS:+some}; sleep 1000")));
    let error = loop {
        // On a busy machine its time may be over before it begins, or before the program says anything: again.
        let handle = submit(&runtime, &program, Some(Duration::from_millis(500)));
        let error = handle.wait().map_or_else(|error| error.to_string(), retry);
        if error.contains("it wrote: ") {
            break error;
        }
    };
    assert!(error.starts_with("sh timed out and was killed, after "), "{error}");
    assert!(error.ends_with("it wrote: some"), "{error}");
}

#[test]
fn a_handler_of_a_service_that_stops() {
    let folder = Folder::new();
    let runtime = runtime();
    let program = Arc::new(program(script_in(&folder.0, "echo $$ > id; sleep 1000")));
    let handle = submit(&runtime, &program, None);
    eventually("it runs", || folder.number("id").is_some());
    runtime.stop(Duration::from_millis(1));
    assert_eq!(retry(handle.wait().unwrap()), "sh was killed, as the service stops; it wrote nothing");
    eventually("it is gone", || !runs(folder.number("id").unwrap()));
}
