//! The file of a durable broker: another process's, cut short, or something else.

use crate::service::Home;

/// A store with an item in it that nobody has worked on.
fn store(home: &Home) -> String {
    let config = home.durable("[domains.idle]\n[pools.idle]\n");
    let service = home.start(&config);
    home.done(&["publish", "idle", "x"]);
    home.done(&["stop"]);
    assert_eq!(service.end().0, Some(0));
    config
}

#[test]
fn one_that_is_cut_short_is_refused_and_left_alone() {
    let home = Home::new("exit 0");
    let config = store(&home);
    let whole = std::fs::read(home.path("queue.redb")).unwrap();
    for length in [whole.len() / 2, 5000, 100] {
        home.write("queue.redb", &whole[..length]);
        let ran = home.refused(&["run", &config]);
        let said = ran.refusal();
        assert!(said.contains(&home.text("queue.redb")), "{length}: {said}");
        assert!(
            said.contains("damaged or cut short") && said.contains("put a copy of it back"),
            "{length}: {said}"
        );
    }
    home.write("queue.redb", &whole);
    let service = home.start(&config);
    home.done(&["stop"]);
    assert!(service.end().1.contains("1 item left in the broker"), "a copy put back is good");
}

#[test]
fn one_of_another_kind_is_refused_and_left_alone() {
    let home = Home::new("exit 0");
    let config = home.durable("");
    let file = home.write("queue.redb", b"dear diary");
    let ran = home.refused(&["run", &config]);
    let said = ran.refusal();
    assert!(said.contains(&file) && said.contains("set broker.path to another file"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), b"dear diary");
}

#[test]
fn one_file_and_one_socket_are_for_one_process() {
    let home = Home::new("exit 0");
    let config = home.durable("");
    let service = home.start(&config);
    let ran = home.refused(&["run", &config, "--socket", &home.text("another")]);
    assert!(ran.refusal().contains("is open already, here or in another process"), "{}", ran.err);
    assert!(ran.refusal().contains(&home.text("queue.redb")), "{}", ran.err);
    let ran = home.refused(&["run", &home.config("")]);
    assert!(ran.refusal().contains("another process serves on"), "{}", ran.err);
    assert!(ran.refusal().contains(&home.text("s")), "{}", ran.err);
    // Nor does a second service begin anything before it is refused the socket.
    let other = format!("broker.path={:?}", home.text("other.redb"));
    let ran = home.refused(&["run", &config, "--set", &other]);
    assert!(ran.refusal().contains("another process serves on"), "{}", ran.err);
    assert!(!std::path::Path::new(&home.text("other.redb")).exists());
    // The first one did not notice.
    home.done(&["publish", "mail", "x"]);
    home.counted("done", 1);
    home.done(&["stop"]);
    assert_eq!(service.end().0, Some(0));
}

#[test]
fn a_socket_that_a_killed_service_left_is_taken_over_with_its_items() {
    let home = Home::new(crate::told::WAITS);
    let config = home.durable("");
    let mut service = home.start(&config);
    home.done(&["publish", "mail", "x"]);
    crate::service::eventually("a program", || (home.processes().len() == 1).then_some(()));
    service.signal(rustix::process::Signal::KILL);
    service.wait();
    assert!(home.path("s").exists());
    home.write("go", b"");
    let _service = home.start(&config);
    home.counted("done", 1);
}
