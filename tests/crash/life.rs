//! The process that is killed: publishers, a consumer, and a history of what they did.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use heijunka::history::History;
use heijunka::{
    BreakerConfig, BrokerConfig, BrokerKind, Kanban, KanbanConfig, Outcome, PoolConfig, PublishError,
    Receipt, RetryConfig, Runtime, SyncConfig, Work,
};

use crate::kind::{self, DOMAIN, Kind};
use crate::plan::{Plan, Sync, Twin};

/// Items that a life holds, runs or settles at most: as many may be run again after it was killed.
pub(crate) const SLOTS: u32 = 16;

/// Published while no more than so many are there: what piles up without end tells nothing new.
const BACKLOG: u64 = 300;

/// A life that neither ends nor is killed hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// Says how far it has come, for the killer to hear.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n@{what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "is started by the other tests"]
fn live() {
    let Some(plan) = Plan::own() else { return };
    let watch = thread::Builder::new().name("watch".to_owned());
    let hangs = watch.spawn(|| {
        thread::sleep(LONGEST);
        eprintln!("it hangs");
        std::process::exit(3);
    });
    hangs.unwrap();
    say("opening");
    let history = Arc::new(History::append_to(plan.history()).unwrap());
    let runtime = start(&plan, &history);
    say("working");
    let kanban = runtime.kanban().unwrap();
    let enough = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        for publisher in 0..if plan.publishes { 3 } else { 0 } {
            let (plan, history, kanban, enough) = (&plan, &*history, &kanban, &enough);
            scope.spawn(move || publish(plan, publisher, kanban, history, enough));
        }
        thread::sleep(plan.drain_after.unwrap_or(LONGEST));
        enough.store(true, Ordering::Relaxed);
        say("draining");
        runtime.drain(Duration::from_secs(60))
    });
    assert!(report.is_clean(), "{report:?}");
    say("drained");
}

fn start(plan: &Plan, history: &Arc<History>) -> Runtime {
    let broker = BrokerConfig {
        kind: if plan.twin == Twin::KeepsItemsInMemory { BrokerKind::Memory } else { BrokerKind::File },
        path: plan.folder.join("queue.redb"),
        sync: if plan.sync == Sync::Disk { SyncConfig::Disk } else { SyncConfig::Process },
        ..BrokerConfig::default()
    };
    let retry = RetryConfig {
        max_attempts: 4,
        max_deliveries: plan.max_deliveries,
        base: Duration::from_millis(4),
        cap: Duration::from_millis(50),
        timeout: Duration::from_secs(30),
    };
    let breaker = BreakerConfig { open: Duration::from_millis(10), ..BreakerConfig::default() };
    let pool = PoolConfig { min_workers: 3, max_workers: 3, pin: false, ..PoolConfig::default() };
    let (twin, told) = (plan.twin, history.clone());
    Runtime::builder()
        .pool(DOMAIN, pool)
        .broker(broker)
        .kanban(KanbanConfig { slots: SLOTS, retry, breaker, ..KanbanConfig::default() })
        .handler(DOMAIN, move |work: &Work<'_>| handle(work, twin, &told))
        .start()
        .unwrap()
}

fn handle(work: &Work<'_>, twin: Twin, history: &History) -> Outcome {
    let id = work.item().id.as_str();
    if work.item().payload != kind::payload(id) {
        // Nobody ever attempted that.
        history.ran(&format!("damaged-{id}"));
        return Outcome::Done;
    }
    match Kind::of(id) {
        Kind::Slow => thread::sleep(Duration::from_millis(8)),
        Kind::Flaky if work.attempt() <= 2 => return Outcome::retry("flaky"),
        Kind::Panics if work.attempt() == 1 => panic!("so it goes"),
        Kind::Dead => return Outcome::dead_letter("it is no good"),
        Kind::Kills => std::process::abort(),
        _ => {}
    }
    match twin {
        Twin::AcknowledgesBeforeItRuns if Kind::of(id) == Kind::Slow => return Outcome::Done,
        Twin::RunsTwice if Kind::of(id) == Kind::Slow => history.ran(id),
        _ => {}
    }
    history.ran(id);
    Outcome::Done
}

/// Publishes until it is enough, or there is no more broker.
fn publish(plan: &Plan, publisher: u64, kanban: &Kanban, history: &History, enough: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(plan.seed ^ (plan.life << 8) ^ publisher);
    let name = format!("publisher-{publisher}");
    if publisher == 0 {
        publish_again(plan, kanban, history);
    }
    let mut n = 0;
    while !enough.load(Ordering::Relaxed) {
        if kanban.broker().item_count(Duration::from_secs(5)).is_ok_and(|count| count > BACKLOG) {
            thread::sleep(Duration::from_millis(2));
            continue;
        }
        let ids: Vec<String> = (0..random.u64(1..8))
            .map(|m| Kind::any(&mut random).id(&format!("{}-{publisher}-{}", plan.life, n + m)))
            .collect();
        n += ids.len() as u64;
        for id in &ids {
            history.attempted_by(&name, id);
        }
        if plan.twin == Twin::ConfirmsBeforeItStores && n % 10 == 0 {
            history.confirmed(&ids[0]);
            continue;
        }
        let answers = kanban.publisher().publish_batch(ids.iter().map(|id| kind::spec(id)));
        for (id, answer) in ids.iter().zip(answers) {
            tell(history, id, answer);
        }
        thread::sleep(Duration::from_micros(random.u64(0..3000)));
    }
}

/// Publishes what an earlier life did not come to know the end of.
fn publish_again(plan: &Plan, kanban: &Kanban, history: &History) {
    let Ok(ids) = std::fs::read_to_string(plan.again()) else { return };
    for id in ids.lines() {
        history.unknown(id);
        tell(history, id, kanban.publisher().publish(kind::spec(id)));
    }
}

fn tell(history: &History, id: &str, answer: Result<Receipt, PublishError>) {
    match answer {
        Ok(_) => history.confirmed(id),
        Err(PublishError::NotStored(_)) => {}
        Err(PublishError::Unknown(_)) => history.unknown(id),
        Err(error) => panic!("{id}: {error}"),
    }
}
