//! What the cases have in hand: a broker, and short words for what is done with it.

use std::sync::Arc;
use std::time::Duration;

use super::Subject;
use crate::kanban::broker::{
    Arrivals, Broker, Death, Delivery, Depth, Settled, Settlement, Stored, Ticket, Verdict, Want,
};
use crate::kanban::item::{Item, ItemSpec, Lane};
use crate::kanban::name::Name;
use crate::priority::Priority;
use crate::sync::Parker;
use crate::time::{Clock, Moment, Timestamp};

/// How long a call may take.
pub(super) const WITHIN: Duration = Duration::from_secs(10);

/// What has not happened by then will not.
pub(super) const HANGS: Duration = Duration::from_secs(30);

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(5);

/// A broker, open for the lanes of the cases.
pub(super) struct Stand<'a> {
    subject: &'a dyn Subject,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) clock: Clock,
    parker: Parker,
    pub(super) arrivals: Arrivals,
}

/// The lane of this priority of the domain `mail`.
pub(super) fn lane(priority: Priority) -> Lane {
    lane_of("mail", priority)
}

pub(super) fn lane_of(domain: &str, priority: Priority) -> Lane {
    Lane { priority, domain: Name::new(domain).expect("it is a name") }
}

impl<'a> Stand<'a> {
    /// Forgets rings of before.
    pub(super) fn forget_rings(&self) {
        self.arrivals.forget();
        self.parker.park_timeout(Duration::ZERO);
    }

    /// Waits for a ring, at most so long.
    pub(super) fn wait_for_ring(&self, patience: Duration) {
        self.parker.park_timeout(patience);
    }

    pub(super) fn new(subject: &'a dyn Subject) -> Self {
        let clock = Clock::monotonic();
        let parker = Parker::new();
        let arrivals = Arrivals::to(&parker);
        let stand = Self { subject, broker: subject.open(), clock, parker, arrivals };
        stand.open();
        stand
    }

    fn open(&self) {
        let mut lanes: Vec<_> = Priority::ALL.map(lane).into();
        lanes.push(lane_of("sms", Priority::Normal));
        let arrivals = self.arrivals.clone();
        self.broker.open(&lanes, arrivals, WITHIN).expect("lanes can be opened");
    }

    /// Closes the broker, and opens it anew.
    pub(super) fn reopen(&mut self) {
        self.broker.close(WITHIN);
        self.broker = self.subject.open();
        self.open();
    }

    pub(super) fn durable(&self) -> bool {
        self.broker.traits().durable
    }

    pub(super) fn lease(&self) -> Duration {
        self.broker.traits().lease
    }

    pub(super) fn make(&self, spec: ItemSpec) -> Arc<Item> {
        let item = spec.build(self.clock.timestamp(), usize::MAX);
        Arc::new(item.expect("it is an item"))
    }

    /// An item of this id, for the normal lane of `mail`.
    pub(super) fn item(&self, id: &str) -> Arc<Item> {
        self.make(ItemSpec::new("mail").id(id).payload(id.to_owned()))
    }

    /// Publishes items that must be new.
    pub(super) fn publish_all(&self, items: &[Arc<Item>]) {
        let answers = self.broker.publish(items, WITHIN);
        assert_eq!(answers.len(), items.len(), "one answer each");
        for (item, answer) in items.iter().zip(answers) {
            assert_eq!(answer, Ok(Stored::New), "{item:?}");
        }
    }

    pub(super) fn publish(&self, id: &str) -> Arc<Item> {
        let item = self.item(id);
        self.publish_all(std::slice::from_ref(&item));
        item
    }

    /// Publishes items of these ids, each later than the one before.
    pub(super) fn publish_ids(&self, ids: &[&str]) {
        for id in ids {
            self.publish(id);
        }
    }

    /// Asks once for so many of the normal lane.
    pub(super) fn pull(&self, most: usize) -> Vec<Delivery> {
        self.pull_from(&lane(Priority::Normal), most)
    }

    pub(super) fn pull_from(&self, lane: &Lane, most: usize) -> Vec<Delivery> {
        let taken = self.broker.pull(&[Want { lane, most }], WITHIN).expect("it can be pulled from");
        assert!(taken.len() <= most, "{} were given, {most} wanted", taken.len());
        taken
    }

    /// Asks until so many came.
    pub(super) fn take(&self, count: usize) -> Vec<Delivery> {
        self.take_from(&lane(Priority::Normal), count)
    }

    pub(super) fn take_from(&self, lane: &Lane, count: usize) -> Vec<Delivery> {
        let mut taken = Vec::new();
        self.until(&format!("{count} items of {}", lane.subject()), || {
            taken.extend(self.pull_from(lane, count - taken.len()));
            taken.len() == count
        });
        taken
    }

    pub(super) fn take_one(&self) -> Delivery {
        self.take(1).pop().expect("one was taken")
    }

    /// Looks until it is so.
    pub(super) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let since = self.clock.now();
        while !is_so() {
            assert!(self.passed(since) < HANGS, "it never came to this: {what}");
            std::thread::sleep(LOOK);
        }
    }

    /// Real time since then.
    pub(super) fn passed(&self, since: Moment) -> Duration {
        self.clock.now().since(since)
    }

    pub(super) fn settle(&self, ticket: Ticket, verdict: Verdict) -> Settled {
        let mut answers = self.broker.settle(vec![Settlement { ticket, verdict }], WITHIN);
        assert_eq!(answers.len(), 1, "one answer each");
        answers.remove(0)
    }

    /// Settles what must be settled.
    pub(super) fn settled(&self, ticket: Ticket, verdict: Verdict) {
        let answer = self.settle(ticket, verdict);
        assert!(matches!(answer, Settled::Done), "{answer:?}");
    }

    pub(super) fn ack(&self, delivery: Delivery) {
        self.settled(delivery.ticket, Verdict::Ack);
    }

    /// Makes it a dead letter.
    pub(super) fn bury(&self, delivery: Delivery) -> Death {
        let death = Death {
            item: delivery.item,
            reason: "permanent",
            error: "it cannot be done: ä\n".into(),
            attempts: 3,
            at: self.clock.timestamp(),
        };
        self.settled(delivery.ticket, Verdict::DeadLetter(Box::new(death.clone())));
        death
    }

    pub(super) fn depth(&self) -> Depth {
        self.broker.depth(&lane(Priority::Normal), WITHIN).expect("it knows how much waits")
    }

    pub(super) fn letters(&self) -> (u64, Option<Timestamp>) {
        self.broker.dead_letter_count(WITHIN).expect("it counts dead letters")
    }

    /// Waits until every lease of now has passed.
    pub(super) fn outwait(&self) {
        std::thread::sleep(self.lease() + self.lease() / 4);
    }
}

/// The same ticket once more, as nobody but a test can make it.
pub(super) fn copy(ticket: &Ticket) -> Ticket {
    Ticket::new(ticket.generation(), ticket.number())
}

/// The ids of deliveries, in their order.
pub(super) fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.item.id.as_str()).collect()
}
