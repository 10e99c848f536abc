//! What is published, and what the status tells.

use std::os::unix::fs::PermissionsExt as _;

use crate::service::Home;

/// Runs until a file `go` is there.
pub(crate) const WAITS: &str = "echo $$ > $$.pid\nwhile [ ! -e go ]; do sleep 0.02; done\necho x >> out";

#[test]
fn what_becomes_of_an_item_is_told_and_is_the_exit_code() {
    let home = Home::new("cat >> out");
    let _service = home.start(&home.config("[kanban]\npayload = \"64B\""));
    assert!(home.done(&["publish", "mail", "a\n"]).starts_with("stored 01"));
    assert_eq!(home.done(&["publish", "mail", "b\n", "--id", "7"]), "stored 7\n");
    let file = home.write("file", b"c\n");
    home.done(&["publish", "mail", "--file", &file]);
    let piped = home.pipe(&["publish", "mail", "--file", "-"], b"d\n");
    assert_eq!(piped.code, Some(0), "{}", piped.err);
    home.counted("done", 4);
    let mut out: Vec<String> =
        std::fs::read_to_string(home.path("out")).unwrap().lines().map(str::to_owned).collect();
    out.sort();
    assert_eq!(out, ["a", "b", "c", "d"]);

    let refused =
        |args: &[&str]| home.ask(&[["publish", "mail"].as_slice(), args].concat()).refusal().to_owned();
    assert!(refused(&["x", "--deadline", "0s"]).contains("deadline"));
    assert!(refused(&["x", "--deadline", "soon"]).contains("soon"));
    assert!(refused(&[&"x".repeat(65)]).contains("65 bytes"));
    assert!(refused(&["--file", "/nonexistent/payload"]).contains("/nonexistent/payload"));
    let nobodys = home.ask(&["publish", "mial", "x"]);
    assert!(nobodys.refusal().contains("nobody consumes \"mial\""), "{}", nobodys.err);
    assert_eq!(home.count("published"), 4);
}

#[test]
fn an_item_is_stored_once_and_a_full_broker_stores_no_more() {
    let home = Home::new(WAITS);
    let _service = home.start(&home.config("[broker]\nmax_items = 2"));
    assert_eq!(home.done(&["publish", "mail", "x", "--id", "7"]), "stored 7\n");
    assert_eq!(home.done(&["publish", "mail", "x", "--id", "7"]), "stored already 7\n");
    home.done(&["publish", "mail", "x", "--id", "8"]);
    let full = home.ask(&["publish", "mail", "x", "--id", "9"]);
    assert!(full.refusal().starts_with("not stored: the broker is full"), "{}", full.err);
    home.write("go", b"");
    home.counted("done", 2);
    home.done(&["publish", "mail", "x", "--id", "9"]);
    home.counted("done", 3);
}

#[test]
fn the_status_tells_everything() {
    let home = Home::new(WAITS);
    let service = home.start(&home.config("[kanban]\nsample = \"100ms\""));
    for _ in 0..5 {
        home.done(&["publish", "mail", "x"]);
    }
    let status = crate::service::eventually("running programs", || {
        let status = home.json(&["status", "--json"]);
        (status["kanban"]["queues"][0]["running"] == 2).then_some(status)
    });
    assert_eq!(
        (status["pid"].as_u64(), &status["state"]),
        (Some(service.child.id().into()), &"running".into())
    );
    assert_eq!((&status["readiness"]["ok"], &status["pools"][0]["name"]), (&true.into(), &"mail".into()));
    let kanban = &status["kanban"];
    assert_eq!((&kanban["broker"], &kanban["durable"]), (&"memory".into(), &false.into()));
    assert_eq!(
        (&kanban["queues"][0]["domain"], &kanban["queues"][0]["breaker"]),
        (&"mail".into(), &"closed".into())
    );
    assert_eq!((&kanban["queues"][0]["workers"], &kanban["counts"]["published"]), (&3.into(), &5.into()));
    let text = home.done(&["status"]);
    for part in ["running for ", "ready      yes", "memory, not durable", "breaker", "utilisation"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    home.write("go", b"");
    home.counted("done", 5);
    crate::service::eventually("an empty queue", || {
        let queue = home.json(&["status", "--json"])["kanban"]["queues"][0].clone();
        let empty = queue["ready"] == serde_json::json!([0, 0, 0]) && queue["unsettled"] == 0;
        (empty && queue["running"] == 0).then_some(())
    });
}

#[test]
fn only_its_owner_may_use_the_socket_which_is_gone_after_the_end() {
    let home = Home::new("exit 0");
    let service = home.start(&home.config(""));
    let mode = std::fs::metadata(home.path("s")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    home.done(&["stop"]);
    assert_eq!(service.end().0, Some(0));
    assert!(!home.path("s").exists());
    assert!(home.ask(&["status"]).refusal().contains("there is no such socket"));
}
