//! The state beside a model of it that is as plain as can be.

use proptest::prelude::*;

use super::*;
use crate::kanban::broker::{Death, Settlement, Verdict};
use crate::kanban::item::ItemSpec;
use crate::priority::Priority;
use crate::time::Timestamp;

const LEASE: Duration = Duration::from_secs(10);
const LANES: [Priority; 2] = [Priority::Normal, Priority::High];

fn settings() -> EmbeddedSettings {
    EmbeddedSettings { max_items: 6, max_dead_letters: 3, lease: LEASE, ..EmbeddedSettings::default() }
}

fn item(id: u8, lane: usize) -> Arc<Item> {
    let spec = ItemSpec::new("mail").id(format!("i{id}")).priority(LANES[lane]).payload(vec![id]);
    Arc::new(spec.build(Timestamp::from_millis(1), 1 << 20).unwrap())
}

fn lane(lane: usize) -> Lane {
    item(0, lane).lane.clone()
}

fn dead(item: &Arc<Item>) -> Verdict {
    let at = Timestamp::from_millis(2);
    Verdict::DeadLetter(Box::new(Death {
        item: item.clone(),
        reason: "permanent",
        error: "no".into(),
        attempts: 1,
        at,
    }))
}

#[derive(Clone, Debug)]
enum Op {
    Publish {
        id: u8,
        lane: usize,
    },
    Pull {
        lane: usize,
        most: usize,
    },
    /// Of the deliveries so far, whether or not their tickets are any good.
    Settle {
        which: usize,
        how: How,
    },
    Extend {
        which: usize,
    },
    Drop {
        serial: u64,
    },
    Note {
        name: u8,
        note: Option<u8>,
    },
    Wait {
        seconds: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Ack,
    Retry(u64),
    Release(u64),
    Die,
}

fn still() -> impl Strategy<Value = Op> {
    let how = prop_oneof![
        2 => Just(How::Ack),
        2 => (0_u64..12).prop_map(How::Retry),
        1 => (0_u64..12).prop_map(How::Release),
        1 => Just(How::Die),
    ];
    prop_oneof![
        4 => (0_u8..10, 0_usize..2).prop_map(|(id, lane)| Op::Publish { id, lane }),
        3 => (0_usize..2, 0_usize..4).prop_map(|(lane, most)| Op::Pull { lane, most }),
        4 => (0_usize..20, how).prop_map(|(which, how)| Op::Settle { which, how }),
        1 => (1_u64..5).prop_map(|serial| Op::Drop { serial }),
        1 => (0_u8..3, any::<Option<u8>>()).prop_map(|(name, note)| Op::Note { name, note }),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => still(),
        1 => (0_usize..20).prop_map(|which| Op::Extend { which }),
        3 => (1_u64..8).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

/// An item in the model, which is a list of them, the oldest first.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: u8,
    lane: usize,
    deliveries: u32,
    failures: u32,
    at: At,
}

#[derive(Clone, Debug, PartialEq)]
enum At {
    Ready,
    Delayed(Moment),
    Unsettled { ticket: usize, until: Moment },
}

#[derive(Debug, Default)]
struct Model {
    items: Vec<Known>,
    letters: Vec<(u64, u8)>,
    serial: u64,
    tickets: usize,
    stored: usize,
    done: usize,
    died: usize,
}

impl Model {
    fn advance(&mut self, now: Moment) {
        for item in &mut self.items {
            match item.at {
                At::Delayed(at) | At::Unsettled { until: at, .. } if at <= now => item.at = At::Ready,
                _ => {}
            }
        }
    }

    fn publish(&mut self, id: u8, lane: usize) -> &'static str {
        if self.items.iter().any(|item| item.id == id) {
            return "duplicate";
        }
        if self.items.len() == 6 {
            return "full";
        }
        self.stored += 1;
        self.items.push(Known { id, lane, deliveries: 0, failures: 0, at: At::Ready });
        "new"
    }

    /// Id, deliveries and failures of what is delivered.
    fn pull(&mut self, lane: usize, most: usize, now: Moment) -> Vec<(u8, u32, u32)> {
        let ready = self.items.iter_mut().filter(|item| item.lane == lane && item.at == At::Ready);
        let taken = ready.take(most).map(|item| {
            item.deliveries += 1;
            item.at = At::Unsettled { ticket: self.tickets, until: now.after(LEASE) };
            self.tickets += 1;
            (item.id, item.deliveries, item.failures)
        });
        taken.collect()
    }

    fn lent(&mut self, which: usize) -> Option<usize> {
        self.items.iter().position(|item| matches!(item.at, At::Unsettled { ticket, .. } if ticket == which))
    }

    fn settle(&mut self, which: usize, how: How, now: Moment) -> &'static str {
        let Some(at) = self.lent(which) else { return "gone" };
        let (failures, undelivered, after) = match how {
            How::Retry(after) => (1, 0, after),
            How::Release(after) => (0, 1, after),
            How::Die if self.letters.len() == 3 => return "full",
            How::Ack | How::Die => {
                let item = self.items.remove(at);
                if matches!(how, How::Die) {
                    self.serial += 1;
                    self.letters.push((self.serial, item.id));
                    self.died += 1;
                } else {
                    self.done += 1;
                }
                return "done";
            }
        };
        let item = &mut self.items[at];
        item.failures += failures;
        item.deliveries -= undelivered;
        item.at = if after == 0 { At::Ready } else { At::Delayed(now.after(Duration::from_secs(after))) };
        "done"
    }
}

/// The state, with what consumers hold of it.
struct Subject {
    state: State,
    deliveries: Vec<(u64, u64, Arc<Item>)>,
    now: Moment,
}

impl Subject {
    fn new() -> Self {
        Self { state: State::new(settings()), deliveries: Vec::new(), now: Moment::default() }
    }

    fn ticket(&self, which: usize) -> Option<(Ticket, Arc<Item>)> {
        let (generation, number, item) = self.deliveries.get(which)?;
        Some((Ticket::new(*generation, *number), item.clone()))
    }

    fn publish(&mut self, id: u8, lane: usize, log: &mut Vec<Change>) -> &'static str {
        match self.state.publish(&item(id, lane), log) {
            Ok(Stored::New) => "new",
            Ok(Stored::Duplicate) => "duplicate",
            Err(PublishError::NotStored(BrokerError::Full(_))) => "full",
            Err(error) => panic!("{error}"),
        }
    }

    fn pull(&mut self, at: usize, most: usize, log: &mut Vec<Change>) -> Vec<(u8, u32, u32)> {
        let taken = self.state.pull(&[Want { lane: &lane(at), most }], self.now, log);
        let seen = taken.iter().map(|d| (d.item.payload[0], d.deliveries, d.failures.unwrap())).collect();
        self.deliveries.extend(taken.into_iter().map(|d| (d.ticket.generation(), d.ticket.number(), d.item)));
        seen
    }

    fn settle(&mut self, which: usize, how: How, log: &mut Vec<Change>) -> &'static str {
        let Some((ticket, item)) = self.ticket(which) else { return "gone" };
        let verdict = match how {
            How::Ack => Verdict::Ack,
            How::Retry(after) => Verdict::Retry { after: Duration::from_secs(after) },
            How::Release(after) => Verdict::Release { after: Duration::from_secs(after) },
            How::Die => dead(&item),
        };
        match self.state.settle(&Settlement { ticket, verdict }, self.now, log) {
            Ok(()) => "done",
            Err(Refusal::Gone) => "gone",
            Err(Refusal::Failed(_)) => "full",
        }
    }

    /// Does what the operation says, without looking at the answers.
    fn apply(&mut self, op: &Op, log: &mut Vec<Change>) {
        match *op {
            Op::Publish { id, lane } => drop(self.publish(id, lane, log)),
            Op::Pull { lane, most } => drop(self.pull(lane, most, log)),
            Op::Settle { which, how } => drop(self.settle(which, how, log)),
            Op::Extend { which } => {
                if let Some((ticket, _)) = self.ticket(which) {
                    self.state.extend(&ticket, self.now);
                }
            }
            Op::Drop { serial } => drop(self.state.remove_dead_letter(serial, log)),
            Op::Note { name, note } => {
                let note = note.map(|note| [note]);
                self.state.put_note(&format!("n{name}"), note.as_ref().map(|n| &n[..]), log).unwrap();
            }
            Op::Wait { seconds } => self.now = self.now.after(Duration::from_secs(seconds)),
        }
    }

    /// All that is kept, in a form that can be compared.
    fn books(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let state = &self.state;
        let entries = state.entries.iter().map(|(number, entry)| (*number, format!("{entry:?}")));
        (
            entries.collect::<BTreeMap<_, _>>(),
            (state.delayed.clone(), state.leases.clone(), state.letters.clone(), state.notes.clone()),
            (state.bytes, state.index.len(), state.tickets.len()),
            state.queues.iter().map(|q| (q.ready, q.delayed, q.unsettled)).collect::<Vec<_>>(),
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn it_is_what_the_plain_model_is(ops in prop::collection::vec(any_op(), 1..120)) {
        let (mut subject, mut model, mut log) = (Subject::new(), Model::default(), Vec::new());
        for op in &ops {
            let now = subject.now;
            if !matches!(op, Op::Publish { .. }) {
                model.advance(now);
            }
            match *op {
                Op::Publish { id, lane } => {
                    prop_assert_eq!(subject.publish(id, lane, &mut log), model.publish(id, lane));
                }
                Op::Pull { lane, most } => {
                    prop_assert_eq!(subject.pull(lane, most, &mut log), model.pull(lane, most, now));
                }
                Op::Settle { which, how } => {
                    prop_assert_eq!(subject.settle(which, how, &mut log), model.settle(which, how, now));
                }
                Op::Extend { which } => {
                    subject.apply(op, &mut log);
                    if let Some(at) = model.lent(which) {
                        model.items[at].at = At::Unsettled { ticket: which, until: now.after(LEASE) };
                    }
                }
                Op::Drop { serial } => {
                    let before = model.letters.len();
                    model.letters.retain(|letter| letter.0 != serial);
                    let found = subject.state.remove_dead_letter(serial, &mut log);
                    prop_assert_eq!(found, model.letters.len() < before);
                }
                Op::Note { .. } | Op::Wait { .. } => subject.apply(op, &mut log),
            }
            model.advance(subject.now);
            let letters = subject.state.dead_letters(0, 9);
            let letters: Vec<_> = letters.iter().map(|l| (l.serial, l.item.payload[0])).collect();
            prop_assert_eq!(&letters, &model.letters);
            for at in 0..2 {
                let depth = subject.state.depth(&lane(at), subject.now);
                let count = |wanted: fn(&At) -> bool| {
                    model.items.iter().filter(|i| i.lane == at && wanted(&i.at)).count() as u64
                };
                prop_assert_eq!(depth.ready, count(|at| *at == At::Ready));
                prop_assert_eq!(depth.delayed, count(|at| matches!(at, At::Delayed(_))));
                prop_assert_eq!(depth.unsettled, count(|at| matches!(at, At::Unsettled { .. })));
            }
            let kept = subject.state.entries.len();
            prop_assert_eq!(model.stored, model.done + model.died + kept, "nothing is lost");
            let weights = subject.state.entries.values().map(|e| weight(&e.item)).sum::<u64>();
            prop_assert!(subject.state.bytes >= weights);
            prop_assert_eq!(subject.state.bytes == weights, letters.is_empty());
        }
    }

    #[test]
    fn what_is_taken_back_was_never_there(
        before in prop::collection::vec(any_op(), 0..60),
        taken_back in prop::collection::vec(still(), 1..60),
    ) {
        let (mut subject, mut twin, mut log) = (Subject::new(), Subject::new(), Vec::new());
        for op in &before {
            subject.apply(op, &mut log);
            twin.apply(op, &mut log);
        }
        subject.state.advance(subject.now);
        twin.state.advance(twin.now);
        for at in 0..2 {
            subject.state.queue_of(&lane(at));
            twin.state.queue_of(&lane(at));
        }
        let mut log = Vec::new();
        for op in &taken_back {
            subject.apply(op, &mut log);
        }
        subject.state.undo(log);
        prop_assert_eq!(subject.books(), twin.books());
        // And what follows is the same.
        for at in 0..2 {
            let mut log = Vec::new();
            prop_assert_eq!(subject.pull(at, 9, &mut log), twin.pull(at, 9, &mut log));
        }
    }
}

#[test]
fn a_ring_goes_to_those_who_got_less_than_they_wanted_and_once() {
    let parker = crate::sync::Parker::new();
    let mut subject = Subject::new();
    let rings = |subject: &mut Subject| subject.state.take_rings().len();
    let log = &mut Vec::new();
    subject.state.open(&lane(0), Arrivals::to(&parker));
    subject.publish(1, 0, log);
    assert_eq!(rings(&mut subject), 1, "who has just come is told");
    subject.publish(2, 0, log);
    assert_eq!(rings(&mut subject), 0, "who was told is awake");
    assert_eq!(subject.pull(0, 2, log).len(), 2);
    subject.publish(3, 0, log);
    assert_eq!(rings(&mut subject), 0, "who got all that was wanted asks again by itself");
    assert_eq!(subject.pull(0, 2, log).len(), 1);
    subject.publish(4, 1, log);
    assert_eq!(rings(&mut subject), 0, "that is another lane");
    subject.settle(0, How::Retry(5), log);
    subject.now = subject.now.after(Duration::from_secs(5));
    subject.state.advance(subject.now);
    assert_eq!(rings(&mut subject), 1, "what is to be tried again is an arrival as well");
}

#[test]
fn a_full_broker_says_of_what_and_keeps_what_it_has() {
    let mut state = State::new(EmbeddedSettings { max_bytes: 600, ..settings() });
    for id in 0..2 {
        assert!(state.publish(&item(id, 0), &mut Unlogged).is_ok());
    }
    let Err(PublishError::NotStored(BrokerError::Full(why))) = state.publish(&item(2, 0), &mut Unlogged)
    else {
        panic!("it is full");
    };
    assert!(why.contains("max_bytes"), "{why}");
    assert_eq!(state.publish(&item(1, 0), &mut Unlogged), Ok(Stored::Duplicate));
    let large = ItemSpec::new("mail").payload(vec![0; 2]).build(Timestamp::default(), 2).unwrap();
    let mut state = State::new(EmbeddedSettings { max_payload: 1, ..settings() });
    let refused = state.publish(&Arc::new(large), &mut Unlogged);
    assert_eq!(refused, Err(PublishError::Invalid(ItemError::TooLarge { bytes: 2, most: 1 })));
}
