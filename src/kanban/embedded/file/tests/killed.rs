//! Processes that are killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::*;

/// Publishes and settles without end, and says what was confirmed.
#[test]
#[ignore = "is started by another test"]
fn work_until_killed() {
    let Some(file) = given_file() else { return };
    let broker = open(&file);
    let round = std::env::var("HEIJUNKA_TEST_ROUND").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (broker, round) = (&broker, &round);
            scope.spawn(move || {
                for n in 0.. {
                    let id = format!("r{round}-{thread}-{n}");
                    publish(broker, &id).unwrap();
                    say("stored", &id);
                }
            });
        }
        loop {
            for delivery in pull(&broker, 2) {
                let id = delivery.item.id.clone();
                // Said before it is done: what is not confirmed may be either.
                say("settling", id.as_str());
                assert!(matches!(settle(&broker, delivery.ticket, Verdict::Ack), Settled::Done));
                say("done", id.as_str());
            }
        }
    });
}

fn say(what: &str, id: &str) {
    // In one piece, so that a line is whole or missing.
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{what} {id}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
fn what_was_confirmed_survives_a_kill_and_nothing_else_comes_back() {
    let folder = Folder::new("killed");
    let (mut stored, mut settling, mut done) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for round in 0..6 {
        let mut child = again("killed::work_until_killed", &folder.file())
            .env("HEIJUNKA_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wanted = 150 + round * 37;
        for line in lines {
            // What it said before it was killed is read to the end.
            let Ok(line) = line else { break };
            let Some((what, id)) = line.split_once(' ') else { continue };
            let id = id.to_owned();
            match what {
                "stored" => stored.insert(id),
                "settling" => settling.insert(id),
                "done" => done.insert(id),
                _ => continue,
            };
            wanted -= 1;
            if wanted == 0 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(wanted <= 0, "it was killed while it worked");
        let broker = open(&folder.file());
        let left: BTreeSet<_> =
            pull(&broker, 100_000).iter().map(|delivery| delivery.item.id.as_str().to_owned()).collect();
        let lost: Vec<_> = stored.difference(&left).filter(|id| !settling.contains(*id)).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        let undone: Vec<_> = done.intersection(&left).collect();
        assert!(undone.is_empty(), "round {round}: {undone:?}");
    }
    assert!(!done.is_empty());
}

/// Takes an item and dies of it.
#[test]
#[ignore = "is started by another test"]
fn die_of_an_item() {
    let Some(file) = given_file() else { return };
    let broker = open(&file);
    let taken = pull(&broker, 1);
    assert_eq!(taken.len(), 1);
    std::process::abort();
}

#[test]
fn an_item_that_kills_its_process_is_counted_each_time() {
    let folder = Folder::new("poison");
    assert_eq!(publish(&open(&folder.file()), "poison"), Ok(Stored::New));
    for _ in 0..4 {
        let output = again("killed::die_of_an_item", &folder.file()).output().unwrap();
        assert!(output.status.code().is_none(), "it died of a signal: {output:?}");
    }
    let taken = pull(&open(&folder.file()), 1).remove(0);
    assert_eq!((taken.deliveries, taken.failures), (5, Some(0)));
}
