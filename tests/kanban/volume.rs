//! Many items, of which some fail, once or for good: each ends as it must, and none is lost.

use std::sync::Arc;

use heijunka::history::History;
use heijunka::{KanbanConfig, Outcome, Priority, RetryConfig, Work};

use crate::common::{beside, eventually, workers};
use crate::rig::{InFile, InMemory, Setup, counts, dead, item, on, quick, waiting};

/// What is to become of the `n`th.
fn fate(n: u64) -> &'static str {
    match n % 1000 {
        7 => "permanent",
        77 => "attempts",
        177 => "panics",
        n if n % 50 == 3 => "retry",
        _ => "done",
    }
}

/// Two producers publish while two pools work, in three priorities.
fn many(setup: &dyn Setup, count: u64) {
    let (history, (builder, broker)) = (Arc::new(History::new()), on(setup));
    let told = history.clone();
    let handler = move |work: &Work<'_>| {
        let id = work.item().id.as_str();
        let fate = &work.item().headers["fate"];
        match (fate.as_str(), work.attempt()) {
            ("permanent", _) => return Outcome::dead_letter("wrong in itself"),
            ("attempts", _) => return Outcome::retry("down"),
            ("retry", 1) => return Outcome::retry("not yet"),
            ("panics", 1) => std::panic::resume_unwind(Box::new("not yet either")),
            _ => told.ran(id),
        }
        Outcome::Done
    };
    let retry = RetryConfig { max_attempts: 2, ..quick().retry };
    let runtime = builder
        .kanban(KanbanConfig { retry, pull: 100, prefetch: 50, ..quick() })
        .pool("one", heijunka::PoolConfig { domain: Some("mail".to_owned()), ..workers(2) })
        .pool("two", heijunka::PoolConfig { domain: Some("mail".to_owned()), ..workers(2) })
        .handler("mail", handler)
        .start()
        .unwrap();
    let producers = [0, 1].map(|producer| {
        let (history, publisher) = (history.clone(), runtime.kanban().unwrap().publisher().clone());
        beside(move || {
            let mine: Vec<u64> = (0..count).filter(|n| n % 2 == producer).collect();
            for batch in mine.chunks(500) {
                let specs = batch.iter().map(|n| {
                    history.attempted_by(if producer == 0 { "even" } else { "odd" }, &n.to_string());
                    let priority = Priority::ALL[usize::try_from(n % 3).unwrap()];
                    item(n).priority(priority).key((n % 97).to_string()).header("fate", fate(*n))
                });
                let answers = publisher.publish_batch(specs.collect::<Vec<_>>());
                for (n, answer) in batch.iter().zip(answers) {
                    answer.unwrap();
                    history.confirmed(&n.to_string());
                }
            }
        })
    });
    producers.into_iter().for_each(super::common::Background::join);
    // As long as it gets on; how long that takes is another matter.
    let ended = || counts(&runtime).acked + counts(&runtime).dead_lettered;
    while ended() < count {
        let before = ended();
        eventually("it gets on", || ended() > before);
    }
    let letters = dead(&*broker);
    for letter in &letters {
        history.dead_lettered(letter.item.id.as_str());
        let is_right = letter.item.headers["fate"] == letter.reason;
        assert!(is_right, "{} ended as {}", letter.item.headers["fate"], letter.reason);
    }
    let report = history.check();
    assert!(report.is_clean(), "{report}");
    let of = |wanted: &str| (0..count).filter(|n| fate(*n) == wanted).count() as u64;
    let bad = of("permanent") + of("attempts");
    assert_eq!((report.confirmed, report.done, report.dead_lettered), (count, count - bad, bad));
    assert_eq!((report.left, report.duplicates.count, report.ended_twice.count), (0, 0, 0));
    let counts = counts(&runtime);
    let again = of("retry") + of("panics") + of("attempts");
    assert_eq!((counts.pulled, counts.retried, counts.gone), (count + again, again, 0));
    assert_eq!((waiting(&*broker), counts.duplicates, counts.concurrent), (0, 0, 0));
    let admission = runtime.status().admission;
    assert_eq!(admission.in_flight, 0);
}

#[test]
fn a_hundred_thousand_items_in_memory() {
    many(&InMemory, 100_000);
}

#[test]
fn five_thousand_items_in_a_file() {
    many(&InFile::default(), 5_000);
}

#[test]
#[ignore = "takes a minute or two"]
fn a_hundred_thousand_items_in_a_file() {
    many(&InFile::default(), 100_000);
}
