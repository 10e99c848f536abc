//! Files that are not as they should be.

use redb::{Database, ReadableTable, TableDefinition};

use super::*;
use crate::kanban::embedded::file::store::{ITEMS, META};

fn refused(path: &Path) -> String {
    match try_open(path) {
        Err(BrokerError::Unusable(why)) => {
            assert!(why.contains(&*path.display().to_string()), "it names the file: {why}");
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_directory_is_said() {
    let folder = Folder::new("missing");
    assert!(refused(&folder.0.join("no/queue.redb")).contains("create it"));
    assert!(refused(&folder.0).contains("set broker.path"), "a directory is no file");
}

#[test]
fn an_empty_file_becomes_a_queue() {
    let folder = Folder::new("empty");
    std::fs::write(folder.file(), "").unwrap();
    assert_eq!(publish(&open(&folder.file()), "a"), Ok(Stored::New));
    assert_eq!(pull(&open(&folder.file()), 9).len(), 1);
}

#[test]
fn foreign_files_are_left_as_they_are() {
    let folder = Folder::new("foreign");
    let text = "not a queue, but somebody's letters\n".repeat(1000);
    std::fs::write(folder.file(), &text).unwrap();
    assert!(refused(&folder.file()).contains("another kind"));
    assert_eq!(std::fs::read_to_string(folder.file()).unwrap(), text);

    let other = folder.0.join("other.redb");
    let database = Database::create(&other).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 1).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(refused(&other).contains("another program"));
}

#[test]
fn a_newer_format_is_said() {
    let folder = Folder::new("newer");
    drop(open(&folder.file()));
    let database = Database::open(folder.file()).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(META).unwrap().insert("format", 2).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(refused(&folder.file()).contains("format 2"));
}

#[test]
fn a_file_that_was_cut_short_is_said_wherever_it_was_cut() {
    let folder = Folder::new("short");
    let broker = open(&folder.file());
    for n in 0..200 {
        publish(&broker, &format!("i{n}")).unwrap();
    }
    drop(broker);
    let whole = std::fs::read(folder.file()).unwrap();
    let short = folder.0.join("short.redb");
    for part in [1, 5, 9, 63, 320, 4096, 5000, whole.len() / 2, whole.len() - 4096] {
        std::fs::write(&short, &whole[..part]).unwrap();
        refused(&short);
    }
    // Noise in the middle is found, or changes nothing.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut noisy = whole.clone();
        noisy[at..].iter_mut().take(300).for_each(|byte| *byte ^= 0x5A);
        std::fs::write(&short, noisy).unwrap();
        if let Ok(broker) = try_open(&short) {
            let _ = broker.pull(&[Want { lane: &lane(), most: 200 }], WITHIN);
        }
    }
}

#[test]
fn one_broker_at_a_time_has_the_file() {
    let folder = Folder::new("twice");
    let first = open(&folder.file());
    assert!(refused(&folder.file()).contains("open already"));
    assert_eq!(publish(&first, "a"), Ok(Stored::New), "the first is not disturbed");
    drop(first);
    let output = again("bad_files::open_in_another_process", &folder.file()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let first = open(&folder.file());
    let output = again("bad_files::open_in_another_process", &folder.file()).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("open already"), "{output:?}");
    assert_eq!(publish(&first, "b"), Ok(Stored::New));
}

#[test]
#[ignore = "is started by another test"]
fn open_in_another_process() {
    if let Some(file) = given_file() {
        drop(open(&file));
    }
}

#[test]
fn what_cannot_be_read_is_delivered_with_its_fault_or_becomes_a_dead_letter() {
    let folder = Folder::new("undecodable");
    let broker = open(&folder.file());
    for id in ["a", "b", "c"] {
        publish(&broker, id).unwrap();
    }
    drop(broker);
    let database = Database::open(folder.file()).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut items = write.open_table(ITEMS).unwrap();
        let whole = items.get(1).unwrap().unwrap().value().to_vec();
        items.insert(1, &whole[..40]).unwrap();
        items.insert(2, &b"noise"[..]).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let broker = open(&folder.file());
        let taken = pull(&broker, 9);
        assert_eq!(taken.len(), 2);
        assert!(taken[0].fault.as_ref().is_some_and(|fault| fault.contains("item 1")), "{taken:?}");
        assert_eq!((taken[1].item.id.as_str(), &taken[1].fault), ("c", &None));
        let letters = broker.dead_letters(0, 9, WITHIN).unwrap();
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!((&*letters[0].reason, &letters[0].item.payload[..]), ("undecodable", &b"noise"[..]));
    }
}
