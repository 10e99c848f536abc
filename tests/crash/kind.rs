//! What is special about an item. Its id ends in it, so that whoever sees the item knows.

use heijunka::{ItemSpec, Priority};

/// How its handler takes an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At once.
    Quick,
    /// After some milliseconds.
    Slow,
    /// It fails the first two times.
    Flaky,
    /// It panics the first time.
    Panics,
    /// It fails for good.
    Dead,
    /// It ends the process, each time.
    Kills,
}

const ALL: [Kind; 6] = [Kind::Quick, Kind::Slow, Kind::Flaky, Kind::Panics, Kind::Dead, Kind::Kills];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Quick => "quick",
            Kind::Slow => "slow",
            Kind::Flaky => "flaky",
            Kind::Panics => "panics",
            Kind::Dead => "dead",
            Kind::Kills => "kills",
        }
    }

    /// Mostly quick ones.
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..100) {
            0..10 => Kind::Slow,
            10..18 => Kind::Flaky,
            18..21 => Kind::Panics,
            21..26 => Kind::Dead,
            _ => Kind::Quick,
        }
    }

    /// Of an item with this id.
    pub(crate) fn of(id: &str) -> Self {
        let name = id.rsplit('-').next().unwrap();
        ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| panic!("{id} is no id of ours"))
    }

    pub(crate) fn id(self, begin: &str) -> String {
        format!("{begin}-{}", self.name())
    }
}

pub(crate) const DOMAIN: &str = "work";

/// The item of this id: always the same, since it may be published by one process and again by another.
pub(crate) fn spec(id: &str) -> ItemSpec {
    // Of any size and priority.
    let sum = id.bytes().fold(7_usize, |sum, byte| sum * 31 % 65_521 + usize::from(byte));
    let priority = Priority::ALL[sum % 3];
    ItemSpec::new(DOMAIN).id(id).priority(priority).payload(payload(id))
}

/// What the item of this id holds.
pub(crate) fn payload(id: &str) -> String {
    let sum: usize = id.bytes().map(usize::from).sum();
    id.repeat(1 + sum % 40)
}
