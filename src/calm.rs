//! The law against flapping: a decision is not reversed for a while, and for longer each time it had to be.

use std::time::Duration;

use crate::time::Moment;

/// Which way a decision went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The way that must be quick: more.
    Forth,
    /// The way that may wait: less.
    Back,
}

/// Remembers decisions of one kind. Going forth is always allowed; going back is not until the calm has passed since the
/// last time forth. A time forth within the calm after one back shows that going back was a mistake: the calm doubles,
/// and is what it was once nothing has happened for as long as it has become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calm {
    forth: Option<Moment>,
    back: Option<Moment>,
    doublings: u32,
}

/// The calm grows up to sixteen-fold.
const MOST_DOUBLINGS: u32 = 4;

impl Calm {
    /// How long going back has still to wait; zero if it may.
    pub(crate) fn wait(&self, calm: Duration, now: Moment) -> Duration {
        self.forth.map_or(Duration::ZERO, |forth| forth.after(self.long(calm)).since(now))
    }

    fn long(&self, calm: Duration) -> Duration {
        calm.saturating_mul(1 << self.doublings)
    }

    /// A decision was made.
    pub(crate) fn went(&mut self, way: Way, calm: Duration, now: Moment) {
        let long = self.long(calm);
        let within = |since: Option<Moment>| since.is_some_and(|since| now.since(since) < long);
        match way {
            Way::Forth => {
                if within(self.back) {
                    self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
                    // One mistake counts once, in however many steps it is made good.
                    self.back = None;
                } else if !within(self.forth) {
                    self.doublings = 0;
                }
                self.forth = Some(now);
            }
            Way::Back => self.back = Some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn going_back_waits_for_the_calm() {
        let mut calm = Calm::default();
        assert_eq!(calm.wait(CALM, at(0)), Duration::ZERO, "nothing to be sorry about yet");
        calm.went(Way::Forth, CALM, at(10));
        assert_eq!(calm.wait(CALM, at(20)), Duration::from_secs(50));
        assert_eq!(calm.wait(CALM, at(70)), Duration::ZERO);
    }

    #[test]
    fn each_reversal_doubles_it_and_peace_restores_it() {
        let mut calm = Calm::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..7 {
            calm.went(Way::Forth, CALM, at(now));
            waits.push(calm.wait(CALM, at(now)).as_secs());
            now += waits[waits.len() - 1];
            calm.went(Way::Back, CALM, at(now));
            now += 30;
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 960, 960]);
        calm.went(Way::Forth, CALM, at(now + 2000));
        assert_eq!(calm.wait(CALM, at(now + 2000)), CALM);
    }
}
