//! How a service ends: asked to, by signals, and with work that does not.

use rustix::process::Signal;

use crate::service::{Home, Service, eventually};
use crate::told::WAITS;

/// Does not end, whoever asks.
const STUBBORN: &str = "trap '' TERM\necho $$ > $$.pid\nwhile :; do sleep 0.2; done";

fn publish(home: &Home, items: usize) {
    let lines = "{\"domain\": \"mail\", \"payload\": \"x\"}\n".repeat(items);
    let ran = home.pipe(&["publish", "--batch", "-"], lines.as_bytes());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// Waits for so many running programs.
fn running(home: &Home, programs: usize) {
    eventually("running programs", || (home.processes().len() >= programs).then_some(()));
}

#[track_caller]
fn ended(service: Service, code: i32, parts: &[&str]) {
    let (ended, told) = service.end();
    assert_eq!(ended, Some(code), "{told}");
    for part in parts {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_drain_empties_the_queue_and_ends_the_process() {
    let home = Home::new("echo x >> out");
    let service = home.start(&home.config(""));
    publish(&home, 50);
    assert_eq!(home.done(&["drain"]), "drained, 0 items left in the broker\n");
    ended(service, 0, &["draining", "50 items done, 0 items left in the broker"]);
    assert_eq!(home.lines("out"), 50);
}

#[test]
fn a_stop_finishes_what_runs_and_leaves_the_rest_in_the_file() {
    let home = Home::new(WAITS);
    let config = home.durable("");
    let service = home.start(&config);
    publish(&home, 20);
    running(&home, 2);
    home.done(&["stop"]);
    service.wait_for("stopping");
    home.write("go", b"");
    let (code, told) = service.end();
    assert_eq!(code, Some(0), "{told}");
    let done = home.lines("out");
    assert!((2..20).contains(&done), "{done}: {told}");
    assert!(told.contains(&format!("{done} items done, {} items left in the broker", 20 - done)), "{told}");

    let service = home.start(&config);
    eventually("the rest", || (home.lines("out") == 20).then_some(()));
    home.done(&["drain"]);
    ended(service, 0, &["0 items left in the broker"]);
    assert_eq!(home.lines("out"), 20, "none ran twice");
}

#[test]
fn a_signal_drains_what_is_in_memory() {
    let home = Home::new("echo x >> out");
    let service = home.start(&home.config(""));
    publish(&home, 30);
    service.signal(Signal::TERM);
    ended(service, 0, &["draining", "30 items done, 0 items left"]);
    assert_eq!(home.lines("out"), 30);
}

#[test]
fn a_signal_stops_what_is_in_a_file() {
    let home = Home::new("exit 0");
    let service = home.start(&home.durable(""));
    service.signal(Signal::INT);
    ended(service, 0, &["stopping"]);
}

#[test]
fn a_second_signal_ends_it_at_once_and_its_programs_with_it() {
    let home = Home::new(STUBBORN);
    for (second, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let service = home.start(&home.config(""));
        publish(&home, 2);
        running(&home, 2);
        service.signal(Signal::TERM);
        service.wait_for("draining");
        service.signal(second);
        ended(service, code, &["ended at once by a second signal"]);
        home.all_gone();
        for process in home.processes() {
            std::fs::remove_file(home.path(&format!("{process}.pid"))).unwrap();
        }
    }
}

#[test]
fn what_is_left_in_memory_at_the_end_is_lost_and_counted() {
    let home = Home::new(STUBBORN);
    let service = home.start(&home.config("grace = \"500ms\""));
    publish(&home, 7);
    running(&home, 2);
    service.signal(Signal::TERM);
    ended(service, 1, &["7 items LOST", "2 items abandoned while running"]);
    home.all_gone();
}

#[test]
fn what_is_left_in_a_file_at_the_end_is_done_after_a_restart() {
    let home = Home::new(&format!("[ -e good ] || {{ {STUBBORN}\n }}\necho x >> out"));
    let config = home.durable("");
    let service = home.start(&config);
    publish(&home, 5);
    running(&home, 2);
    let ran = home.ask(&["drain", "--within", "500ms"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.starts_with("drained in part, 5 items left in the broker\n"), "{}", ran.out);
    ended(service, 1, &["5 items left in the broker", "2 items abandoned while running"]);
    home.all_gone();
    home.write("good", b"");
    let _service = home.start(&config);
    eventually("all of them", || (home.lines("out") == 5).then_some(()));
    assert!(home.json(&["dlq", "list", "--json"])["letters"].as_array().unwrap().is_empty());
}

#[test]
fn a_service_without_a_queue_runs_until_a_signal() {
    let home = Home::new("exit 0");
    let config =
        home.write("plain.toml", format!("[pools.a]\n[service]\nsocket = \"{}\"", home.text("s")).as_bytes());
    let service = home.start(&config);
    assert_eq!(home.json(&["status", "--json"])["pools"][0]["name"], "a");
    for args in [["publish", "a", "x"].as_slice(), &["dlq", "list"], &["schedule", "list"]] {
        assert!(home.ask(args).refusal().contains("this service has no queue"), "{args:?}");
    }
    service.signal(Signal::TERM);
    ended(service, 0, &[]);
}
