use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use xxhash_rust::xxh3::xxh3_64;

use super::*;

/// A set of pools: weights by name.
type Set = BTreeMap<String, u32>;

/// Two pools to fifty, of one weight.
fn equal() -> impl Strategy<Value = Set> {
    btree_set("[a-z]{1,3}-?[a-z0-9]{1,12}", 2..=50)
        .prop_map(|names| names.into_iter().map(|name| (name, 1)).collect())
}

/// Two pools to fifty: weights close in large sets, up to 1 : 60 in small ones, since the sum of the weights
/// is what a build costs. The bounds hold for all weights by the law of `quota`, tested there.
fn weighted() -> impl Strategy<Value = Set> {
    (2..=50_usize).prop_flat_map(|pools| {
        let most = u32::try_from(120 / pools).unwrap();
        btree_map("[a-z]{1,3}-?[a-z0-9]{1,12}", prop_oneof![Just(1), Just(most), 1..=most], pools)
    })
}

/// A table that speaks of pools by name.
struct Named<'a> {
    map: SlotMap,
    names: Vec<&'a str>,
}

impl<'a> Named<'a> {
    fn build(pools: &[(&'a str, u32)]) -> Self {
        Self { map: whole(pools).unwrap(), names: pools.iter().map(|pool| pool.0).collect() }
    }

    fn of(set: &'a Set) -> Self {
        Self::build(&set.iter().map(|(name, &weight)| (name.as_str(), weight)).collect::<Vec<_>>())
    }

    /// The same set where these pools are halved.
    fn halving(set: &'a Set, halved: &BTreeSet<&str>) -> Self {
        let share = |name| if halved.contains(name) { Share::Half } else { Share::Full };
        let pools: Vec<_> =
            set.iter().map(|(name, &weight)| (name.as_str(), weight, share(name.as_str()))).collect();
        let map = SlotMap::build(&pools).unwrap();
        Self { map, names: pools.iter().map(|pool| pool.0).collect() }
    }

    /// The pool that every slot belongs to.
    fn owners(&self) -> Vec<&'a str> {
        hashes().map(|hash| self.names[usize::from(self.map.choices(hash)[0])]).collect()
    }
}

/// The table of a set in which every pool has its full share.
fn whole(pools: &[(&str, u32)]) -> Result<SlotMap, PoolSetError> {
    SlotMap::build(&pools.iter().map(|&(name, weight)| (name, weight, Share::Full)).collect::<Vec<_>>())
}

/// One hash of every slot.
fn hashes() -> impl Iterator<Item = u64> {
    (0..SLOTS as u64).map(|slot| slot << 48 | 0xabcd_ef01_2345)
}

/// The slots a pool should own, by weight.
fn share(set: &Set, name: &str) -> f64 {
    SLOTS as f64 * f64::from(set[name]) / f64::from(set.values().sum::<u32>())
}

fn assert_shares(set: &Set) -> Result<(), TestCaseError> {
    let mut owned: BTreeMap<&str, f64> = BTreeMap::new();
    for owner in Named::of(set).owners() {
        *owned.entry(owner).or_default() += 1.0;
    }
    for name in set.keys() {
        let ratio = owned.get(name.as_str()).copied().unwrap_or(0.0) / share(set, name);
        prop_assert!((0.92..=1.05).contains(&ratio), "pool {} owns {} of its share", name, ratio);
    }
    Ok(())
}

/// The set without one of its pools, and that pool's name.
fn without(set: &Set, which: Index) -> (Set, &str) {
    let gone = which.get(&set.keys().collect::<Vec<_>>()).as_str();
    let mut rest = set.clone();
    rest.remove(gone);
    (rest, gone)
}

/// The slots each pool should own, by name, if these are halved.
fn halved_shares<'a>(set: &'a Set, halved: &BTreeSet<&str>) -> BTreeMap<&'a str, f64> {
    let counts = |name: &str| f64::from(set[name]) * if halved.contains(name) { 0.5 } else { 1.0 };
    let sum: f64 = set.keys().map(|name| counts(name)).sum();
    set.keys().map(|name| (name.as_str(), SLOTS as f64 * counts(name) / sum)).collect()
}

/// One pool among them, of which some are halved already, is halved too; read backwards, it is whole again.
fn assert_halving(
    set: &Set,
    which: Index,
    already: &BTreeSet<&str>,
    slack: f64,
) -> Result<(), TestCaseError> {
    let chosen = which.get(&set.keys().collect::<Vec<_>>()).as_str();
    let (mut before, mut after) = (already.clone(), already.clone());
    before.remove(chosen);
    after.insert(chosen);
    let (whole, half) = (Named::halving(set, &before).owners(), Named::halving(set, &after).owners());
    let (shares, fewer) = (halved_shares(set, &before), halved_shares(set, &after));
    let moved = whole.iter().zip(&half).filter(|(a, b)| a != b).count() as f64;
    let most = 1.3 * (shares[chosen] - fewer[chosen]) + slack;
    prop_assert!(moved <= most, "{} slots moved as {} was halved, at most {} may", moved, chosen, most);
    let owned = half.iter().filter(|owner| **owner == chosen).count() as f64 / fewer[chosen];
    prop_assert!((0.92..=1.05).contains(&owned), "{} owns {} of its half", chosen, owned);
    Ok(())
}

/// One pool goes; read backwards, one pool comes.
fn assert_moves(set: &Set, which: Index, slack: f64) -> Result<(), TestCaseError> {
    let (rest, gone) = without(set, which);
    let (before, after) = (Named::of(set).owners(), Named::of(&rest).owners());
    let moved = before.iter().zip(&after).filter(|(a, b)| a != b).count() as f64;
    let most = 1.3 * share(set, gone) + slack;
    prop_assert!(moved <= most, "{} slots moved with {}, at most {} may", moved, gone, most);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn equal_pools_own_equal_shares(set in equal()) {
        assert_shares(&set)?;
    }

    #[test]
    fn weighted_pools_own_shares_by_weight(set in weighted()) {
        assert_shares(&set)?;
    }

    /// One of n comes or goes: at most 1.3 / n of the keys move.
    #[test]
    fn little_moves_when_a_pool_comes_or_goes(set in equal(), which: Index) {
        assert_moves(&set, which, 0.0)?;
    }

    /// By weight, the same, but for rounding: shares change a little for all, and may cost each pool a slot.
    #[test]
    fn little_moves_when_a_weighted_pool_comes_or_goes(set in weighted(), which: Index) {
        assert_moves(&set, which, set.len() as f64)?;
    }

    /// Halving moves what is lost, whoever is halved already.
    #[test]
    fn little_moves_when_a_pool_is_halved(set in equal(), which: Index, others in vec(any::<Index>(), 0..10)) {
        let names: Vec<_> = set.keys().map(String::as_str).collect();
        let already = others.iter().map(|other| *other.get(&names)).collect();
        assert_halving(&set, which, &already, 0.0)?;
    }

    #[test]
    fn little_moves_when_a_weighted_pool_is_halved(
        set in weighted(), which: Index, others in vec(any::<Index>(), 0..10),
    ) {
        let names: Vec<_> = set.keys().map(String::as_str).collect();
        let already = others.iter().map(|other| *other.get(&names)).collect();
        assert_halving(&set, which, &already, set.len() as f64)?;
    }

    #[test]
    fn the_order_of_the_set_does_not_matter(set in weighted(), seed: u64) {
        let sorted = Named::of(&set);
        let mut pools: Vec<_> = set.iter().map(|(name, &weight)| (name.as_str(), weight)).collect();
        pools.sort_by_key(|(name, _)| xxh3_64_with_seed(name.as_bytes(), seed));
        let shuffled = Named::build(&pools);
        for hash in hashes() {
            let sorted = sorted.map.choices(hash).iter().map(|&pool| sorted.names[usize::from(pool)]);
            let shuffled = shuffled.map.choices(hash).iter().map(|&pool| shuffled.names[usize::from(pool)]);
            prop_assert!(sorted.eq(shuffled));
        }
    }

    #[test]
    fn choices_are_distinct_and_as_many_as_there_can_be(set in weighted()) {
        let map = Named::of(&set).map;
        for hash in hashes() {
            let choices = map.choices(hash);
            let distinct = (1..choices.len()).all(|n| !choices[..n].contains(&choices[n]));
            prop_assert!(distinct && choices.len() == set.len().min(3), "{:?}", choices);
        }
    }

    /// Spilling over and failing over go the same way: the next choice has warm what it will be asked for.
    #[test]
    fn the_next_choice_is_the_heir(set in equal(), which: Index) {
        let (rest, gone) = without(&set, which);
        let (before, after) = (Named::of(&set), Named::of(&rest).owners());
        let (mut orphans, mut inherited) = (0, 0);
        for (hash, heir) in hashes().zip(after) {
            let choices = before.map.choices(hash);
            if before.names[usize::from(choices[0])] == gone {
                orphans += 1;
                inherited += u32::from(before.names[usize::from(choices[1])] == heir);
            }
        }
        prop_assert!(inherited * 10 >= orphans * 9, "{} of {}", inherited, orphans);
    }
}

/// By its quota alone a halved pool would have all of its keys up to some slot, and none from there on.
#[test]
fn a_halved_pool_has_half_of_its_keys_all_round_the_ring() {
    let set: Set = ["a", "b", "c", "d"].map(|name| (name.to_owned(), 1)).into();
    let owners = Named::halving(&set, &BTreeSet::from(["a"])).owners();
    for quarter in owners.chunks(SLOTS / 4) {
        let owned = quarter.iter().filter(|owner| **owner == "a").count() as f64;
        let ratio = owned * 7.0 / quarter.len() as f64;
        assert!((0.8..=1.2).contains(&ratio), "{ratio} of a seventh");
    }
}

#[test]
fn a_single_pool_owns_everything() {
    let map = whole(&[("only", 7)]).unwrap();
    assert!(hashes().all(|hash| map.choices(hash) == [0]));
}

#[test]
fn no_pools_no_choices() {
    let map = whole(&[]).unwrap();
    assert!(hashes().all(|hash| map.choices(hash).is_empty()));
}

#[test]
fn keys_of_one_slot_share_its_choices() {
    let map = whole(&[("a", 1), ("b", 1), ("c", 1)]).unwrap();
    for slot in [0_u64, 1, 32_768, 65_535] {
        assert_eq!(map.choices(slot << 48), map.choices(slot << 48 | 0xffff_ffff_ffff));
    }
    assert_eq!(size_of_val(&*map.slots), 256 * 1024);
}

#[test]
fn as_many_pools_as_can_be_named() {
    let names: Vec<_> = (0..=255).map(|n| format!("pool-{n}")).collect();
    let pools: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let map = whole(&pools[..255]).unwrap();
    let owners: BTreeSet<_> = hashes().map(|hash| map.choices(hash)[0]).collect();
    assert_eq!(owners.len(), 255);
    assert_eq!(whole(&pools), Err(PoolSetError::TooManyPools { given: 256 }));
}

#[test]
fn a_wrong_set_is_refused_with_what_would_be_right() {
    let refused = |pools: &[(&str, u32)]| whole(pools).unwrap_err().to_string();
    assert_eq!(refused(&[("a", 1), ("b", 0)]), "pool `b` has weight 0: a weight is 1 to 100");
    assert_eq!(refused(&[("a", 101), ("b", 1)]), "pool `a` has weight 101: a weight is 1 to 100");
    assert_eq!(
        refused(&[("a", 1), ("b", 1), ("a", 2)]),
        "pool `a` is named twice in one set: each pool appears once"
    );
}

/// A change here moves keys in every running system, and lets nodes of two versions disagree.
#[test]
fn a_known_set_gives_the_known_table() {
    // The checksum was computed by a second implementation too; some of these pools meet their caps or
    // floors.
    let names: Vec<_> = (0..48).map(|n| format!("pool-{n}")).collect();
    let pools: Vec<_> =
        names.iter().zip([1, 2, 12].into_iter().cycle()).map(|(n, w)| (n.as_str(), w)).collect();
    let map = whole(&pools).unwrap();
    let table: Vec<u8> = hashes()
        .flat_map(|hash| map.choices(hash).iter().chain([&0xff]).copied().collect::<Vec<_>>())
        .collect();
    assert_eq!(xxh3_64(&table), 0x6611_ea48_917e_792c, "the table is now {:#x}", xxh3_64(&table));
}
