//! Dead letters of the embedded broker, whose answers are lost now and then.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;

use super::*;
use crate::kanban::broker::{
    Arrivals, Death, Delivery, Depth, PublishError, Settled, Settlement, Stored, Ticket, Traits, Verdict,
    Want,
};
use crate::kanban::embedded::{Embedded, EmbeddedSettings};
use crate::kanban::item::{Item, ItemSpec, Lane};
use crate::time::ManualTime;

/// The embedded broker behind a bad line: what is next in the list befalls the next publish or removal.
#[derive(Debug)]
struct BadLine {
    broker: Embedded,
    faults: Mutex<VecDeque<Fault>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It works.
    None,
    /// Nothing is done, and that is known.
    Refused,
    /// Nothing is done, and nobody knows.
    Unheard,
    /// It is done, and nobody knows.
    Unanswered,
}

impl BadLine {
    fn next(&self) -> Fault {
        self.faults.lock().pop_front().unwrap_or(Fault::None)
    }
}

const GONE: BrokerError = BrokerError::TimedOut(Duration::ZERO);

impl Broker for BadLine {
    fn traits(&self) -> Traits {
        self.broker.traits()
    }
    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        self.broker.open(lanes, arrivals, within)
    }
    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        match self.next() {
            Fault::None => self.broker.publish(items, within),
            Fault::Refused => vec![Err(PublishError::NotStored(GONE))],
            Fault::Unheard => vec![Err(PublishError::Unknown(GONE))],
            Fault::Unanswered => {
                self.broker.publish(items, within);
                vec![Err(PublishError::Unknown(GONE))]
            }
        }
    }
    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.broker.pull(wants, within)
    }
    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        self.broker.settle(settlements, within)
    }
    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.broker.extend(tickets, within)
    }
    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.broker.depth(lane, within)
    }
    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.broker.item_count(within)
    }
    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.broker.dead_letters(after, most, within)
    }
    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.broker.dead_letter_count(within)
    }
    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        match self.next() {
            Fault::None => self.broker.remove_dead_letter(serial, within),
            Fault::Refused | Fault::Unheard => Err(GONE),
            Fault::Unanswered => self.broker.remove_dead_letter(serial, within).and(Err(GONE)),
        }
    }
    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.broker.put_note(name, note, within)
    }
    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.broker.notes(within)
    }
    fn close(&self, within: Duration) {
        self.broker.close(within);
    }
}

const WITHIN: Duration = Duration::from_secs(1);

struct Subject {
    line: Arc<BadLine>,
    letters: DeadLetters,
    clock: Clock,
    time: ManualTime,
}

impl Subject {
    fn new() -> Self {
        let (clock, time) = Clock::manual();
        let broker = Embedded::in_memory(EmbeddedSettings::default(), clock.clone());
        let line = Arc::new(BadLine { broker, faults: Mutex::default() });
        let letters = DeadLetters::new(line.clone(), clock.clone());
        Self { line, letters, clock, time }
    }

    /// Publishes an item and lets it die.
    fn dies(&self, spec: ItemSpec, reason: &'static str, error: &str) {
        let item = Arc::new(spec.build(self.clock.timestamp(), 1 << 20).unwrap());
        assert_eq!(self.line.broker.publish(&[item], WITHIN), [Ok(Stored::New)]);
        for item in self.lives("mail").into_iter().chain(self.lives("text")) {
            self.end(item, reason, error);
        }
    }

    fn end(&self, Delivery { ticket, item, .. }: Delivery, reason: &'static str, error: &str) {
        let (error, at) = (error.to_owned(), self.clock.timestamp());
        let verdict = Verdict::DeadLetter(Box::new(Death { item, reason, error, attempts: 1, at }));
        let settled = self.line.settle(vec![Settlement { ticket, verdict }], WITHIN);
        assert!(matches!(settled[..], [Settled::Done]));
    }

    /// What can be pulled of a domain.
    fn lives(&self, domain: &str) -> Vec<Delivery> {
        let lane = ItemSpec::new(domain).build(self.clock.timestamp(), 0).unwrap().lane;
        self.line.pull(&[Want { lane: &lane, most: 1000 }], WITHIN).unwrap()
    }

    fn suffers(&self, faults: &[Fault]) {
        self.line.faults.lock().extend(faults);
    }

    fn replay(&self, serial: u64) -> ReplayOutcome {
        self.letters.replay(serial, &ReplayOptions::default()).unwrap().unwrap().outcome
    }

    fn serials(&self, filter: &DeadLetterFilter) -> Vec<u64> {
        self.letters.list(filter, 100).unwrap().letters.iter().map(|letter| letter.serial).collect()
    }

    fn all(&self) -> Vec<u64> {
        self.serials(&DeadLetterFilter::default())
    }
}

fn id(text: &str) -> crate::ItemId {
    crate::ItemId::new(text).unwrap()
}

#[test]
fn they_are_counted_listed_shown_and_dropped() {
    let subject = Subject::new();
    assert_eq!(subject.letters.count().unwrap(), DeadLetterCount::default());
    for number in 1..=250 {
        subject.dies(ItemSpec::new("mail").id(number.to_string()), "permanent", "no");
        subject.time.advance(Duration::from_secs(1));
    }
    let count = subject.letters.count().unwrap();
    assert_eq!((count.count, count.age), (250, Some(Duration::from_secs(250))));
    let (mut filter, mut seen) = (DeadLetterFilter::default(), Vec::new());
    loop {
        let page = subject.letters.list(&filter, 120).unwrap();
        seen.extend(page.letters.iter().map(|letter| letter.serial));
        let Some(next) = page.next else { break };
        filter.after = next;
    }
    assert!(seen.iter().copied().eq(1..=250), "{seen:?}");
    assert_eq!(subject.letters.show(7).unwrap().unwrap().item.id, id("7"));
    assert_eq!(subject.letters.show(0), Ok(None));
    assert_eq!(subject.letters.show(251), Ok(None));
    assert_eq!(subject.letters.drop(7), Ok(true));
    assert_eq!(subject.letters.drop(7), Ok(false));
    assert_eq!(subject.letters.show(7), Ok(None), "not the next one");
    let report = subject.letters.drop_all(&DeadLetterFilter::default(), 3);
    assert_eq!(report, DropReport { dropped: vec![1, 2, 3], next: Some(3), error: None });
    subject.suffers(&[Fault::None, Fault::Refused]);
    let report = subject.letters.drop_all(&DeadLetterFilter::default(), 100);
    assert_eq!(report, DropReport { dropped: vec![4], next: Some(4), error: Some(GONE) });
    let report = subject.letters.drop_all(&DeadLetterFilter::default(), 1000);
    assert_eq!((report.dropped.len(), report.next), (245, None));
    assert!(subject.all().is_empty());
}

#[test]
fn filters_let_through_what_all_of_them_fits() {
    let subject = Subject::new();
    subject.dies(ItemSpec::new("mail").id("a"), "permanent", "no such user: bob");
    subject.time.advance(Duration::from_secs(60));
    subject.dies(ItemSpec::new("text").id("a"), "attempts", "timed out");
    subject.dies(ItemSpec::new("mail").id("b"), "attempts", "no answer");
    let all = DeadLetterFilter::default;
    let name = |text| Some(crate::Name::new(text).unwrap());
    assert_eq!(subject.serials(&all()), [1, 2, 3]);
    assert_eq!(subject.serials(&DeadLetterFilter { domain: name("mail"), ..all() }), [1, 3]);
    assert_eq!(subject.serials(&DeadLetterFilter { reason: Some("attempts".into()), ..all() }), [2, 3]);
    assert_eq!(subject.serials(&DeadLetterFilter { error: Some("no ".into()), ..all() }), [1, 3]);
    assert_eq!(subject.serials(&DeadLetterFilter { id: Some("a".into()), ..all() }), [1, 2]);
    let minute = Some(Duration::from_secs(60));
    assert_eq!(subject.serials(&DeadLetterFilter { older_than: minute, ..all() }), [1]);
    assert_eq!(subject.serials(&DeadLetterFilter { younger_than: minute, ..all() }), [2, 3]);
    assert_eq!(subject.serials(&DeadLetterFilter { after: 2, ..all() }), [3]);
    let both = DeadLetterFilter { domain: name("mail"), reason: Some("attempts".into()), ..all() };
    assert_eq!(subject.serials(&both), [3]);
    subject.replay(1);
    let died_again = subject.lives("mail").pop().unwrap();
    subject.end(died_again, "attempts", "no");
    assert_eq!(subject.serials(&DeadLetterFilter { id: Some("a".into()), ..all() }), [2, 4], "by its old id");
}

#[test]
fn a_replay_is_the_item_under_an_id_of_its_own() {
    let subject = Subject::new();
    let hour = Duration::from_secs(3600);
    let spec = ItemSpec::new("mail").id("a").key("bob").payload("hello").header("x", "y").deadline_in(hour);
    subject.dies(spec, "expired", "late");
    subject.time.advance(hour);
    assert_eq!(subject.replay(1), ReplayOutcome::Replayed(id("a:r1.1")));
    assert!(subject.all().is_empty());
    let again = subject.lives("mail").pop().unwrap();
    let item = &again.item;
    assert_eq!((item.id.as_str(), item.original_id(), item.replays()), ("a:r1.1", "a", 1));
    assert_eq!((item.key.as_deref(), &item.payload[..], item.deadline), (Some("bob"), &b"hello"[..], None));
    assert_eq!(item.headers["x"], "y");
    assert_eq!(item.published, subject.clock.timestamp());
    subject.end(again, "permanent", "no");
    let wanted = ReplayOptions { deadline: Some(hour), ..ReplayOptions::default() };
    let replay = subject.letters.replay(2, &wanted).unwrap().unwrap();
    assert_eq!(replay.outcome, ReplayOutcome::Replayed(id("a:r2.2")), "not a:r1.1:r1.2");
    let item = subject.lives("mail").pop().unwrap().item;
    assert_eq!((item.original_id(), item.replays()), ("a", 2));
    assert_eq!(item.deadline, Some(subject.clock.timestamp().after(hour)));
    assert_eq!(subject.letters.replay(99, &wanted), Ok(None));
}

#[test]
fn two_dead_letters_of_one_id_are_two_items() {
    let subject = Subject::new();
    for payload in ["first", "second"] {
        subject.dies(ItemSpec::new("mail").id("a").payload(payload), "permanent", "no");
    }
    let report = subject.letters.replay_all(&DeadLetterFilter::default(), &ReplayOptions::default());
    assert_eq!((report.letters.len(), report.next, report.error), (2, None, None));
    let mut lives: Vec<_> = subject.lives("mail").iter().map(|lives| lives.item.payload.clone()).collect();
    lives.sort();
    assert_eq!(lives, ["first", "second"], "neither took the other for itself");
}

#[test]
fn what_is_not_advised_must_be_forced() {
    let subject = Subject::new();
    subject.dies(ItemSpec::new("mail").id("a"), "undecodable", "bad header");
    assert_eq!(subject.replay(1), ReplayOutcome::Refused(ReplayRefusal::Undecodable));
    let force = ReplayOptions { force: true, ..ReplayOptions::default() };
    assert!(subject.letters.replay(1, &force).unwrap().unwrap().outcome.is_replayed());
    for serial in 2..=4 {
        let lives = subject.lives("mail").pop().unwrap();
        subject.end(lives, "attempts", "no");
        assert_eq!(subject.replay(serial).is_replayed(), serial < 4, "{serial}");
    }
    assert_eq!(subject.replay(4), ReplayOutcome::Refused(ReplayRefusal::TooOften(3)));
    assert_eq!(subject.all(), [4]);
    let forced = subject.letters.replay(4, &force).unwrap().unwrap();
    assert_eq!(forced.outcome, ReplayOutcome::Replayed(id("a:r4.4")));
    subject.dies(ItemSpec::new("mail").id("b"), "permanent", "no");
    let dry = ReplayOptions { dry_run: true, ..ReplayOptions::default() };
    let report = subject.letters.replay_all(&DeadLetterFilter::default(), &dry);
    assert!(
        report.letters.iter().any(|one| one.outcome.to_string().starts_with("would be replayed as b:r1."))
    );
    assert_eq!(subject.lives("mail").len(), 0, "nothing was published");
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_nor_doubled() {
    use Fault::{None as Works, Refused, Unanswered, Unheard};
    let faults = [Works, Refused, Unheard, Unanswered];
    // All courses of five calls to the broker; then the line is good, and whoever replays does so until it is done.
    for course in 0..4_usize.pow(5) {
        let course: Vec<Fault> = (0..5).map(|nth| faults[course / 4_usize.pow(nth) % 4]).collect();
        let subject = Subject::new();
        subject.dies(ItemSpec::new("mail").id("a"), "attempts", "no");
        subject.suffers(&course);
        let mut outcomes = Vec::new();
        while subject.letters.count().unwrap().count > 0 {
            let before = subject.line.item_count(WITHIN).unwrap();
            let outcome = subject.replay(1);
            let dead = subject.letters.count().unwrap().count;
            let lives = subject.line.item_count(WITHIN).unwrap();
            assert!(dead + lives > 0 && lives <= 1, "{course:?}: {dead} dead, {lives} alive: {outcome}");
            match &outcome {
                ReplayOutcome::Replayed(_) => {
                    assert_eq!((dead, lives), (0, 1), "{course:?}");
                }
                ReplayOutcome::ReplayedBefore(_) => {
                    assert_eq!((before, dead, lives), (1, 0, 1), "{course:?}");
                }
                ReplayOutcome::Kept(..) => assert_eq!(lives, 1, "{course:?}"),
                ReplayOutcome::Failed(error) => {
                    assert_eq!(dead, 1, "{course:?}");
                    let known = matches!(error, PublishError::NotStored(_));
                    assert!(!known || lives == before, "{course:?}");
                }
                other => panic!("{course:?}: {other}"),
            }
            outcomes.push(outcome);
            assert!(outcomes.len() <= 6, "{course:?}: {outcomes:?}");
        }
        assert_eq!(subject.lives("mail").len(), 1, "{course:?}: {outcomes:?}");
    }
}

#[test]
fn a_replay_of_all_keeps_its_bounds_and_tells_where_to_go_on() {
    let subject = Subject::new();
    for number in 1..=5 {
        subject.dies(ItemSpec::new("mail").id(number.to_string()), "permanent", "no");
    }
    let two = ReplayOptions { most: 2, per_second: Some(10.0), ..ReplayOptions::default() };
    let report = subject.letters.replay_all(&DeadLetterFilter::default(), &two);
    assert_eq!((report.letters.len(), report.next), (2, Some(2)));
    subject.suffers(&[Fault::None, Fault::None, Fault::Refused]);
    let report = subject.letters.replay_all(&DeadLetterFilter::default(), &ReplayOptions::default());
    assert_eq!(
        (report.letters.len(), report.next, report.error),
        (2, Some(3), Some(GONE)),
        "it ends with the line"
    );
    assert_eq!(subject.all(), [4, 5]);
    let none = ReplayOptions { longest: Duration::ZERO, ..ReplayOptions::default() };
    let report = subject.letters.replay_all(&DeadLetterFilter::default(), &none);
    assert_eq!((report.letters.len(), report.next), (0, Some(0)));
}

#[test]
fn what_dies_of_being_replayed_is_not_replayed_again_by_the_same_call() {
    let subject = Subject::new();
    for number in 1..=3 {
        subject.dies(ItemSpec::new("mail").id(number.to_string()), "permanent", "no");
    }
    let mut told = Vec::new();
    let ended = subject.letters.replay_each(&DeadLetterFilter::default(), &ReplayOptions::default(), |one| {
        told.push(one.serial);
        for lives in subject.lives("mail") {
            subject.end(lives, "attempts", "no");
        }
        ControlFlow::Continue(())
    });
    assert_eq!(ended, Ok(None));
    assert_eq!(told, [1, 2, 3]);
    assert_eq!(subject.all(), [4, 5, 6]);
}

#[test]
fn a_replay_ends_when_nobody_wants_to_hear_of_it_and_can_be_bound_to_those_of_now() {
    let subject = Subject::new();
    assert_eq!(subject.letters.last(), Ok(0));
    for number in 1..=9 {
        subject.dies(ItemSpec::new("mail").id(number.to_string()), "permanent", "no");
        assert_eq!(subject.letters.last(), Ok(number));
    }
    let options = ReplayOptions::default();
    let mut told = 0;
    let ended = subject.letters.replay_each(&DeadLetterFilter::default(), &options, |one| {
        told += 1;
        if one.serial == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((ended, told), (Ok(Some(2)), 2));
    assert_eq!(subject.all(), [3, 4, 5, 6, 7, 8, 9]);
    let now = DeadLetterFilter { up_to: Some(5), ..DeadLetterFilter::default() };
    assert_eq!(subject.letters.replay_all(&now, &options).letters.len(), 3);
    assert_eq!((subject.all(), subject.letters.last()), (vec![6, 7, 8, 9], Ok(9)));
}
