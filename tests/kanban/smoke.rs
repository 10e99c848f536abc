use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heijunka::{ItemSpec, Outcome, PoolConfig, Runtime, Work};

#[test]
fn what_is_published_is_done_once() {
    let done = Arc::new(AtomicU64::new(0));
    let seen = done.clone();
    let runtime = Runtime::builder()
        .pool("mail", PoolConfig { min_workers: 2, ..PoolConfig::default() })
        .handler("mail", move |work: &Work<'_>| {
            assert_eq!(&work.item().payload[..], b"hello");
            seen.fetch_add(1, Ordering::Relaxed);
            Outcome::Done
        })
        .start()
        .unwrap();
    let kanban = runtime.kanban().unwrap();
    for batch in 0..100 {
        let specs = (0..100).map(|n| ItemSpec::new("mail").id(format!("{batch}-{n}")).payload("hello"));
        assert!(kanban.publisher().publish_batch(specs).iter().all(Result::is_ok));
    }
    let report = runtime.drain(Duration::from_secs(20));
    assert_eq!(done.load(Ordering::Relaxed), 10_000, "{:?}", kanban.status());
    assert!(report.is_clean(), "{report:?}");
    println!("{report:?}\n{:?}", kanban.status());
}
