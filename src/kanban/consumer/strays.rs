//! The law of strays: items in lanes that are not consumed here, of which it does not show that somebody else consumes them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kanban::item::Lane;

/// From one look to the next.
pub(super) const EVERY: Duration = Duration::from_secs(60);

/// After so many looks in a row that found no fewer items than the one before, they count as strays.
const LOOKS: u32 = 3;

/// Lanes that are watched at most: anybody may make up names.
const MOST: usize = 100;

/// The lanes that are watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Strays(BTreeMap<Lane, Watch>);

#[derive(Clone, Copy, Debug)]
struct Watch {
    items: u64,
    looks: u32,
    told: bool,
}

impl Strays {
    /// Takes note of the lanes that hold items and are not consumed here. Tells of those that now count as strays, each once until it is
    /// empty.
    pub(super) fn look(&mut self, holding: impl IntoIterator<Item = (Lane, u64)>) -> Vec<(Lane, u64)> {
        let holding: BTreeMap<Lane, u64> = holding.into_iter().filter(|(_, items)| *items > 0).collect();
        self.0.retain(|lane, _| holding.contains_key(lane));
        let mut found = Vec::new();
        for (lane, items) in holding {
            if self.0.len() >= MOST && !self.0.contains_key(&lane) {
                continue;
            }
            let watch = self.0.entry(lane.clone()).or_insert(Watch { items, looks: 0, told: false });
            // Fewer than before: somebody works on them.
            watch.looks = if items < watch.items { 1 } else { watch.looks.saturating_add(1) };
            watch.items = items;
            if watch.looks >= LOOKS && !watch.told {
                watch.told = true;
                found.push((lane, items));
            }
        }
        found
    }

    /// The lanes that count as strays, and how many items each has.
    pub(super) fn present(&self) -> Vec<(Lane, u64)> {
        let strays = self.0.iter().filter(|(_, watch)| watch.looks >= LOOKS);
        strays.map(|(lane, watch)| (lane.clone(), watch.items)).collect()
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;
    use crate::kanban::name::Name;
    use crate::priority::Priority;

    fn lane(domain: &str) -> Lane {
        Lane { priority: Priority::Normal, domain: Name::new(domain).unwrap() }
    }

    /// What is told at each look that finds so many items.
    fn told(counts: &[u64]) -> Vec<bool> {
        let mut strays = Strays::default();
        let look = |count: &u64| !strays.look([(lane("lost"), *count)]).is_empty();
        counts.iter().map(look).collect()
    }

    #[test]
    fn what_stays_for_three_looks_is_told_once() {
        assert_eq!(told(&[5, 5, 5, 5, 9]), [false, false, true, false, false]);
        assert_eq!(told(&[1, 2, 7, 9]), [false, false, true, false]);
    }

    #[test]
    fn what_becomes_fewer_is_consumed_elsewhere() {
        assert_eq!(told(&[5, 5, 4, 4, 3, 9, 2]), [false; 7]);
        assert_eq!(told(&[5, 4, 4, 4]), [false, false, false, true]);
        assert_eq!(told(&[0, 0, 0, 0]), [false; 4]);
    }

    #[test]
    fn a_lane_that_was_empty_is_told_again() {
        let all = [5, 5, 5, 0, 5, 5, 5];
        assert_eq!(told(&all), [false, false, true, false, false, false, true]);
        // One that only became fewer for a while is not.
        assert_eq!(told(&[5, 5, 5, 4, 4, 4, 4]), [false, false, true, false, false, false, false]);
    }

    #[test]
    fn they_are_present_while_they_stay() {
        let mut strays = Strays::default();
        for _ in 0..3 {
            assert_eq!(strays.present(), []);
            strays.look([(lane("lost"), 5), (lane("none"), 0)]);
        }
        assert_eq!(strays.present(), [(lane("lost"), 5)]);
        strays.look([(lane("lost"), 4)]);
        assert_eq!(strays.present(), []);
    }

    #[test]
    fn a_flood_of_names_is_watched_in_part() {
        let mut strays = Strays::default();
        let flood = |from: usize| (from..from + 1000).map(|n| (lane(&format!("d{n:04}")), 1));
        let told: Vec<usize> = (0..5).map(|_| strays.look(flood(0)).len()).collect();
        assert_eq!(told, [0, 0, MOST, 0, 0]);
        assert_eq!(strays.look(flood(5000)).len() + strays.0.len(), MOST);
    }
}
