//! Items that were put off and have not come again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::time::Moment;

/// What is due passes from queue to queue within this time; meanwhile no queue has it, and the server counts it nowhere.
const PASSAGE: Duration = Duration::from_secs(2);

/// No more are remembered.
const MOST: usize = 1 << 16;

/// Those of one lane that this process put off, by when they are due.
#[derive(Debug, Default)]
pub(super) struct Away(BinaryHeap<Reverse<Moment>>);

impl Away {
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// One was put off until `due`.
    pub(super) fn went(&mut self, due: Moment) {
        self.0.push(Reverse(due));
        if self.0.len() > MOST {
            self.0.pop();
        }
    }

    /// One has come: taken to be the one that was due first.
    pub(super) fn came(&mut self) {
        self.0.pop();
    }

    /// Forgets up to `most`, which must have come elsewhere; tells how many.
    pub(super) fn forget(&mut self, most: u64, now: Moment) -> u64 {
        let mut forgotten = 0;
        while forgotten < most && self.0.peek().is_some_and(|Reverse(due)| due.after(PASSAGE) <= now) {
            self.0.pop();
            forgotten += 1;
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Clock;

    #[test]
    fn what_is_on_its_way_is_not_forgotten() {
        let (clock, time) = Clock::manual();
        let mut away = Away::default();
        for seconds in [5, 1, 3] {
            away.went(clock.now().after(Duration::from_secs(seconds)));
        }
        assert_eq!(away.forget(3, clock.now()), 0, "none is due");
        time.advance(Duration::from_millis(4_999));
        assert_eq!(away.forget(1, clock.now()), 1, "no more than is asked");
        assert_eq!((away.forget(2, clock.now()), away.count()), (0, 2), "the second may be on its way");
        time.advance(Duration::from_millis(1));
        assert_eq!((away.forget(2, clock.now()), away.count()), (1, 1));
        away.came();
        assert_eq!(away.count(), 0);
    }
}
