//! The latest keys of a pool: a few samples, written by submitters in passing and read by whoever looks for hot keys.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Keys kept. (Models make do with two.)
const KEPT: usize = if cfg!(heijunka_loom) { 2 } else { 64 };

/// A ring of the latest sampled keys. Any thread writes and reads; nobody waits, and the oldest are lost.
///
/// Approximate by design: a sample that is counted but not yet stored, or that is overtaken while the ring goes
/// round once, reads as a neighbour in time, or as 0 in the very first round. That is one sample for each thread caught
/// between its two steps, which no share of a key depends on.
#[derive(Debug)]
pub(crate) struct KeySamples {
    keys: Box<[AtomicU64]>,
    /// Samples so far; the next goes to this place modulo the ring's size.
    position: AtomicU64,
}

impl KeySamples {
    pub(crate) fn new() -> Self {
        Self { keys: (0..KEPT).map(|_| AtomicU64::new(0)).collect(), position: AtomicU64::new(0) }
    }

    /// Keeps a key. Wait-free: one addition and one store.
    #[inline]
    pub(crate) fn sample(&self, key: u64) {
        // Relaxed: it deals out places, and orders nothing; see above for what a reader may find there.
        let position = self.position.fetch_add(1, Ordering::Relaxed);
        // Relaxed: a key carries no other data.
        self.keys[place(position)].store(key, Ordering::Relaxed);
    }

    /// The keys sampled since a position, at most the latest 64, oldest first, and the position to go on from. Begin with 0.
    pub(crate) fn since(&self, position: u64) -> (Vec<u64>, u64) {
        // Relaxed: an old position leaves the latest samples to the next look.
        let end = self.position.load(Ordering::Relaxed);
        let start = position.max(end.saturating_sub(KEPT as u64));
        // Relaxed: as in `sample`.
        let keys = (start..end).map(|at| self.keys[place(at)].load(Ordering::Relaxed)).collect();
        (keys, end)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "below the ring's size")]
fn place(position: u64) -> usize {
    (position % KEPT as u64) as usize
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_look_gives_the_latest_since_the_last(rounds in vec(vec(any::<u64>(), 0..150), 0..6)) {
            let samples = KeySamples::new();
            let mut position = 0;
            for keys in rounds {
                for key in &keys {
                    samples.sample(*key);
                }
                let (seen, next) = samples.since(position);
                prop_assert_eq!(&seen[..], &keys[keys.len().saturating_sub(64)..]);
                prop_assert_eq!(next, position + keys.len() as u64);
                position = next;
            }
        }
    }

    #[test]
    fn nothing_is_read_that_nobody_wrote_once_the_writers_are_done() {
        let samples = KeySamples::new();
        std::thread::scope(|scope| {
            for thread in 1..=4_u64 {
                let samples = &samples;
                scope.spawn(move || (0..1000).for_each(|at| samples.sample(thread << 32 | at)));
            }
            let (keys, position) = samples.since(0);
            assert!(keys.len() <= 64 && position <= 4000);
        });
        let (keys, position) = samples.since(0);
        assert_eq!((keys.len(), position), (64, 4000));
        assert!(keys.iter().all(|key| (1..=4).contains(&(key >> 32)) && key & 0xffff_ffff < 1000));
        assert_eq!(samples.since(position), (Vec::new(), 4000));
        assert_eq!(samples.since(9999), (Vec::new(), 4000));
    }
}
