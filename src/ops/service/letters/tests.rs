use std::time::Duration;

use super::*;
use crate::kanban::{
    Broker, Death, Embedded, EmbeddedSettings, ItemSpec, Lane, Settlement, Stored, Verdict, Want,
};
use crate::ops::lines::{Fetched, Pipe};
use crate::priority::Priority;
use crate::time::Clock;

const WITHIN: Duration = Duration::from_secs(5);

struct Subject {
    broker: Arc<Embedded>,
    letters: DeadLetters,
    clock: Clock,
}

impl Subject {
    /// With so many dead letters.
    fn new(count: usize) -> Self {
        let clock = Clock::monotonic();
        let broker = Arc::new(Embedded::in_memory(EmbeddedSettings::default(), clock.clone()));
        let subject = Self { letters: DeadLetters::new(broker.clone(), clock.clone()), broker, clock };
        let item = |_| Arc::new(ItemSpec::new("mail").build(subject.clock.timestamp(), 0).unwrap());
        let items: Vec<_> = (0..count).map(item).collect();
        assert!(subject.broker.publish(&items, WITHIN).iter().all(|stored| *stored == Ok(Stored::New)));
        subject.bury();
        subject
    }

    /// Everything that can be pulled dies.
    fn bury(&self) {
        let lane = Lane { priority: Priority::Normal, domain: Name::new("mail").unwrap() };
        let taken = self.broker.pull(&[Want { lane: &lane, most: 100_000 }], WITHIN).unwrap();
        let settlements = taken.into_iter().map(|delivery| {
            let (reason, error, at) = ("permanent", String::new(), self.clock.timestamp());
            let death = Death { item: delivery.item, reason, error, attempts: 1, at };
            Settlement { ticket: delivery.ticket, verdict: Verdict::DeadLetter(Box::new(death)) }
        });
        self.broker.settle(settlements.collect(), WITHIN);
    }

    fn count(&self) -> u64 {
        self.letters.count().unwrap().count
    }
}

#[test]
fn a_replay_ends_with_its_client() {
    let subject = Subject::new(20);
    let pipe = Pipe::new(|| ());
    let mut lines = Lines::new(pipe.clone(), WITHIN);
    pipe.hang_up();
    assert!(replay(&subject.letters, &Replay::default(), &mut lines).is_err());
    assert_eq!(subject.count(), 19, "the one that could not be told of, and no other");
}

#[test]
fn what_dies_of_a_forced_replay_is_not_replayed_again_by_the_same_request() {
    // More than are looked at in one go.
    let subject = Subject::new(10_500);
    let pipe = Pipe::new(|| ());
    let mut lines = Lines::new(pipe.clone(), WITHIN);
    let (over, is_over) = crate::sync::channel::bounded::<()>(1);
    let told = std::thread::scope(|scope| {
        let told = scope.spawn(|| {
            let mut told = Vec::new();
            loop {
                match pipe.fetch() {
                    Fetched::Piece(piece) => told.extend(piece),
                    Fetched::Nothing => std::thread::yield_now(),
                    _ => return String::from_utf8(told).unwrap(),
                }
            }
        });
        let subject = &subject;
        scope.spawn(move || {
            while is_over.try_recv().is_err() {
                subject.bury();
            }
        });
        let wanted = Replay { force: true, ..Replay::default() };
        let result = replay(&subject.letters, &wanted, &mut lines);
        over.send(()).unwrap();
        pipe.end(result.map(|()| None));
        told.join().unwrap()
    });
    assert_eq!(told.lines().count(), 10_501, "each once, and the end");
}
