//! How much happens, and when.

use std::time::Duration;

pub(crate) fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// What a scenario goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Items that are published at least: more, if that is done before the faults are over.
    pub(crate) items: u64,
}

impl Plan {
    pub(crate) fn new(name: &str) -> Self {
        let seed = from_environment("HEIJUNKA_SEED").unwrap_or_else(|| fastrand::u64(..));
        let items = from_environment("HEIJUNKA_CHAOS_ITEMS").unwrap_or(300);
        println!("{name}: HEIJUNKA_SEED={seed} HEIJUNKA_CHAOS_ITEMS={items}");
        Self { seed, items }
    }

    pub(crate) fn is_long(self) -> bool {
        self.items >= 5_000
    }

    /// This much in the long form, and that in the short one.
    pub(crate) fn pick<T>(self, long: T, short: T) -> T {
        if self.is_long() { long } else { short }
    }

    pub(crate) fn random(self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }

    /// Between two items of one publisher on average, so that the least takes some 5 s in the short form and 20 s in the long one.
    pub(crate) fn pause(self) -> Duration {
        self.pick(Duration::from_secs(20), Duration::from_secs(5))
            / u32::try_from(self.items).unwrap_or(u32::MAX)
            * super::flow::PUBLISHERS
    }
}
