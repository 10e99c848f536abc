use super::*;

struct Pool {
    in_flight: u32,
    workers: u32,
}

impl Load for Pool {
    fn in_flight(&self) -> u32 {
        self.in_flight
    }
    fn workers(&self) -> u32 {
        self.workers
    }
}

fn router(loads: [(u32, u32); 3]) -> Router<Pool> {
    router_with(Affinity::Soft, loads)
}

fn router_with(affinity: Affinity, loads: [(u32, u32); 3]) -> Router<Pool> {
    let pool = |(name, (in_flight, workers))| Target::new(name, 1, Pool { in_flight, workers });
    Router::with_affinity(affinity, ["a", "b", "c"].into_iter().zip(loads).map(pool)).unwrap()
}

fn names(router: &Router<Pool>, key: u64) -> Vec<String> {
    let pin = router.pin();
    let choices = router.route(Key::from(key), &pin);
    choices.in_order(Moment::from_nanos(1 << 30)).map(|target| target.name().to_owned()).collect()
}

#[test]
fn h10_a_lightly_loaded_key_never_moves() {
    let (idle, level) = (router([(0, 2); 3]), router([(2, 2), (90, 2), (90, 2)]));
    for key in 0..1000 {
        let home = names(&idle, key);
        assert_eq!(home.len(), 3);
        if home[0] == "a" {
            assert_eq!(names(&level, key), home);
        }
    }
}

#[test]
fn h10_an_overfull_pool_sends_its_soft_keys_to_their_next_choice_and_keeps_the_strict_ones() {
    let loads = [(90, 2), (3, 2), (3, 2)];
    let (idle, full, strict) = (router([(0, 2); 3]), router(loads), router_with(Affinity::Strict, loads));
    for key in 0..1000 {
        let home = names(&idle, key);
        if home[0] == "a" {
            assert_eq!(names(&full, key)[0], home[1]);
            assert_eq!(names(&strict, key), ["a"]);
        }
    }
}

#[test]
fn where_all_are_overfull_keys_stay_at_home() {
    // Not all can be above the bound at once, but these two choices can.
    let (idle, full) = (router([(0, 0); 3]), router([(50, 0), (50, 0), (0, 0)]));
    for key in 0..200 {
        let home = names(&idle, key);
        let now = names(&full, key);
        assert_eq!(now[0], "c", "{home:?}");
    }
}

/// Four pools of weight 1, one of them halved: a seventh of 70 in flight is its share, and 12.5 its bound.
#[test]
fn a_halved_pool_is_overfull_at_half_the_load() {
    let router = |halved: Share, in_flight| {
        let pool = |name: &str, in_flight| Target::new(name, 1, Pool { in_flight, workers: 2 });
        let rest = 70 - in_flight;
        let targets = [
            pool("a", in_flight).sharing(halved),
            pool("b", rest / 3),
            pool("c", rest / 3),
            pool("d", rest - rest / 3 * 2),
        ];
        Router::new(targets).unwrap()
    };
    let stay = |router: &Router<Pool>| {
        let pin = router.pin();
        let home = |key: &u64| router.route(Key::from(*key), &pin).targets().next().unwrap().name() == "a";
        let keys: Vec<u64> = (0..1000).filter(home).collect();
        assert!(!keys.is_empty());
        let at_home = keys.iter().map(|key| names(router, *key)[0] == "a");
        let at_home: std::collections::BTreeSet<bool> = at_home.collect();
        assert_eq!(at_home.len(), 1);
        at_home.contains(&true)
    };
    assert!(stay(&router(Share::Half, 12)));
    assert!(!stay(&router(Share::Half, 13)));
    assert!(stay(&router(Share::Full, 21)));
    assert!(!stay(&router(Share::Full, 22)));
}

#[test]
fn a_barred_target_keeps_its_keys() {
    let pool = |name| Target::new(name, 3, Pool { in_flight: 0, workers: 1 });
    let all = Router::with_affinity(Affinity::Strict, ["a", "b"].map(pool)).unwrap();
    let barred = [pool("a").sharing(Share::None), pool("b")];
    let one = Router::with_affinity(Affinity::Strict, barred).unwrap();
    for key in 0..1000 {
        assert_eq!(names(&all, key), names(&one, key));
        let pin = one.pin();
        let target = one.route(Key::from(key), &pin).in_order(Moment::default()).next().unwrap();
        assert_eq!(target.is_barred(), target.name() == "a");
    }
}

#[test]
fn without_targets_there_is_no_choice() {
    let router: Router<Pool> = Router::new([]).unwrap();
    let pin = router.pin();
    assert!(router.route(Key::from(1), &pin).first().is_none());
    assert_eq!(router.route(Key::from(1), &pin).in_order(Moment::default()).count(), 0);
}

#[test]
fn a_refused_replacement_changes_nothing() {
    let router = router([(0, 1); 3]);
    let twice = [0, 1].map(|_| Target::new("x", 1, Pool { in_flight: 0, workers: 1 }));
    assert!(router.replace(twice).is_err());
    assert_eq!(router.targets(&router.pin()).len(), 3);
}
