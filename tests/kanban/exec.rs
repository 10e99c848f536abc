//! Items worked on by programs.

use std::collections::BTreeMap;

use heijunka::{DomainConfig, ExecConfig, ItemSpec};

use crate::common::{eventually, workers};
use crate::rig::{Folder, Setup, counts, dead, on, on_every_broker, publish, quick, waiting};

on_every_broker!(exec_runs_a_program_per_item);

/// Fails for good what is wrong, once what is to be tried again, and else writes down what it was given.
const SCRIPT: &str = r#"
read -r line
case "$line-$HEIJUNKA_ATTEMPT" in
    wrong-*) echo "wrong in itself" >&2; exit 65 ;;
    again-1) exit 75 ;;
esac
printf '%s\n' "$HEIJUNKA_ID $HEIJUNKA_ATTEMPT $HEIJUNKA_DOMAIN $line" >> "$OUT""#;

fn through_exec(setup: &dyn Setup, count: usize) {
    let (folder, (builder, broker)) = (Folder::new(), on(setup));
    let out = folder.file().with_extension("out");
    let exec = ExecConfig {
        argv: ["/bin/sh", "-c", SCRIPT].map(str::to_owned).into(),
        environment: BTreeMap::from([("OUT".to_owned(), out.display().to_string())]),
        ..ExecConfig::default()
    };
    let domain = DomainConfig { exec: Some(exec), ..DomainConfig::default() };
    let builder = builder.kanban(quick()).domain("mail", domain).pool("mail", workers(4));
    let runtime = builder.start().unwrap();
    let payload = |n: usize| match n % 100 {
        13 => "wrong",
        42 => "again",
        _ => "right",
    };
    publish(&runtime, (0..count).map(|n| ItemSpec::new("mail").id(n.to_string()).payload(payload(n))));
    let ended = || counts(&runtime).acked + counts(&runtime).dead_lettered;
    let mut before = ended();
    while before < count as u64 {
        eventually("it gets on", || ended() > before);
        before = ended();
    }
    let written = std::fs::read_to_string(out).unwrap();
    let mut lines: BTreeMap<usize, &str> = BTreeMap::new();
    for line in written.lines() {
        let (id, rest) = line.split_once(' ').unwrap();
        assert_eq!(lines.insert(id.parse().unwrap(), rest), None, "{id} was written down twice");
    }
    for n in 0..count {
        let expected = match payload(n) {
            "wrong" => None,
            "again" => Some("2 mail again"),
            _ => Some("1 mail right"),
        };
        assert_eq!(lines.get(&n).copied(), expected, "{n}");
    }
    let letters = dead(&*broker);
    assert_eq!((letters.len(), waiting(&*broker)), (count / 100, 0));
    let is_right = |letter: &heijunka::DeadLetter| {
        letter.reason == "permanent" && letter.error.contains("wrong in itself")
    };
    assert!(letters.iter().all(is_right), "{:?}", letters[0]);
    assert_eq!(counts(&runtime).retried, count as u64 / 100);
}

/// Few enough for every broker.
fn exec_runs_a_program_per_item(setup: &dyn Setup) {
    through_exec(setup, 100);
}

#[test]
fn two_thousand_items_through_exec() {
    through_exec(&crate::rig::InMemory, 2_000);
}
