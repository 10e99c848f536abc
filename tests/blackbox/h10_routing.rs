//! H10: the same key goes to the same pool, in every runtime, whoever comes and goes.

use heijunka::{ChangeError, Domain, Reason, Runtime};

use crate::common::{Counter, GENEROUS, Outcome, workers, workers_of};

fn three_pools() -> Runtime {
    let builder = Runtime::builder();
    ["a", "b", "c"]
        .into_iter()
        .fold(builder, |builder, pool| builder.pool(pool, workers_of("web", 1)))
        .start()
        .unwrap()
}

/// The pool each of the first keys runs in, one job at a time, so that none is overfull.
fn homes(domain: &Domain, keys: u64) -> Vec<String> {
    let home = |key| domain.submit(key, |job| job.pool().to_owned()).unwrap().result().unwrap();
    (0..keys).map(home).collect()
}

#[test]
fn h10_a_key_stays_with_its_pool() {
    let runtime = three_pools();
    let domain = runtime.domain("web").unwrap();
    let first = homes(&domain, 200);
    for pool in ["a", "b", "c"] {
        assert!(first.iter().filter(|home| *home == pool).count() > 30, "{pool} has its share");
    }
    for _ in 0..4 {
        assert_eq!(homes(&domain, 200), first);
    }
}

#[test]
fn h10_two_runtimes_agree_on_every_key() {
    let mapping = || homes(&three_pools().domain("web").unwrap(), 300);
    assert_eq!(mapping(), mapping());
}

#[test]
fn h10_a_new_pool_takes_keys_and_moves_no_others() {
    let runtime = three_pools();
    let domain = runtime.domain("web").unwrap();
    let before = homes(&domain, 400);
    runtime.add_pool("d", &workers_of("web", 1)).unwrap();
    let with_d = homes(&domain, 400);
    assert!(with_d.iter().any(|home| home == "d"));
    assert!(before.iter().zip(&with_d).all(|(old, new)| new == old || new == "d"));
    assert_eq!(runtime.remove_pool("d", GENEROUS).unwrap(), 0);
    assert_eq!(homes(&domain, 400), before, "its keys go home again");
    assert!(runtime.pool("d").is_none());
}

#[test]
fn h10_pools_that_come_and_go_under_load_lose_nothing() {
    const SUBMITTERS: u64 = 3;
    let runtime = three_pools();
    let (ran, accepted, stop) = (Counter::default(), Counter::default(), Counter::default());
    std::thread::scope(|scope| {
        for submitter in 0..SUBMITTERS {
            let (runtime, ran, accepted, stop) = (&runtime, &ran, &accepted, &stop);
            scope.spawn(move || {
                let domain = runtime.domain("web").unwrap();
                for n in 0_u64.. {
                    if stop.get() > 0 {
                        break;
                    }
                    let done = ran.clone();
                    match domain.execute(submitter << 32 | n, move |_| done.add()) {
                        Ok(()) => accepted.add(),
                        Err(refused) => {
                            let reason = refused.rejected().reason();
                            assert!(
                                matches!(reason, Reason::LaneFull | Reason::Reserve | Reason::HardLimit),
                                "{reason}"
                            );
                            std::thread::yield_now();
                        }
                    }
                }
            });
        }
        let handed_back = (0..6).map(|round| {
            runtime.add_pool("d", &workers_of("web", 2)).unwrap();
            let gone = if round % 2 == 0 { "d" } else { "a" };
            let back = runtime.remove_pool(gone, GENEROUS).unwrap();
            if gone == "a" {
                runtime.add_pool("a", &workers_of("web", 1)).unwrap();
                return back + runtime.remove_pool("d", GENEROUS).unwrap();
            }
            back
        });
        let handed_back: u64 = handed_back.sum();
        stop.add();
        assert_eq!(handed_back, 0, "all that was accepted could be run in time");
    });
    assert!(accepted.get() > 0);
    assert!(runtime.drain(GENEROUS).is_clean());
    assert_eq!(ran.get(), accepted.get());
}

#[test]
fn h10_changes_that_make_no_sense_change_nothing() {
    let runtime = three_pools();
    let domain = runtime.domain("web").unwrap();
    let before = homes(&domain, 100);
    assert!(matches!(runtime.add_pool("a", &workers(1)), Err(ChangeError::Exists(name)) if name == "a"));
    assert!(matches!(runtime.remove_pool("z", GENEROUS), Err(ChangeError::Unknown(name)) if name == "z"));
    assert_eq!(homes(&domain, 100), before);
    assert_eq!(runtime.status().pools.len(), 3);
}
