//! What a review found, and what must not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use heijunka::{
    BrokerConfig, BrokerError, BrokerTraits, Builder, Clock, DomainConfig, ItemSpec, KanbanConfig,
    MemorySeen, PoolConfig, Priority, RetryConfig, Runtime, Seen, SeenError, SeenKey, SeenStore, Work,
};
use parking_lot::Mutex;

use crate::common::{Gate, eventually};
use crate::failover::faulty::{Faulty, Wrong};
use crate::rig::{Call, InMemory, Meddled, Meddler, Setup};

fn workers(many: u32) -> PoolConfig {
    PoolConfig { min_workers: many, max_workers: many, ..PoolConfig::default() }
}

fn publish(runtime: &Runtime, specs: impl IntoIterator<Item = ItemSpec>) {
    let kanban = runtime.kanban().unwrap();
    assert!(kanban.publisher().publish_batch(specs).iter().all(Result::is_ok));
}

/// One domain that may not start anything takes nothing away from those after it.
#[test]
fn a_refused_domain_holds_up_nobody_else() {
    let (gate, done) = (Gate::default(), Arc::new(AtomicU32::new(0)));
    let (wait, count) = (gate.waiter(), done.clone());
    let runtime = Runtime::builder()
        .sub_limit("one", 1)
        .domain("aaa", DomainConfig { sub_limit: Some("one".to_owned()), ..DomainConfig::default() })
        .pool("aaa", workers(3))
        .pool("bbb", workers(3))
        .handler("aaa", move |_: &Work<'_>| wait())
        .handler("bbb", move |_: &Work<'_>| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .start()
        .unwrap();
    publish(&runtime, (0..5).map(|n| ItemSpec::new("aaa").id(format!("a{n}"))));
    gate.wait_for(1);
    publish(&runtime, (0..10).map(|n| ItemSpec::new("bbb").id(format!("b{n}"))));
    eventually("the other domain is worked on", || done.load(Ordering::Relaxed) == 10);
    gate.open();
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
}

/// Low items that are shed at the soft limit wait, and high ones pass them.
#[test]
fn refused_low_items_hold_up_no_high_ones() {
    let (jobs, high) = (Gate::default(), Arc::new(AtomicU32::new(0)));
    let count = high.clone();
    let runtime = Runtime::builder()
        .limits(6, 100)
        .reserve(0.0)
        .pool("aaa", workers(1))
        .pool("web", workers(8))
        .handler("aaa", move |work: &Work<'_>| {
            count.fetch_add(u32::from(work.item().lane.priority == Priority::High), Ordering::Relaxed);
        })
        .start()
        .unwrap();
    let web = runtime.domain("web").unwrap();
    for n in 0..8 {
        web.execute(n, jobs.job()).unwrap();
    }
    jobs.wait_for(8);
    publish(&runtime, (0..50).map(|n| ItemSpec::new("aaa").priority(Priority::Low).id(format!("l{n}"))));
    publish(&runtime, (0..50).map(|n| ItemSpec::new("aaa").priority(Priority::High).id(format!("h{n}"))));
    eventually("all high items are done", || high.load(Ordering::Relaxed) == 50);
    jobs.open();
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
}

/// Offers of held items are not arrivals, and their refusals are nobody's.
#[test]
fn refused_offers_are_not_counted() {
    let gate = Gate::default();
    let wait = gate.waiter();
    let runtime = Runtime::builder()
        .sub_limit("one", 1)
        .domain("aaa", DomainConfig { sub_limit: Some("one".to_owned()), ..DomainConfig::default() })
        .pool("aaa", workers(3))
        .handler("aaa", move |_: &Work<'_>| wait())
        .start()
        .unwrap();
    publish(&runtime, (0..5).map(|n| ItemSpec::new("aaa").id(format!("a{n}"))));
    gate.wait_for(1);
    eventually("the next are held", || {
        runtime.kanban().unwrap().status().consumer.is_some_and(|consumer| consumer.queues[0].held > 0)
    });
    // Some offers later.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(runtime.regulator().status().refused.total(), 0);
    gate.open();
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
}

/// Fails so often, by an error or by a panic.
#[derive(Debug)]
struct Failing {
    left: Mutex<u32>,
    panics: bool,
}

impl SeenStore for Failing {
    fn begin(&self, _: &SeenKey, _: Duration) -> Result<Seen, SeenError> {
        let mut left = self.left.lock();
        if *left == 0 {
            return Ok(Seen::New);
        }
        *left -= 1;
        drop(left);
        assert!(!self.panics, "the store panics");
        Err(SeenError("down".to_owned()))
    }

    fn extend(&self, _: &SeenKey, _: Duration) {}

    fn done(&self, _: &SeenKey) -> Result<(), SeenError> {
        Ok(())
    }

    fn forget(&self, _: &SeenKey) {}
}

fn done_in_spite_of(seen: Failing) {
    let done = Arc::new(AtomicU32::new(0));
    let count = done.clone();
    let retry = RetryConfig { max_attempts: 2, max_deliveries: 2, ..RetryConfig::default() };
    let runtime = Runtime::builder()
        .kanban(KanbanConfig { retry, ..KanbanConfig::default() })
        .pool("aaa", workers(1))
        .handler("aaa", move |_: &Work<'_>| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .seen_store(Arc::new(seen))
        .start()
        .unwrap();
    publish(&runtime, [ItemSpec::new("aaa").id("a")]);
    eventually("it is done", || done.load(Ordering::Relaxed) == 1);
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
    assert_eq!(runtime.kanban().unwrap().status().counts.dead_lettered, 0);
}

/// What was given back because it could not be looked up was not delivered too often.
#[test]
fn a_store_that_was_down_makes_nothing_poison() {
    done_in_spite_of(Failing { left: Mutex::new(3), panics: false });
}

/// The driver goes on with what it has.
#[test]
fn a_store_that_panics_strands_nothing() {
    done_in_spite_of(Failing { left: Mutex::new(1), panics: true });
}

/// A stalled item comes again, but is not run beside itself.
#[test]
fn a_stalled_item_does_not_run_beside_itself() {
    let (gate, now, most) = (Gate::default(), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (wait, inside, peak) = (gate.waiter(), now.clone(), most.clone());
    let runtime = Runtime::builder()
        .broker(BrokerConfig { lease: Duration::from_secs(1), ..BrokerConfig::default() })
        .kanban(KanbanConfig { stall_after: Duration::from_millis(300), ..KanbanConfig::default() })
        .pool("aaa", workers(4))
        .handler("aaa", move |_: &Work<'_>| {
            peak.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            wait();
            inside.fetch_sub(1, Ordering::Relaxed);
        })
        .start()
        .unwrap();
    publish(&runtime, [ItemSpec::new("aaa").id("a")]);
    eventually("it was delivered again, and recognised", || {
        runtime.kanban().unwrap().status().counts.concurrent >= 2
    });
    assert_eq!(most.load(Ordering::Relaxed), 1);
    gate.open();
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
    assert_eq!(runtime.kanban().unwrap().status().counts.done, 1);
}

/// While the driver waits for the broker it extends no lease: what comes again because of that is not run beside itself.
#[test]
fn a_broker_slower_than_a_lease_makes_nothing_run_beside_itself() {
    let (gate, runs, lease) = (Gate::default(), Arc::new(Mutex::new(Vec::new())), Duration::from_millis(300));
    let (wait, ran) = (gate.waiter(), runs.clone());
    let broker = Faulty::leased("slow", lease);
    let runtime = Runtime::builder()
        .on_broker(broker.clone())
        .pool("aaa", workers(4))
        .handler("aaa", move |work: &Work<'_>| {
            ran.lock().push(work.item().id.as_str().to_owned());
            wait();
        })
        .start()
        .unwrap();
    publish(&runtime, [ItemSpec::new("aaa").id("a")]);
    gate.wait_for(1);
    broker.set(Wrong::PullsSlowly(lease * 3));
    publish(&runtime, [ItemSpec::new("aaa").id("b")]);
    eventually("it was delivered again, and looked up", || {
        runtime.kanban().unwrap().status().counts.concurrent > 0 || runs.lock().len() > 2
    });
    broker.set(Wrong::Nothing);
    gate.open();
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
    runs.lock().sort();
    assert_eq!(*runs.lock(), ["a", "b"]);
}

/// Cannot record that one item is done while it is stuck.
#[derive(Debug)]
struct Stuck {
    inner: MemorySeen,
    fails: AtomicBool,
    recorded: AtomicBool,
}

impl SeenStore for Stuck {
    fn begin(&self, key: &SeenKey, lease: Duration) -> Result<Seen, SeenError> {
        self.inner.begin(key, lease)
    }

    fn extend(&self, key: &SeenKey, lease: Duration) {
        self.inner.extend(key, lease);
    }

    fn done(&self, key: &SeenKey) -> Result<(), SeenError> {
        if key.id.as_str() == "a" {
            if self.fails.load(Ordering::Relaxed) {
                return Err(SeenError("not now".to_owned()));
            }
            self.recorded.store(true, Ordering::Relaxed);
        }
        self.inner.done(key)
    }

    fn forget(&self, key: &SeenKey) {
        self.inner.forget(key);
    }
}

/// Takes its time over settlements, as a server does: some are on their way all the time.
struct FarAway;

impl Meddler for FarAway {
    fn before(&self, call: Call, _: Duration) -> Result<(), BrokerError> {
        if call == Call::Settle {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn traits(&self, traits: BrokerTraits) -> BrokerTraits {
        BrokerTraits { durable: true, ..traits }
    }
}

#[test]
fn what_cannot_be_recorded_as_done_does_not_run_again_and_is_recorded_later() {
    not_recorded_for_a_while(Runtime::builder().on_broker(InMemory.open(Duration::from_secs(1))));
}

#[test]
fn what_cannot_be_recorded_as_done_is_recorded_later_though_others_are_settled_all_the_time() {
    let broker = Meddled::new(InMemory.open(Duration::from_secs(1)), FarAway);
    not_recorded_for_a_while(Runtime::builder().on_broker(broker));
}

/// It is done, though nobody can write that down yet: for longer than its lease, while others come and go.
fn not_recorded_for_a_while(builder: Builder) {
    let runs = Arc::new(AtomicU32::new(0));
    let inner = MemorySeen::new(1_000_000, Duration::from_secs(600), Clock::monotonic());
    let seen = Arc::new(Stuck { inner, fails: AtomicBool::new(true), recorded: AtomicBool::new(false) });
    let ran = runs.clone();
    let runtime = builder
        .pool("aaa", workers(2))
        .pool("bbb", workers(2))
        .handler("aaa", move |_: &Work<'_>| {
            ran.fetch_add(1, Ordering::Relaxed);
        })
        .handler("bbb", |_: &Work<'_>| std::thread::sleep(Duration::from_millis(1)))
        .seen_store(seen.clone())
        .start()
        .unwrap();
    let counts = || runtime.kanban().unwrap().status().counts;
    let others = AtomicU32::new(0);
    // There is always something that can be settled.
    let busily = |what: &str, is_so: &dyn Fn() -> bool| {
        eventually(what, || {
            while u64::from(others.load(Ordering::Relaxed)) < counts().acked + 20 {
                let n = others.fetch_add(1, Ordering::Relaxed);
                publish(&runtime, [ItemSpec::new("bbb").id(format!("b{n}"))]);
            }
            is_so()
        });
    };
    publish(&runtime, [ItemSpec::new("aaa").id("a")]);
    busily("it was delivered again, and looked up", &|| {
        counts().concurrent > 0 || runs.load(Ordering::Relaxed) > 1
    });
    seen.fails.store(false, Ordering::Relaxed);
    busily("it is recorded", &|| seen.recorded.load(Ordering::Relaxed));
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}
