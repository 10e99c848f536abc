//! What a supervisor is told, by systemd's protocol.

use rustix::process::Signal;

use crate::common::heijunka;
use crate::notify::Told;
use crate::service::{Home, Service};

#[test]
fn a_supervisor_is_told_that_it_serves_that_it_lives_and_that_it_ends() {
    let home = Home::new("exit 0");
    let mut told = Told::new(&home);
    let config = home.config("");
    let mut command = heijunka(["run", &config]);
    command.env("NOTIFY_SOCKET", home.path("notify")).env("WATCHDOG_USEC", "400000");
    let service = Service::spawn(command, &home);
    told.wait_for("it serves", |line| line == "READY=1");
    // From then on it answers.
    home.done(&["publish", "mail", "x"]);
    for _ in 0..3 {
        told.wait_for("it lives", |line| line == "WATCHDOG=1");
    }
    told.wait_for("it fares well", |line| line.starts_with("STATUS=serving, "));
    assert!(!told.lines.iter().any(|line| line == "STOPPING=1"), "{:?}", told.lines);
    service.signal(Signal::TERM);
    told.wait_for("it ends", |line| line == "STOPPING=1");
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_service_whose_control_plane_does_not_answer_gives_no_sign_of_life() {
    let home = Home::new("exit 0");
    let mut told = Told::new(&home);
    let config = home.config("");
    let mut command = heijunka(["run", &config]);
    command.env("NOTIFY_SOCKET", home.path("notify")).env("WATCHDOG_USEC", "400000");
    let _service = Service::spawn(command, &home);
    told.wait_for("it lives", |line| line == "WATCHDOG=1");
    std::fs::remove_file(home.path("s")).unwrap();
    // What was said before, and the look that was under way.
    told.socket.set_nonblocking(true).unwrap();
    while told.socket.recv(&mut [0; 4096]).is_ok() {}
    told.socket.set_nonblocking(false).unwrap();
    told.wait_for("a look", |line| line.starts_with("STATUS="));
    told.lines.clear();
    for _ in 0..4 {
        told.wait_for("a look", |line| line.starts_with("STATUS="));
    }
    assert!(!told.lines.iter().any(|line| line == "WATCHDOG=1"), "{:?}", told.lines);
}

#[test]
fn a_supervisor_that_cannot_be_told_does_no_harm() {
    let home = Home::new("exit 0");
    let config = home.config("");
    let mut command = heijunka(["run", &config]);
    command.env("NOTIFY_SOCKET", home.path("nobody"));
    let service = Service::spawn(command, &home);
    service.wait_for("INFO ready ");
    service.wait_for("the supervisor cannot be told");
    home.done(&["publish", "mail", "x"]);
    home.done(&["drain"]);
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
}
