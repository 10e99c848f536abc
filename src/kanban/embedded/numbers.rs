//! A hash for numbers that we give away ourselves: nobody can choose them so that they collide.

use std::hash::{BuildHasherDefault, Hasher};

/// Hashes `u64`s by one multiplication.
pub(super) type ByNumber = BuildHasherDefault<NumberHasher>;

/// See [`ByNumber`].
#[derive(Debug, Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Nothing but `u64`s is hashed with it; were it otherwise, this would be correct as well.
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 by the golden ratio: neighbours end up far apart. The table takes its index from the low bits and its tag from
        // the high ones, so the halves are swapped to have both good.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}
