//! Does the checker find what is wrong? Faults are put into histories that are clean.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Thirty items of two producers: all confirmed, each ended in some way.
fn clean() -> History {
    let history = History::new();
    for number in 0..30 {
        let id = number.to_string();
        history.attempted_by(if number % 2 == 0 { "even" } else { "odd" }, &id);
        history.confirmed(&id);
        match number % 10 {
            0 => history.dead_lettered(&id),
            1 => history.dropped(&id),
            2 => history.left([&id]),
            _ => history.ran(&id),
        }
    }
    history
}

#[test]
fn a_clean_history_is_clean() {
    let report = clean().check();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.attempted, report.confirmed), (30, 30));
    assert_eq!((report.done, report.dead_lettered, report.dropped, report.left), (21, 3, 3, 3));
    assert!(History::new().check().is_clean());
}

#[test]
fn one_lost_item_is_found_with_its_place() {
    let history = clean();
    for number in 100..130 {
        history.attempted_by("late", &number.to_string());
        history.confirmed(&number.to_string());
        if number != 121 {
            history.ran(&number.to_string());
        }
    }
    let report = history.check();
    assert!(!report.is_clean());
    assert_eq!(report.lost, Ids { count: 1, examples: vec!["121".into()] });
    let lost_of = LostOf { producer: "late".into(), attempted: 30, thirds: [0, 0, 1] };
    assert_eq!(report.lost_of, [lost_of]);
    assert!(report.to_string().contains("1 in the last"), "{report}");
    history.left(["121"]);
    assert!(history.check().is_clean());
}

#[test]
fn what_was_not_confirmed_may_be_lost_or_found() {
    let history = clean();
    history.attempted("refused");
    history.attempted("asked");
    history.unknown("asked");
    history.attempted("found");
    history.unknown("found");
    history.ran("found");
    let report = history.check();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.unknown, report.unanswered), (2, 1));
    assert_eq!(report.recovered.examples, ["found"]);
}

#[test]
fn what_nobody_attempted_is_found() {
    for tell in [History::ran, History::dead_lettered, History::dropped, History::confirmed] {
        let history = clean();
        tell(&history, "made up");
        let report = history.check();
        assert_eq!(report.unexpected.examples, ["made up"]);
        assert!(!report.is_clean());
    }
}

#[test]
fn a_run_too_many_is_found_unless_it_is_explained() {
    let history = clean();
    history.ran("5");
    history.ran("5");
    let unexplained = |history: &History| {
        let report = history.check();
        assert_eq!((report.duplicates.count, report.runs_again), (1, 2));
        assert_eq!(report.is_clean(), report.runs_unexplained == 0);
        report.runs_unexplained
    };
    assert_eq!(unexplained(&history), 2);
    history.unknown("6");
    assert_eq!(unexplained(&history), 2, "of another item");
    history.unknown("5");
    assert_eq!(unexplained(&history), 1);
    let other = History::new();
    other.interrupted("5");
    let crash = History::new();
    crash.crashed(1);
    history.merge(&crash);
    assert_eq!(unexplained(&history), 0);
    let history = clean();
    history.ran("5");
    history.ran("5");
    history.merge(&other);
    assert_eq!(unexplained(&history), 1);
}

#[test]
fn done_and_dead_is_told() {
    let history = clean();
    history.dead_lettered("5");
    let report = history.check();
    assert_eq!(report.ended_twice.examples, ["5"]);
    assert!(report.is_clean());
}

#[test]
fn ten_examples_are_shown() {
    let history = History::new();
    (0..12).for_each(|number| history.ran(&number.to_string()));
    let report = history.check();
    assert_eq!(report.unexpected.to_string(), "12: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …");
    assert!(report.to_string().starts_with("NOT CLEAN\n"), "{report}");
}

fn file() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("heijunka-history-{}", crate::ItemId::unique()))
}

#[test]
fn what_a_killed_process_wrote_is_read_and_torn_lines_are_tolerated() {
    let path = file();
    let history = History::append_to(&path).unwrap();
    history.attempted("a");
    history.confirmed("a");
    // Killed in the middle of a line, twice: once the file is continued.
    let half = |text: &str| {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
    };
    half("attempted bc");
    let history = History::append_to(&path).unwrap();
    history.attempted_by("a producer!", "100 % über");
    history.attempted("");
    history.ran("a");
    history.crashed(3);
    half("conf");
    let text = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines = "attempted a\nconfirmed a\nattempted bc !\nattempted 100%20%25%20%C3%BCber a%20producer%21\n\
                 attempted %\nran a\ncrashed 3\nconf";
    assert_eq!(String::from_utf8_lossy(&text), lines);
    let report = History::read(&*text).unwrap().check();
    assert_eq!((report.attempted, report.confirmed, report.done, report.torn), (3, 1, 1, 2));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    for bad in [
        "went a",
        "ran",
        "ran  a",
        "ran a b",
        "crashed many",
        "attempted a b c",
        "ran %4",
        "ran %zz",
        "ran %FF",
        "",
    ] {
        let text = format!("attempted a\n{bad}\nran a\n");
        let error = History::read(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("line 2 is none of a history: {bad:?}"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_history_that_cannot_be_written_is_not_clean() {
    let history = History::append_to("/dev/full").unwrap();
    history.attempted("a");
    let report = history.check();
    assert!(report.unwritten.is_some() && !report.is_clean(), "{report}");
}

proptest! {
    /// Sets, as the contract has them, beside the tally; and a history that is written, read and merged says the same.
    #[test]
    fn it_computes_what_the_contract_says(
        events in prop::collection::vec((0_usize..9, 0_u8..12, 0_u8..3), 0..120), cut in any::<prop::sample::Index>(),
    ) {
        let (history, mut text) = (History::new(), Vec::new());
        let mut told: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (what, id, producer) in events {
            let (id, producer) = (id.to_string(), producer.to_string());
            let more = (What::ALL[what] == What::Attempted && producer != "0").then_some(&*producer);
            history.note(What::ALL[what], &id, more);
            text.push(line::write(What::ALL[what], &id, more));
            told.entry(what).or_default().push(id);
        }
        let set = |what: What| -> BTreeSet<String> {
            let at = What::ALL.iter().position(|&other| other == what).unwrap();
            told.get(&at).into_iter().flatten().cloned().collect()
        };
        let ended: BTreeSet<_> = [What::Ran, What::DeadLettered, What::Dropped, What::Left].map(set).into_iter().flatten().collect();
        let lost: BTreeSet<_> = &set(What::Confirmed) - &ended;
        let made_up = &ended - &set(What::Attempted);
        let report = history.check();
        prop_assert_eq!(report.lost.count, lost.len() as u64);
        prop_assert!(report.unexpected.count >= made_up.len() as u64);
        prop_assert!(!report.is_clean() || (lost.is_empty() && made_up.is_empty()));
        let lost_and_attempted = lost.intersection(&set(What::Attempted)).count() as u64;
        prop_assert_eq!(report.lost_of.iter().flat_map(|of| of.thirds).sum::<u64>(), lost_and_attempted);

        let (first, second) = text.split_at(if text.is_empty() { 0 } else { cut.index(text.len()) });
        let merged = History::read(first.concat().as_bytes()).unwrap();
        merged.merge(&History::read(second.concat().as_bytes()).unwrap());
        prop_assert_eq!(merged.check(), report);
    }
}
