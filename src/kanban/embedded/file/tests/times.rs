//! Delays, and clocks that are set.

use super::*;

fn open_at(path: &Path, clock: &Clock) -> Embedded {
    let settings = EmbeddedSettings { lease: Duration::from_secs(7200), ..EmbeddedSettings::default() };
    Embedded::in_file(path, settings, Durability::Process, clock.clone()).unwrap()
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

#[test]
fn after_a_restart_nothing_waits_longer_than_its_delay() {
    let folder = Folder::new("set-back");
    // Clocks by hand all begin at the same time: the second is ten hours behind the first.
    let (first, time) = Clock::manual();
    time.advance(hours(10));
    let broker = open_at(&folder.file(), &first);
    publish(&broker, "a").unwrap();
    let taken = pull(&broker, 1).remove(0);
    assert!(matches!(settle(&broker, taken.ticket, Verdict::Retry { after: hours(1) }), Settled::Done));
    drop(broker);

    let (second, time) = Clock::manual();
    let broker = open_at(&folder.file(), &second);
    assert_eq!(pull(&broker, 1).len(), 0, "its time has not come");
    time.advance(hours(1));
    assert_eq!(pull(&broker, 1).len(), 1, "it has waited as long as it was told to");
    drop(broker);
}

#[test]
fn after_a_restart_a_delay_goes_on_where_it_was() {
    let folder = Folder::new("goes-on");
    let (first, _) = Clock::manual();
    let broker = open_at(&folder.file(), &first);
    publish(&broker, "a").unwrap();
    let taken = pull(&broker, 1).remove(0);
    assert!(matches!(settle(&broker, taken.ticket, Verdict::Release { after: hours(3) }), Settled::Done));
    drop(broker);
    let (second, time) = Clock::manual();
    time.advance(hours(2));
    let broker = open_at(&folder.file(), &second);
    assert_eq!(pull(&broker, 1).len(), 0);
    time.advance(hours(1));
    assert_eq!(pull(&broker, 1).len(), 1);
}
