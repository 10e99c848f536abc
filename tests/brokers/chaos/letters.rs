//! What is special about an item, and what is left of items in the end. An item's id ends in its kind.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Broker, Clock, DeadLetter, DeadLetterFilter, DeadLetters, ItemSpec, Priority};

pub(crate) const DOMAIN: &str = "work";

pub(crate) const WITHIN: Duration = Duration::from_secs(30);

/// How its handler takes an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At once.
    Quick,
    /// After some milliseconds.
    Slow,
    /// It fails the first time.
    Flaky,
    /// It fails for good.
    Dead,
}

const ALL: [(Kind, &str); 4] =
    [(Kind::Quick, "quick"), (Kind::Slow, "slow"), (Kind::Flaky, "flaky"), (Kind::Dead, "dead")];

impl Kind {
    /// Mostly quick ones.
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..100) {
            0..25 => Kind::Slow,
            25..29 => Kind::Flaky,
            29..32 => Kind::Dead,
            _ => Kind::Quick,
        }
    }

    pub(crate) fn of(id: &str) -> Self {
        let name = id.rsplit('-').next().unwrap_or_default();
        ALL.iter().find(|(_, its)| *its == name).unwrap_or_else(|| panic!("{id} is no id of ours")).0
    }

    pub(crate) fn id(self, begin: &str) -> String {
        let (_, name) = ALL.iter().find(|(kind, _)| *kind == self).unwrap();
        format!("{begin}-{name}")
    }
}

/// The item of this id: always the same, as it may be published again.
pub(crate) fn spec(id: &str) -> ItemSpec {
    let sum: usize = id.bytes().map(usize::from).sum();
    ItemSpec::new(DOMAIN).id(id).priority(Priority::ALL[sum % 3]).payload(payload(id))
}

/// What the item of this id holds.
pub(crate) fn payload(id: &str) -> String {
    let sum: usize = id.bytes().map(usize::from).sum();
    id.repeat(1 + sum % 40)
}

pub(crate) fn dead(broker: &Arc<dyn Broker>) -> Vec<DeadLetter> {
    let all = DeadLetters::new(broker.clone(), Clock::monotonic());
    let (mut letters, mut filter) = (Vec::new(), DeadLetterFilter::default());
    loop {
        let clock = Clock::monotonic();
        let since = clock.now();
        let page = loop {
            match all.list(&filter, 500) {
                Ok(page) => break page,
                // RabbitMQ goes through all of them, which may be many, on a machine that has much else to do.
                Err(error) => assert!(clock.now().since(since) < WITHIN, "the dead letters: {error}"),
            }
        };
        letters.extend(page.letters);
        match page.next {
            Some(next) => filter.after = next,
            None => return letters,
        }
    }
}
