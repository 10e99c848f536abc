//! The law of the lanes: which priority a worker takes next.

use crate::priority::Priority;

/// One round of ten takes: high first, yet normal gets two and low one, whatever waits in high.
const ROUND: [Priority; 10] = {
    use Priority::{High, Low, Normal};
    [High, High, High, Normal, High, High, High, Normal, High, Low]
};

/// A worker's place in the round.
///
/// Of any ten consecutive takes while they wait, normal jobs are at least two and low jobs at least one: the round
/// repeats, so any ten takes contain each of its places once. A lane that is empty at its place gives it to the most
/// urgent lane that is not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn(u8);

impl Turn {
    /// The order in which the lanes are to be tried for the coming take.
    #[inline]
    pub(crate) fn order(self) -> [Priority; 3] {
        match ROUND[usize::from(self.0)] {
            Priority::High => [Priority::High, Priority::Normal, Priority::Low],
            Priority::Normal => [Priority::Normal, Priority::High, Priority::Low],
            Priority::Low => [Priority::Low, Priority::High, Priority::Normal],
        }
    }

    /// A job was taken.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.0 = if self.0 == 9 { 0 } else { self.0 + 1 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is taken when `waits` says which lanes are filled at each step.
    fn take(waits: &[[bool; 3]]) -> Vec<Option<Priority>> {
        let mut turn = Turn::default();
        let mut step = |filled: &[bool; 3]| {
            let taken = turn.order().into_iter().find(|p| filled[p.index()]);
            if taken.is_some() {
                turn.advance();
            }
            taken
        };
        waits.iter().map(&mut step).collect()
    }

    #[test]
    fn with_all_lanes_full_high_gets_seven_of_ten() {
        let taken = take(&[[true; 3]; 10]);
        let count = |p| taken.iter().filter(|t| **t == Some(p)).count();
        assert_eq!([count(Priority::High), count(Priority::Normal), count(Priority::Low)], [7, 2, 1]);
        assert_eq!(taken[0], Some(Priority::High));
    }

    proptest! {
        #[test]
        fn of_any_ten_takes_normal_gets_two_and_low_one_while_they_wait(
            start in 0usize..10, filled in prop::collection::vec(any::<[bool; 3]>(), 60),
        ) {
            for (lane, least) in [(Priority::Normal, 2), (Priority::Low, 1)] {
                let mut filled = filled.clone();
                for lanes in &mut filled {
                    lanes[lane.index()] = true;
                }
                let taken = take(&filled);
                let share = taken[start..].windows(10).map(|ten| ten.iter().filter(|t| **t == Some(lane)).count()).min();
                prop_assert!(share.unwrap() >= least);
            }
        }

        #[test]
        fn whatever_waits_is_taken(filled in prop::collection::vec(any::<[bool; 3]>(), 60)) {
            for (lanes, taken) in filled.iter().zip(take(&filled)) {
                prop_assert_eq!(taken.is_some(), lanes.contains(&true));
                prop_assert!(taken.is_none_or(|p| lanes[p.index()]));
            }
        }
    }
}
