//! Changing who is there while it runs.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{ChangeError, GroupConfig, PoolConfig, Router, Runtime};

use crate::common::{Outcome, beside, single, workers};

// It waited for the pin to end: for ever, if the pin was the caller's own.
#[test]
fn a_pool_is_removed_within_its_patience_although_somebody_holds_a_pin() {
    let patience = Duration::from_millis(10);
    let runtime = ["stays", "own", "others"]
        .into_iter()
        .fold(Runtime::builder(), |builder, name| builder.pool(name, workers(1)))
        .start()
        .unwrap();
    let runtime = Arc::new(runtime);
    let router: Router<u8> = Router::default();
    let pin = router.pin();
    // By another thread than the one that is pinned, and by the pinned one itself.
    let removing = {
        let runtime = runtime.clone();
        beside(move || runtime.remove_pool("others", patience))
    };
    assert_eq!(removing.join().unwrap(), 0);
    let pinned = {
        let runtime = runtime.clone();
        beside(move || {
            let router: Router<u8> = Router::default();
            let _pin = router.pin();
            runtime.remove_pool("own", patience)
        })
    };
    assert_eq!(pinned.join().unwrap(), 0);
    drop(pin);
    assert!(runtime.pool("own").is_none() && runtime.pool("others").is_none());
    assert_eq!(runtime.domain("stays").unwrap().submit(1, |_| 1).unwrap().result(), Ok(1));
}

// Only a whole configuration was checked: these pools came to be, could run nothing, or panicked half made.
#[test]
fn a_pool_that_cannot_work_is_not_added_and_leaves_nothing_behind() {
    let (runtime, domain) = single("sound", workers(1));
    let before = (runtime.domains(), runtime.status().pools.len());
    let long = "n".repeat(65);
    let good = workers(1);
    let cases = [
        ("wrong", PoolConfig { min_workers: 0, ..good.clone() }),
        ("wrong", PoolConfig { min_workers: 2, max_workers: 1, ..good.clone() }),
        ("wrong", PoolConfig { max_workers: 51, ..good.clone() }),
        ("wrong", PoolConfig { lane: 0, ..good.clone() }),
        ("wrong", PoolConfig { lane: u32::MAX, ..good.clone() }),
        ("wrong", PoolConfig { weight: 0, ..good.clone() }),
        ("wrong", PoolConfig { weight: 101, ..good.clone() }),
        ("wrong", PoolConfig { domain: Some("no\0name".into()), ..good.clone() }),
        ("wro\0ng", good.clone()),
        ("wro ng", good.clone()),
        ("", good.clone()),
        (&long, good.clone()),
    ];
    for (name, config) in cases {
        let added = runtime.add_pool(name, &config);
        assert!(matches!(added, Err(ChangeError::Config(_))), "{name:?} with {config:?}: {added:?}");
        assert!(runtime.pool(name).is_none());
        assert_eq!((runtime.domains(), runtime.status().pools.len()), before);
    }
    #[cfg(target_os = "linux")]
    assert!(crate::common::threads("hj-wro").is_empty());
    assert!(matches!(runtime.add_pool("sound", &good), Err(ChangeError::Exists(_))));
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1));
    runtime.add_pool("wrong", &good).unwrap();
    assert_eq!(runtime.domain("wrong").unwrap().submit(1, |_| 2).unwrap().result(), Ok(2));
}

// The group came to be, and whatever was routed in it was refused.
#[test]
fn a_group_without_pools_is_refused() {
    let (runtime, domain) = single("member", workers(1));
    let empty = runtime.set_group("member", GroupConfig::default());
    assert!(matches!(empty, Err(ChangeError::EmptyGroup(name)) if name == "member"));
    let unknown = GroupConfig { pools: vec!["member".into(), "stranger".into()], ..GroupConfig::default() };
    assert!(
        matches!(runtime.set_group("member", unknown), Err(ChangeError::Unknown(name)) if name == "stranger")
    );
    assert!(
        matches!(runtime.set_domain_group("member", "member"), Err(ChangeError::Unknown(_))),
        "not there"
    );
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1));
}
