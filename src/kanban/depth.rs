//! The coordinator's law: how many workers the depth of the queue asks for.

use std::collections::VecDeque;

/// What turns a depth into a number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoordinatorSettings {
    /// Samples in the rolling window; 0 counts as 1.
    pub(crate) window: usize,
    /// Items that one more worker is worth; 0 counts as 1.
    pub(crate) items_per_worker: u32,
    /// The fewest workers, and those that even an empty queue asks for.
    pub(crate) target_min: u32,
    /// The most workers; less than `target_min` counts as that.
    pub(crate) target_max: u32,
}

impl Default for CoordinatorSettings {
    fn default() -> Self {
        Self { window: 10, items_per_worker: 20, target_min: 2, target_max: 20 }
    }
}

/// The law: `target = max(target_min, min(target_max, average / items_per_worker + target_min))`, in whole workers, rounded
/// down: with the defaults an average of 19 asks for 2, one of 20 for 3, one of 360 for 20.
///
/// Depths are those of items that are ready: delayed ones will not start sooner with more workers. While the breaker is open
/// the target does not rise, as more workers cannot help; it falls only by a full window, as a few samples may be luck.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coordinator {
    samples: VecDeque<u64>,
    target: u32,
}

impl Coordinator {
    /// Takes a sample of the number of items that are ready, and tells how many workers there should be.
    pub(crate) fn sample(&mut self, ready: u64, breaker_open: bool, settings: CoordinatorSettings) -> u32 {
        let window = settings.window.max(1);
        self.samples.push_back(ready);
        self.samples.drain(..self.samples.len().saturating_sub(window));
        let full = self.samples.len() == window;

        let (least, most) = (settings.target_min, settings.target_max.max(settings.target_min));
        let more = self.average() / u64::from(settings.items_per_worker.max(1));
        let wish = u32::try_from(more).unwrap_or(u32::MAX).saturating_add(least).min(most);
        // Other bounds hold at once.
        let held = self.target.clamp(least, most);
        self.target = match wish {
            more if more > held && breaker_open => held,
            less if less < held && !full => held,
            wish => wish,
        };
        self.target
    }

    /// What the last sample asked for; 0 before the first.
    pub(crate) fn target(&self) -> u32 {
        self.target
    }

    /// The samples in the window, the oldest first.
    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.samples.iter().copied()
    }

    /// Their average, rounded down; 0 if there are none.
    pub(crate) fn average(&self) -> u64 {
        let sum: u128 = self.samples.iter().map(|&sample| u128::from(sample)).sum();
        // An average is not above the largest sample.
        u64::try_from(sum / self.samples.len().max(1) as u128).unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEFAULT: CoordinatorSettings =
        CoordinatorSettings { window: 10, items_per_worker: 20, target_min: 2, target_max: 20 };

    #[test]
    fn k15_the_target_is_a_twentieth_of_the_average_depth_and_two() {
        for (depth, target) in [(0, 2), (19, 2), (20, 3), (100, 7), (359, 19), (360, 20), (u64::MAX, 20)] {
            let mut coordinator = Coordinator::default();
            assert_eq!(coordinator.target(), 0);
            let targets: Vec<u32> = (0..20).map(|_| coordinator.sample(depth, false, DEFAULT)).collect();
            assert_eq!(targets, [target; 20], "depth {depth}");
        }
    }

    #[test]
    fn k15_the_window_is_of_ten_samples() {
        let mut coordinator = Coordinator::default();
        for depth in 0..25 {
            coordinator.sample(depth * 10, false, DEFAULT);
        }
        assert!(coordinator.samples().eq((15..25).map(|depth| depth * 10)), "{coordinator:?}");
        assert_eq!(coordinator.average(), 195);
        assert_eq!(coordinator.target(), 11);
        coordinator.sample(7, false, CoordinatorSettings { window: 3, ..DEFAULT });
        assert!(coordinator.samples().eq([230, 240, 7]));
    }

    #[test]
    fn an_open_breaker_holds_growth_and_not_shrinking() {
        let mut coordinator = Coordinator::default();
        assert_eq!(coordinator.sample(100, false, DEFAULT), 7);
        assert_eq!(coordinator.sample(1000, true, DEFAULT), 7);
        assert_eq!(coordinator.sample(1000, false, DEFAULT), 20);
        for _ in 0..10 {
            coordinator.sample(0, true, DEFAULT);
        }
        assert_eq!(coordinator.target(), 2);
        assert_eq!(coordinator.sample(10_000, true, DEFAULT), 2);
    }

    #[test]
    fn it_falls_only_by_a_full_window() {
        let mut coordinator = Coordinator::default();
        coordinator.sample(1000, false, DEFAULT);
        let targets: Vec<u32> = (0..10).map(|_| coordinator.sample(0, false, DEFAULT)).collect();
        assert_eq!(targets, [20, 20, 20, 20, 20, 20, 20, 20, 7, 2]);
    }

    #[test]
    fn other_bounds_hold_at_once() {
        let mut coordinator = Coordinator::default();
        assert_eq!(coordinator.sample(1000, false, DEFAULT), 20);
        assert_eq!(coordinator.sample(1000, true, CoordinatorSettings { target_max: 5, ..DEFAULT }), 5);
        assert_eq!(coordinator.sample(0, true, CoordinatorSettings { target_min: 9, ..DEFAULT }), 9);
        let odd = CoordinatorSettings { window: 0, items_per_worker: 0, target_min: 7, target_max: 3 };
        assert_eq!(coordinator.sample(u64::MAX, false, odd), 7);
    }

    proptest! {
        #[test]
        fn it_stays_within_bounds_and_moves_only_when_it_may(
            samples in prop::collection::vec((0_u64..2000, any::<bool>()), 1..60),
            window in 1_usize..12,
            per in 1_u32..50,
            least in 0_u32..10,
            most in 0_u32..40,
        ) {
            let settings = CoordinatorSettings { window, items_per_worker: per, target_min: least, target_max: most };
            let (mut coordinator, mut seen, mut before) = (Coordinator::default(), Vec::new(), least);
            for (ready, open) in samples {
                seen.push(ready);
                let target = coordinator.sample(ready, open, settings);
                let last = &seen[seen.len().saturating_sub(window)..];
                let average = last.iter().sum::<u64>() / last.len() as u64;
                let formula = (average / u64::from(per) + u64::from(least)).min(u64::from(most)).max(u64::from(least));
                prop_assert_eq!(coordinator.average(), average);
                prop_assert!(target <= before || !open);
                prop_assert!(target >= before || last.len() == window);
                prop_assert!(u64::from(target) == formula || target == before);
                prop_assert!(u64::from(target) == formula || (formula > u64::from(before) && open) || last.len() < window);
                before = target;
            }
        }
    }
}
