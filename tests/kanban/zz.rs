use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicBool, Ordering};
use std::time::Duration;
use std::thread::sleep;

use heijunka::{ItemSpec, Outcome, PoolConfig, Runtime, Work, DomainConfig, KanbanConfig, BrokerConfig, RetryConfig, SeenStore, SeenKey, Seen, SeenError, Priority};

fn pool(n: u32) -> PoolConfig { PoolConfig { min_workers: n, max_workers: n.max(1), ..PoolConfig::default() } }

// A: one domain's full sub-limit starves the domains after it.
#[test]
fn a_sub_limit_starves_others() {
    let done = Arc::new(AtomicU64::new(0));
    let seen = done.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let s2 = stop.clone();
    let runtime = Runtime::builder()
        .sub_limit("one", 1)
        .domain("aaa", DomainConfig { sub_limit: Some("one".into()), ..DomainConfig::default() })
        .pool("aaa", pool(3))
        .pool("bbb", pool(3))
        .handler("aaa", move |_: &Work<'_>| { while !s2.load(Ordering::Relaxed) { sleep(Duration::from_millis(5)); } Outcome::Done })
        .handler("bbb", move |_: &Work<'_>| { seen.fetch_add(1, Ordering::Relaxed); Outcome::Done })
        .start().unwrap();
    let kanban = runtime.kanban().unwrap();
    for n in 0..5 { kanban.publisher().publish(ItemSpec::new("aaa").id(format!("a{n}"))).unwrap(); }
    sleep(Duration::from_millis(500));
    for n in 0..10 { kanban.publisher().publish(ItemSpec::new("bbb").id(format!("b{n}"))).unwrap(); }
    sleep(Duration::from_secs(3));
    let before = done.load(Ordering::Relaxed);
    println!("bbb done after 3 s: {before}; {:?}", kanban.status().consumer.unwrap().queues);
    stop.store(true, Ordering::Relaxed);
    runtime.drain(Duration::from_secs(5));
    println!("bbb done after release: {}", done.load(Ordering::Relaxed));
    assert_eq!(before, 10);
}

#[derive(Debug, Default)]
struct Bad { left: Mutex<u32>, panics: bool }
impl SeenStore for Bad {
    fn begin(&self, _: &SeenKey, _: Duration) -> Result<Seen, SeenError> {
        let mut left = self.left.lock().unwrap_or_else(|e| e.into_inner());
        if *left > 0 { *left -= 1; drop(left); if self.panics { panic!("store"); } return Err(SeenError("down".into())); }
        Ok(Seen::New)
    }
    fn extend(&self, _: &SeenKey, _: Duration) {}
    fn done(&self, _: &SeenKey) -> Result<(), SeenError> { Ok(()) }
    fn forget(&self, _: &SeenKey) {}
}

// B: a seen store that is down for a while makes items poison, unrun.
#[test]
fn b_release_counts_as_poison() {
    let done = Arc::new(AtomicU64::new(0));
    let seen = done.clone();
    let retry = RetryConfig { max_attempts: 3, max_deliveries: 3, ..RetryConfig::default() };
    let runtime = Runtime::builder()
        .kanban(KanbanConfig { retry, ..KanbanConfig::default() })
        .pool("aaa", pool(1))
        .handler("aaa", move |_: &Work<'_>| { seen.fetch_add(1, Ordering::Relaxed); Outcome::Done })
        .seen_store(Arc::new(Bad { left: Mutex::new(3), panics: false }))
        .start().unwrap();
    let kanban = runtime.kanban().unwrap();
    kanban.publisher().publish(ItemSpec::new("aaa").id("a")).unwrap();
    sleep(Duration::from_secs(5));
    println!("{:?}", kanban.status().counts);
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

// C: a stalled item runs again beside itself.
#[test]
fn c_stalled_runs_twice_at_once() {
    let now = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let (n2, m2) = (now.clone(), most.clone());
    let runtime = Runtime::builder()
        .broker(BrokerConfig { lease: Duration::from_secs(1), ..BrokerConfig::default() })
        .kanban(KanbanConfig { stall_after: Duration::from_secs(1), ..KanbanConfig::default() })
        .pool("aaa", pool(4))
        .handler("aaa", move |_: &Work<'_>| { let n = n2.fetch_add(1, Ordering::Relaxed) + 1; m2.fetch_max(n, Ordering::Relaxed); sleep(Duration::from_secs(6)); n2.fetch_sub(1, Ordering::Relaxed); Outcome::Done })
        .start();
    let runtime = match runtime { Ok(r) => r, Err(e) => { println!("{e}"); panic!() } };
    let kanban = runtime.kanban().unwrap();
    kanban.publisher().publish(ItemSpec::new("aaa").id("a")).unwrap();
    sleep(Duration::from_secs(6));
    println!("most at once {} {:?}", most.load(Ordering::Relaxed), kanban.status().counts);
    assert_eq!(most.load(Ordering::Relaxed), 1);
}

// D: a seen store that panics once: the item hangs for ever.
#[test]
fn d_seen_panic_leaks() {
    let done = Arc::new(AtomicU64::new(0));
    let seen = done.clone();
    let runtime = Runtime::builder()
        .broker(BrokerConfig { lease: Duration::from_secs(1), ..BrokerConfig::default() })
        .pool("aaa", pool(1))
        .handler("aaa", move |_: &Work<'_>| { seen.fetch_add(1, Ordering::Relaxed); Outcome::Done })
        .seen_store(Arc::new(Bad { left: Mutex::new(1), panics: true }))
        .start().unwrap();
    let kanban = runtime.kanban().unwrap();
    kanban.publisher().publish(ItemSpec::new("aaa").id("a")).unwrap();
    sleep(Duration::from_secs(5));
    let status = kanban.status();
    println!("{:?} used {}", status.counts, status.consumer.unwrap().slots_used);
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

// E: low refused at the soft limit blocks high.
#[test]
fn e_low_blocks_high() {
    let high = Arc::new(AtomicU64::new(0));
    let h2 = high.clone();
    let runtime = Runtime::builder()
        .limits(6, 100).reserve(0.0)
        .pool("aaa", pool(1))
        .pool("web", pool(8))
        .handler("aaa", move |work: &Work<'_>| { if work.item().lane.priority == Priority::High { h2.fetch_add(1, Ordering::Relaxed); } sleep(Duration::from_millis(20)); Outcome::Done })
        .start().unwrap();
    let kanban = runtime.kanban().unwrap();
    for n in 0..50 { kanban.publisher().publish(ItemSpec::new("aaa").priority(Priority::Low).id(format!("l{n}"))).unwrap(); }
    sleep(Duration::from_millis(100));
    // interactive load up to the soft limit, far from the hard one
    let stop = Arc::new(AtomicBool::new(false));
    let web = runtime.domain("web").unwrap();
    for n in 0..8 { let s = stop.clone(); web.execute(format!("{n}").as_str(), move |_| while !s.load(Ordering::Relaxed) { sleep(Duration::from_millis(5)); }).unwrap(); }
    for n in 0..50 { kanban.publisher().publish(ItemSpec::new("aaa").priority(Priority::High).id(format!("h{n}"))).unwrap(); }
    sleep(Duration::from_secs(3));
    let before = high.load(Ordering::Relaxed);
    println!("high done {before}; {:?}", kanban.status().consumer.unwrap().queues);
    stop.store(true, Ordering::Relaxed);
    drop(runtime);
    assert!(before >= 40, "{before}");
}
