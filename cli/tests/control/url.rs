//! The same over TCP: where to, and with which token.

use crate::common::{heijunka, run};
use crate::world::{TOKEN, World};

#[test]
fn every_command_goes_over_tcp_with_the_token_of_a_file() {
    let world = World::new();
    let token = world.file("token", format!("{TOKEN}\n").as_bytes());
    let place = ["--url", world.url.as_str(), "--token-file", token.as_str()];
    let over_tcp = |args: &[&'static str]| run(args.iter().copied().chain(place));
    assert!(over_tcp(&["status"]).out.contains("process 42"));
    assert_eq!(over_tcp(&["stop"]).out, "stopping\n");
    assert!(over_tcp(&["drain", "--within", "5s"]).out.starts_with("drained"), "an answer in chunks");
    assert_eq!(over_tcp(&["schedule", "pause", "nightly"]).out, "nightly\n");
    // From around us, which is enough on this machine.
    let mut command = heijunka(["stop", "--url", &world.url]);
    let output = command.env("HEIJUNKA_TOKEN_FILE", &token).output().unwrap();
    assert_eq!(output.stdout, b"stopping\n");
}

#[test]
fn who_does_not_know_the_token_is_refused_and_it_is_never_shown() {
    let world = World::new();
    let refused = run(["stop", "--url", &world.url]);
    assert!(refused.refusal().contains("token"), "{}", refused.err);
    let wrong = world.file("token", b"this-is-some-other-token");
    let refused = run(["stop", "--url", &world.url, "--token-file", &wrong]);
    assert!(refused.refusal().contains("not the token"), "{}", refused.err);
    assert!(!refused.err.contains("some-other"), "{}", refused.err);
}

#[test]
fn a_url_that_cannot_be_is_told_so() {
    let https = run(["status", "--url", "https://localhost:9090"]);
    assert!(https.refusal().contains("https is not spoken"), "{}", https.err);
    let away = run(["status", "--url", "http://127.0.0.1:1"]);
    assert!(away.refusal().contains("nobody listens there"), "{}", away.err);
    // Of clap, with its usage.
    assert_eq!(run(["status", "--url", "http://localhost:1", "--socket", "x"]).code, Some(2));
    assert_eq!(run(["status", "--token-file", "x"]).code, Some(2));
}

#[test]
fn top_needs_a_terminal_and_says_what_does_not() {
    let world = World::new();
    let ran = world.run(&["top"]);
    assert!(ran.refusal().contains("heijunka status"), "{}", ran.err);
}
