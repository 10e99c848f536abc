//! Dead letters and notes.

use crate::kanban::broker::BrokerError;
use crate::kanban::conformance::Subject;
use crate::kanban::conformance::stand::{Stand, WITHIN, ids};

/// Kept and removed from its lane, both.
pub(crate) fn a_dead_letter_is_kept_as_it_died(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    assert_eq!(stand.letters(), (0, None));
    stand.publish_ids(&["a", "b"]);
    let death = stand.bury(stand.take_one());
    let letters = stand.broker.dead_letters(0, 10, WITHIN).expect("it lists dead letters");
    let [letter] = &letters[..] else { panic!("one died: {letters:?}") };
    assert!(letter.serial >= 1);
    assert_eq!(*letter.item, *death.item);
    assert_eq!((&*letter.reason, &letter.error), (death.reason, &death.error));
    assert_eq!((letter.attempts, letter.at), (death.attempts, death.at));
    assert_eq!(stand.letters(), (1, Some(death.at)));
    stand.outwait();
    assert_eq!(ids(&stand.take(1)), ["b"]);
    assert_eq!(ids(&stand.pull(9)), [""; 0]);
    assert_eq!(stand.letters().0, 1);
}

/// By serial numbers that rise.
pub(crate) fn dead_letters_are_listed_in_pages(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    for id in ["a", "b", "c", "d", "e"] {
        stand.publish(id);
        stand.bury(stand.take_one());
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = stand.broker.dead_letters(after, 2, WITHIN).expect("it lists dead letters");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        assert!(page.iter().all(|letter| letter.serial > after), "serial numbers rise: {page:?}");
        after = last.serial;
        seen.extend(page.into_iter().map(|letter| letter.item.id.as_str().to_owned()));
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"], "the oldest first");
}

/// Each once.
pub(crate) fn dead_letters_can_be_removed(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let mut died = Vec::new();
    for id in ["a", "b", "c"] {
        stand.publish(id);
        died.push(stand.bury(stand.take_one()).at);
    }
    let list = || stand.broker.dead_letters(0, 10, WITHIN).expect("it lists dead letters");
    let serials: Vec<_> = list().iter().map(|letter| letter.serial).collect();
    let remove = |serial| stand.broker.remove_dead_letter(serial, WITHIN).expect("it can be removed");
    assert!(remove(serials[0]));
    assert!(!remove(serials[0]), "it was removed already");
    assert!(!remove(u64::from(u32::MAX)), "there never was such a one");
    assert_eq!(stand.letters(), (2, Some(died[1])));
    assert!(remove(serials[2]));
    let left: Vec<_> = list().iter().map(|letter| letter.serial).collect();
    assert_eq!(left, [serials[1]]);
    // The number of one that is gone is not given to another.
    stand.publish("d");
    stand.bury(stand.take_one());
    assert!(list()[1].serial > serials[2]);
}

/// Written, replaced, forgotten; listed by name.
pub(crate) fn notes_are_kept(subject: &dyn Subject) {
    let stand = Stand::new(subject);
    let put = |name: &str, note: Option<&[u8]>| stand.broker.put_note(name, note, WITHIN);
    if let Err(BrokerError::Unsupported(_)) = put("b", Some(b"1")) {
        return;
    }
    put("a", Some(&[0, 255])).expect("a note can be written");
    put("c", Some(b"")).expect("an empty note is one");
    put("b", Some(b"2")).expect("a note can be replaced");
    let notes = || stand.broker.notes(WITHIN).expect("notes can be read");
    let named = |name: &str, note: &[u8]| (name.to_owned(), note.to_vec().into());
    assert_eq!(notes(), [named("a", &[0, 255]), named("b", b"2"), named("c", b"")]);
    put("a", None).expect("a note can be forgotten");
    put("never", None).expect("forgetting what is not there is no error");
    assert_eq!(notes(), [named("b", b"2"), named("c", b"")]);
}
