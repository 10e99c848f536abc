//! What a program is told: this, and nothing else.

use std::env;

use super::*;

/// What `env` prints for an item.
fn told(item: &Item, timeout: Option<Duration>, add: &[(&str, &str)]) -> Vec<String> {
    let environment = add.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let program = program(ProgramSettings { environment, ..settings(&["env", "-0"]) });
    let ran = run(&program, &Job { item, attempt: 3, deliveries: 7, timeout, stop: &never });
    let mut told: Vec<String> = written(&ran).split_terminator('\0').map(str::to_owned).collect();
    told.sort();
    told
}

/// What is passed on of this process's environment, and then this.
fn expected(passed_on: &[&str], more: &[&str]) -> Vec<String> {
    let passed_on = passed_on.iter().filter_map(|name| Some(format!("{name}={}", env::var(name).ok()?)));
    let mut expected: Vec<String> =
        passed_on.chain(more.iter().map(|&variable| variable.to_owned())).collect();
    expected.sort();
    expected
}

#[test]
fn a_plain_item() {
    let others =
        env::vars_os().filter(|(name, _)| !["PATH", "HOME", "LANG"].iter().any(|passed| name == passed));
    assert!(others.count() > 0, "there is something that could be told and must not");
    let expected = expected(
        &["PATH", "HOME", "LANG"],
        &[
            "HEIJUNKA_ID=item-1",
            "HEIJUNKA_ORIGINAL_ID=item-1",
            "HEIJUNKA_DOMAIN=mail",
            "HEIJUNKA_PRIORITY=high",
            "HEIJUNKA_ATTEMPT=3",
            "HEIJUNKA_DELIVERIES=7",
        ],
    );
    assert_eq!(told(&item("not told"), None, &[]), expected);
}

#[test]
fn an_item_with_everything() {
    let mut item = item("");
    item.key = Some("customer 42 = ü".into());
    item.deadline = Some(Timestamp::from_millis(1_767_225_600_000));
    let headers = [
        ("Content-Type", "text/plain; a=b"),
        ("trace_id", "first"),
        ("trace-ID", "before it"),
        ("strange.näme", "x"),
        ("heijunka-original-id", "item-0"),
    ];
    item.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let expected = expected(
        &["PATH", "HOME"],
        &[
            "LANG=C",
            "TOKEN=a=b c",
            "HEIJUNKA_ID=item-1",
            "HEIJUNKA_ORIGINAL_ID=item-0",
            "HEIJUNKA_DOMAIN=mail",
            "HEIJUNKA_PRIORITY=high",
            "HEIJUNKA_KEY=customer 42 = ü",
            "HEIJUNKA_ATTEMPT=3",
            "HEIJUNKA_DELIVERIES=7",
            "HEIJUNKA_DEADLINE=2026-01-01T00:00:00.000Z",
            "HEIJUNKA_TIMEOUT_MS=1500",
            "HEIJUNKA_HEADER_CONTENT_TYPE=text/plain; a=b",
            "HEIJUNKA_HEADER_TRACE_ID=first",
            "HEIJUNKA_HEADER_STRANGE_N_ME=x",
            "HEIJUNKA_HEADER_HEIJUNKA_ORIGINAL_ID=item-0",
        ],
    );
    assert_eq!(
        told(&item, Some(Duration::from_micros(1_500_900)), &[("LANG", "C"), ("TOKEN", "a=b c")]),
        expected
    );
}
