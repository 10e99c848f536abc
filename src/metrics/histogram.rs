//! A latency histogram with one writer and any number of readers, none of whom ever waits.
//!
//! hdrhistogram's own recorder is handed over at the writer's next record, so that a reader misses, or waits for, what
//! a sleeping or busy worker holds. This one is read where it is: counts in fixed buckets, written with plain stores,
//! and turned into an [`hdrhistogram::Histogram`] for quantiles when somebody looks.

use hdrhistogram::Histogram;

use crate::sync::atomic::{AtomicU64, Ordering};

/// Buckets per power of two: a value is known to 1/64, that is 1.6 %, or 0.8 % either side of the middle.
const SUB_BITS: u32 = 6;
const SUB: usize = 1 << SUB_BITS;
/// Values from 2^40 ns (18 minutes) on share the last bucket.
const TOP_BITS: u32 = 40;
const BUCKETS: usize = (TOP_BITS - SUB_BITS + 1) as usize * SUB;

/// Counts of durations in nanoseconds. 18 KiB; a run touches the few lines around its usual values.
#[derive(Debug)]
pub(crate) struct Recorder {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

#[allow(clippy::cast_possible_truncation, reason = "the index is below BUCKETS")]
fn bucket_of(nanos: u64) -> usize {
    if nanos < SUB as u64 {
        return nanos as usize;
    }
    let power = nanos.ilog2();
    if power >= TOP_BITS {
        return BUCKETS - 1;
    }
    let step = power - SUB_BITS;
    (step as usize + 1) * SUB + ((nanos >> step) as usize - SUB)
}

/// The middle of a bucket, which stands for all its values.
fn middle_of(bucket: usize) -> u64 {
    let (row, column) = (bucket / SUB, (bucket % SUB) as u64);
    if row == 0 {
        return column;
    }
    let step = row - 1;
    ((column + SUB as u64) << step) + ((1 << step) >> 1)
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Counts one value. For the one thread that owns the recorder; wait-free, no locked instruction.
    #[inline]
    pub(crate) fn record(&self, nanos: u64) {
        bump(&self.buckets[bucket_of(nanos)], 1);
        bump(&self.sum, nanos);
    }

    /// Adds the counts to `into`, and returns the exact sum of the values in nanoseconds.
    pub(crate) fn read(&self, into: &mut Histogram<u64>) -> u64 {
        for (bucket, count) in self.buckets.iter().enumerate() {
            // Relaxed: a count carries no other data; a value recorded during the read is in it or not.
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                into.saturating_record_n(middle_of(bucket), count);
            }
        }
        self.sum()
    }

    /// The exact sum of all values, in nanoseconds.
    pub(crate) fn sum(&self) -> u64 {
        // Relaxed: a figure that carries no other data.
        self.sum.load(Ordering::Relaxed)
    }
}

/// Adds to a cell that only the calling thread writes.
#[inline]
pub(super) fn bump(cell: &AtomicU64, by: u64) {
    // Relaxed: a single writer needs no atomic step, and readers take any value that was once there.
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

/// An empty histogram as the readers use it: nanoseconds up to 2^40, three digits.
pub(crate) fn empty() -> Histogram<u64> {
    // The bounds are constants that hdrhistogram accepts; the smallest histogram stands in if it ever did not.
    let mut histogram = Histogram::new_with_bounds(1, 1 << TOP_BITS, 3).unwrap_or_else(|_| {
        Histogram::new(1).unwrap_or_else(|_| unreachable!("one digit is always accepted"))
    });
    histogram.auto(true);
    histogram
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_known_to_one_part_in_sixty_four(nanos in 0u64..1 << TOP_BITS) {
            let middle = middle_of(bucket_of(nanos));
            prop_assert!(middle.abs_diff(nanos) * 64 <= nanos.max(1), "{nanos} stands as {middle}");
        }

        #[test]
        fn buckets_are_ordered(a in 0u64..1 << 41, b in 0u64..1 << 41) {
            prop_assert!(a > b || bucket_of(a) <= bucket_of(b));
        }
    }

    #[test]
    fn counts_and_sum_come_back() {
        let recorder = Recorder::new();
        for nanos in [0, 63, 64, 1_000, 1_000_000, u64::MAX >> 1] {
            recorder.record(nanos);
        }
        let mut read = empty();
        let sum = recorder.read(&mut read);
        assert_eq!(read.len(), 6);
        assert_eq!(sum, 63 + 64 + 1_000 + 1_000_000 + (u64::MAX >> 1));
        assert_eq!(read.min(), 0);
    }
}
