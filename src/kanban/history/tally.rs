//! What a history adds up to: the law of the checker.

use std::collections::HashMap;
use std::sync::Arc;

use super::line::What;
use super::report::{CheckReport, Ids, LostOf};

/// What was told of each item, in the order in which items were first told of.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    items: Vec<Item>,
    places: HashMap<Arc<str>, usize>,
    /// By producer, in the order in which they were first told of: the items it attempted, in its order.
    producers: Vec<(String, Vec<usize>)>,
    /// What may have been held when processes died.
    crashed: u64,
    pub(super) torn: u64,
    pub(super) unwritten: Option<String>,
}

/// How often each was told.
#[derive(Clone, Debug)]
struct Item {
    id: Arc<str>,
    attempted: u64,
    confirmed: u64,
    unknown: u64,
    ran: u64,
    interrupted: u64,
    dead: u64,
    dropped: u64,
    left: u64,
}

impl Item {
    fn new(id: Arc<str>) -> Self {
        let (attempted, confirmed, unknown, ran, interrupted, dead, dropped, left) = (0, 0, 0, 0, 0, 0, 0, 0);
        Self { id, attempted, confirmed, unknown, ran, interrupted, dead, dropped, left }
    }

    /// Whether it is accounted for.
    fn ended(&self) -> bool {
        self.ran + self.dead + self.dropped + self.left > 0
    }

    fn lost(&self) -> bool {
        self.confirmed > 0 && !self.ended()
    }

    /// Successful runs beyond the first.
    fn again(&self) -> u64 {
        self.ran.saturating_sub(1)
    }
}

impl Tally {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn note(&mut self, what: What, id: &str, producer: Option<&str>) {
        if what == What::Crashed {
            self.crashed = self.crashed.saturating_add(id.parse().unwrap_or(0));
            return;
        }
        let place = self.place(id);
        let item = &mut self.items[place];
        let count = match what {
            What::Attempted => &mut item.attempted,
            What::Confirmed => &mut item.confirmed,
            What::Unknown => &mut item.unknown,
            What::Ran => &mut item.ran,
            What::DeadLettered => &mut item.dead,
            What::Dropped => &mut item.dropped,
            What::Left => &mut item.left,
            What::Interrupted | What::Crashed => &mut item.interrupted,
        };
        *count += 1;
        if what == What::Attempted && *count == 1 {
            self.produced(producer.unwrap_or_default(), place);
        }
    }

    fn place(&mut self, id: &str) -> usize {
        if let Some(&place) = self.places.get(id) {
            return place;
        }
        let id: Arc<str> = id.into();
        self.items.push(Item::new(Arc::clone(&id)));
        self.places.insert(id, self.items.len() - 1);
        self.items.len() - 1
    }

    fn produced(&mut self, producer: &str, place: usize) {
        match self.producers.iter_mut().find(|(name, _)| name == producer) {
            Some((_, places)) => places.push(place),
            None => self.producers.push((producer.to_owned(), vec![place])),
        }
    }

    /// Adds what was told to another.
    pub(super) fn merge(&mut self, other: Tally) {
        for theirs in &other.items {
            self.place(&theirs.id);
        }
        for (producer, places) in &other.producers {
            for &place in places {
                let place = self.place(&other.items[place].id);
                if self.items[place].attempted == 0 {
                    self.produced(producer, place);
                }
            }
        }
        for theirs in other.items {
            let place = self.place(&theirs.id);
            let ours = &mut self.items[place];
            ours.attempted += theirs.attempted;
            ours.confirmed += theirs.confirmed;
            ours.unknown += theirs.unknown;
            ours.ran += theirs.ran;
            ours.interrupted += theirs.interrupted;
            ours.dead += theirs.dead;
            ours.dropped += theirs.dropped;
            ours.left += theirs.left;
        }
        self.crashed = self.crashed.saturating_add(other.crashed);
        self.torn += other.torn;
        self.unwritten = self.unwritten.take().or(other.unwritten);
    }

    pub(super) fn check(&self) -> CheckReport {
        let ids = |which: &dyn Fn(&Item) -> bool| {
            let mut ids = Ids::default();
            self.items.iter().filter(|item| which(item)).for_each(|item| ids.add(&item.id));
            ids
        };
        let sum = |what: &dyn Fn(&Item) -> u64| self.items.iter().map(what).sum::<u64>();
        let count = |which: &dyn Fn(&Item) -> bool| sum(&|item| u64::from(which(item)));
        let unexplained = |item: &Item| item.again().saturating_sub(item.unknown + item.interrupted);
        CheckReport {
            attempted: count(&|item| item.attempted > 0),
            confirmed: count(&|item| item.confirmed > 0),
            unknown: count(&|item| item.unknown > 0 && item.confirmed == 0),
            unanswered: count(&|item| item.attempted > 0 && item.unknown + item.confirmed == 0),
            done: count(&|item| item.ran > 0),
            dead_lettered: count(&|item| item.dead > 0),
            dropped: count(&|item| item.dropped > 0),
            left: count(&|item| item.left > 0),
            lost: ids(&Item::lost),
            lost_of: self.lost_of(),
            unexpected: ids(&|item| item.attempted == 0),
            duplicates: ids(&|item| item.ran > 1),
            runs_again: sum(&Item::again),
            unexplained: ids(&|item| unexplained(item) > 0),
            runs_unexplained: sum(&unexplained).saturating_sub(self.crashed),
            recovered: ids(&|item| item.attempted > 0 && item.confirmed == 0 && item.ran > 0),
            ended_twice: ids(&|item| item.ran > 0 && item.dead > 0),
            torn: self.torn,
            unwritten: self.unwritten.clone(),
        }
    }

    /// Of each producer that lost something: how much in each third of what it attempted.
    fn lost_of(&self) -> Vec<LostOf> {
        let lost_of = |(producer, places): &(String, Vec<usize>)| {
            let mut thirds = [0; 3];
            for (nth, &place) in places.iter().enumerate() {
                thirds[nth * 3 / places.len()] += u64::from(self.items[place].lost());
            }
            LostOf { producer: producer.clone(), attempted: places.len() as u64, thirds }
        };
        self.producers.iter().map(lost_of).filter(|of| of.thirds != [0; 3]).collect()
    }
}
