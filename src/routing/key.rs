//! What a piece of work is routed by.

use xxhash_rust::xxh3::xxh3_64;

/// What a piece of work is routed by: equal keys go to the same pool, so that its data is warm there.
///
/// A customer, an order, a file; whatever names the data the work touches. Only a 64-bit hash is kept, so a
/// key is made once and copied freely.
///
/// The hash is part of the contract: the same on every machine, in every process and in every version of this
/// crate, so that restarts and nodes agree on where a key belongs. It is not meant to withstand an attacker
/// who may choose keys; bounded load is what keeps a crowded pool from growing without limit.
///
/// - Integers go through a bijection, so distinct integers have distinct keys. The type does not matter:
///   `7_u32`, `7_i64` and `7_usize` are the same key, and a negative number is its two's complement of 64
///   bits. About a nanosecond.
/// - Text and bytes are hashed by XXH3 (64 bits, seed 0); a string is the same key as its UTF-8 bytes.
///   A few nanoseconds for a short name.
///
/// ```
/// use heijunka::Key;
///
/// assert_eq!(Key::from("order-17"), Key::from(b"order-17"));
/// assert_eq!(Key::from(17_u32), Key::from(17_i64));
/// assert_ne!(Key::from(17), Key::from("17"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The key of this hash.
    pub(crate) const fn of_hash(hash: u64) -> Self {
        Self(hash)
    }

    /// The hash, evenly spread over all 64 bits; its top 16 bits name the slot.
    #[inline]
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// The step of [`splitmix64`]'s state from one output to the next: 2^64 divided by the golden ratio, made
/// odd.
pub(super) const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first output of the generator `SplitMix64` with this seed: a bijection of 64 bits.
///
/// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014; shifts and factors
/// are variant 13 of Stafford, "Better Bit Mixing", 2011.
#[inline]
pub(super) const fn splitmix64(seed: u64) -> u64 {
    let z = seed.wrapping_add(GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl From<u64> for Key {
    #[inline]
    fn from(id: u64) -> Self {
        Key(splitmix64(id))
    }
}

impl From<u32> for Key {
    #[inline]
    fn from(id: u32) -> Self {
        Key::from(u64::from(id))
    }
}

impl From<usize> for Key {
    #[inline]
    fn from(id: usize) -> Self {
        Key::from(id as u64)
    }
}

/// The signed integers are here for databases' identifiers and for bare literals, which are `i32`.
impl From<i64> for Key {
    #[inline]
    fn from(id: i64) -> Self {
        Key::from(id.cast_unsigned())
    }
}

impl From<i32> for Key {
    #[inline]
    fn from(id: i32) -> Self {
        Key::from(i64::from(id))
    }
}

impl From<&[u8]> for Key {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        Key(xxh3_64(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    #[inline]
    fn from(bytes: &[u8; N]) -> Self {
        Key::from(bytes.as_slice())
    }
}

impl From<&str> for Key {
    #[inline]
    fn from(text: &str) -> Self {
        Key::from(text.as_bytes())
    }
}

impl From<&String> for Key {
    #[inline]
    fn from(text: &String) -> Self {
        Key::from(text.as_str())
    }
}

impl From<String> for Key {
    #[inline]
    fn from(text: String) -> Self {
        Key::from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The inverse of an odd number modulo 2^64, by Newton's iteration.
    fn inverse(odd: u64) -> u64 {
        (0..6).fold(odd, |x, _| x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x))))
    }

    fn unshift(z: u64, shift: u32) -> u64 {
        (0..64 / shift).fold(z, |x, _| z ^ (x >> shift))
    }

    fn unmix(z: u64) -> u64 {
        let z = unshift(z, 31).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
        let z = unshift(z, 27).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
        unshift(z, 30).wrapping_sub(GAMMA)
    }

    proptest! {
        #[test]
        fn distinct_integers_have_distinct_keys(id: u64) {
            prop_assert_eq!(unmix(Key::from(id).as_u64()), id);
        }

        #[test]
        fn the_type_of_an_integer_does_not_matter(id: u32, signed: i32) {
            prop_assert_eq!(Key::from(id), Key::from(u64::from(id)));
            prop_assert_eq!(Key::from(id), Key::from(i64::from(id)));
            prop_assert_eq!(Key::from(id), Key::from(id as usize));
            prop_assert_eq!(Key::from(signed), Key::from(i64::from(signed)));
        }

        #[test]
        fn text_is_the_key_of_its_bytes(text: String) {
            let key = Key::from(text.as_str());
            prop_assert_eq!(key, Key::from(text.as_bytes()));
            prop_assert_eq!(key, Key::from(&text));
            prop_assert_eq!(key, Key::from(text));
        }
    }

    /// The published outputs of `SplitMix64` for the seed 1234567.
    #[test]
    fn the_mixer_is_splitmix64() {
        let seed = 1_234_567_u64;
        let outputs = [0, 1, 2].map(|n: u64| splitmix64(seed.wrapping_add(GAMMA.wrapping_mul(n))));
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    /// A change here sends every key in every running system to another pool.
    #[test]
    fn known_keys_stay_what_they_are() {
        let known = [
            (Key::from(0), 0xe220_a839_7b1d_cdaf),
            (Key::from(1), 0x910a_2dec_8902_5cc1),
            (Key::from(-1), 0xe4d9_7177_1b65_2c20),
            (Key::from(u64::from(u32::MAX)), 0x73b1_3ba2_aff1_81c0),
            (Key::from(""), 0x2d06_8005_38d3_94c2),
            (Key::from("payment"), 0x9ddf_ac10_7fb5_496d),
            (Key::from("a name longer than sixteen bytes"), 0xd4bf_8708_2d0f_648b),
            (Key::from(&[0xff_u8; 300]), 0xa6eb_8a92_d637_e066),
        ];
        for (n, (key, hash)) in known.into_iter().enumerate() {
            assert_eq!(key.as_u64(), hash, "the key at {n} is now {:#x}", key.as_u64());
        }
    }

    /// Identifiers often step by a power of two. As many slots are hit as by chance: 1 - 1/e of them.
    #[test]
    fn identifiers_in_steps_spread_over_the_slots() {
        for shift in [0, 1, 10, 20, 32, 40, 48] {
            let slots: HashSet<u64> = (0..65_536_u64).map(|n| Key::from(n << shift).as_u64() >> 48).collect();
            assert!((40_700..42_200).contains(&slots.len()), "shift {shift}: {} slots hit", slots.len());
        }
    }
}
