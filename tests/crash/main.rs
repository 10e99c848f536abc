//! The crash test: a process that publishes and consumes on a file is killed with SIGKILL at random moments, again and again,
//! and after each time nothing that was confirmed is lost, nothing is made up, and nothing ran again without a reason.
//!
//! `HEIJUNKA_CRASHES` sets how often it is killed in each of the two main tests (12 and 8 unless told), `HEIJUNKA_SEED` when and what for. Printed
//! either way: a run that fails is repeated with its seed, as far as threads can be made to repeat anything.
//!
//! The process is this program once more, told by its environment to live (`life.rs`); this one kills it (`killer.rs`) and looks at what it
//! left (`look.rs`). The twins are processes that break the contract: the test has to find them out.
#![cfg(unix)]

mod folder;
mod killer;
mod kind;
mod life;
mod look;
mod plan;
mod poison;

use killer::{Killer, Verdict};
use plan::{Sync, Twin};

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn seed() -> u64 {
    from_environment("HEIJUNKA_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// Kills so often, and looks after each time.
fn survive(name: &str, sync: Sync, crashes: u64) {
    let crashes = from_environment("HEIJUNKA_CRASHES").unwrap_or(crashes);
    let mut killer = Killer::new(name, sync, Twin::None, seed());
    while killer.kills() < crashes {
        killer.round();
        killer.verdict().must_be_clean();
    }
    killer.settle();
    let verdict = killer.verdict();
    println!("{}\n{}", killer.course(), verdict.report);
    verdict.must_be_clean();
    assert_eq!(verdict.report.left, 0, "it was drained");
    assert!(verdict.report.done > 0 && verdict.report.dead_lettered > 0, "there was something to lose");
}

#[test]
fn a_process_that_is_killed_loses_nothing() {
    survive("process", Sync::Process, 12);
}

#[test]
fn a_process_that_is_killed_loses_nothing_where_the_disk_is_waited_for() {
    survive("disk", Sync::Disk, 8);
}

/// What the test finds of a process that breaks the contract, at the first time at which it finds anything.
fn found(name: &str, twin: Twin) -> Verdict {
    let mut killer = Killer::new(name, Sync::Process, twin, seed());
    for _ in 0..20 {
        killer.round();
        let verdict = killer.verdict();
        if !verdict.is_clean() {
            return verdict;
        }
    }
    panic!("nothing was found of {twin:?}\n{}", killer.course());
}

#[test]
fn twin_that_confirms_before_it_stores_is_found_out() {
    assert!(!found("liar", Twin::ConfirmsBeforeItStores).report.lost.is_empty());
}

#[test]
fn twin_that_acknowledges_before_it_runs_is_found_out() {
    assert!(!found("hasty", Twin::AcknowledgesBeforeItRuns).report.lost.is_empty());
}

#[test]
fn twin_that_keeps_items_in_memory_is_found_out() {
    assert!(!found("memory", Twin::KeepsItemsInMemory).report.lost.is_empty());
}

#[test]
fn twin_that_runs_an_item_twice_is_found_out() {
    assert!(!found("twice", Twin::RunsTwice).twice_in_a_life.is_empty());
}
