//! `dlq`: what failed is seen, done after all, and dropped.

use crate::service::Home;

#[test]
fn what_is_replayed_runs_again() {
    let home = Home::new("[ -e good ] || { echo not yet; exit 65; }\ncat >> out");
    let _service = home.start(&home.config(""));
    for id in ["a", "b", "c"] {
        home.done(&["publish", "mail", &format!("payload of {id}\n"), "--id", id]);
    }
    let letters = home.dead(3);
    let serial = |id: &str| letters.iter().find(|letter| letter["id"] == id).unwrap()["serial"].to_string();
    let shown = home.done(&["dlq", "show", &serial("a")]);
    for part in ["reason     permanent\n", "it wrote: not yet\n", "\npayload of a\n"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let table = home.done(&["dlq", "list"]);
    assert!(table.ends_with("3 of 3 dead letters\n"), "{table}");
    assert_eq!(home.done(&["dlq", "replay", "--all", "--dry-run"]), "3 dead letters would be replayed\n");
    home.dead(3);

    home.write("good", b"");
    assert_eq!(home.done(&["dlq", "drop", &serial("b")]), "1 dead letter dropped\n");
    assert_eq!(home.done(&["dlq", "replay", &serial("a")]), "1 dead letter replayed\n");
    home.counted("done", 1);
    assert_eq!(home.line("out"), "payload of a");
    assert_eq!(home.done(&["dlq", "replay", "--domain", "mail"]), "1 dead letter replayed\n");
    home.counted("done", 2);
    assert_eq!(home.done(&["dlq", "list"]), "0 of 0 dead letters\n");
    assert!(home.ask(&["dlq", "show", &serial("b")]).refusal().contains("there is no dead letter"));
    assert_eq!(home.ask(&["dlq", "replay", &serial("b")]).code, Some(2));
}

#[test]
fn they_survive_a_restart_in_a_file() {
    let home = Home::new("exit 65");
    let config = home.durable("");
    let service = home.start(&config);
    home.done(&["publish", "mail", "x", "--id", "x"]);
    home.dead(1);
    home.done(&["stop"]);
    assert_eq!(service.end().0, Some(0));
    let _service = home.start(&config);
    assert_eq!(home.dead(1)[0]["id"], "x");
}
