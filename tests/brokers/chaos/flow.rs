//! Items that flow through a broker while things happen to it: publishers that publish until they are told it is stored, a
//! runtime that consumes, and the history of both.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use heijunka::history::{CheckReport, History};
use heijunka::{
    BreakerConfig, Broker, Clock, Kanban, KanbanConfig, Outcome, PoolConfig, PublishError, Publisher,
    RetryConfig, Runtime, Work,
};
use parking_lot::Mutex;

use super::letters::{self, DOMAIN, Kind};
use super::plan::Plan;

pub(crate) const PUBLISHERS: u32 = 2;

/// Items that a process holds at most.
pub(crate) const SLOTS: u32 = 64;

/// What has not happened by then hangs.
const HANGS: Duration = Duration::from_secs(120);

/// What publishers and handlers share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) history: History,
    /// What has run.
    ran: Mutex<HashSet<String>>,
    // Relaxed, all four: counts and a flag that are polled, and guard no other data.
    published: AtomicU64,
    refused: AtomicU64,
    unknown: AtomicU64,
    enough: AtomicBool,
}

impl Shared {
    /// How many ids that begin so have run.
    pub(crate) fn ran(&self, begin: &str) -> usize {
        self.ran.lock().iter().filter(|id| id.starts_with(begin)).count()
    }

    /// How many items failed for good.
    pub(crate) fn dead(&self) -> usize {
        self.ran.lock().iter().filter(|id| Kind::of(id) == Kind::Dead).count()
    }
}

pub(crate) struct Flow {
    name: String,
    plan: Plan,
    clock: Clock,
    broker: Arc<dyn Broker>,
    runtime: Option<Runtime>,
    pub(crate) shared: Arc<Shared>,
    publishing: Vec<JoinHandle<()>>,
    probes: u64,
}

impl Flow {
    /// Publishes to this broker and consumes from it, in this process.
    pub(crate) fn start(name: &str, plan: Plan, broker: Arc<dyn Broker>) -> Self {
        let shared = Arc::new(Shared::default());
        let runtime = consume(broker.clone(), {
            let shared = shared.clone();
            move |work| handle(work, &shared)
        });
        Self::run(name, plan, broker, Some(runtime), shared)
    }

    /// Publishes only: others consume.
    pub(crate) fn publish_only(name: &str, plan: Plan, broker: Arc<dyn Broker>) -> Self {
        Self::run(name, plan, broker, None, Arc::default())
    }

    fn run(
        name: &str,
        plan: Plan,
        broker: Arc<dyn Broker>,
        runtime: Option<Runtime>,
        shared: Arc<Shared>,
    ) -> Self {
        let publishing = (0..PUBLISHERS).map(|number| {
            let (broker, shared) = (broker.clone(), shared.clone());
            let work = move || publish(plan, number, broker, &shared);
            thread::Builder::new().name(format!("publisher-{number}")).spawn(work).unwrap()
        });
        let publishing = publishing.collect();
        let (name, clock) = (name.to_owned(), Clock::monotonic());
        Self { name, plan, clock, broker, runtime, shared, publishing, probes: 0 }
    }

    pub(crate) fn kanban(&self) -> Kanban {
        self.runtime.as_ref().and_then(Runtime::kanban).expect("it consumes")
    }

    /// Items published and confirmed until now.
    pub(crate) fn published(&self) -> u64 {
        self.shared.published.load(Ordering::Relaxed)
    }

    /// Waits until so many more are confirmed, that is, until it goes on or has gone on for a while.
    pub(crate) fn wait_for_more(&self, items: u64) {
        let wanted = self.published() + items;
        self.wait_until("more is published", || self.published() >= wanted);
    }

    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = self.clock.now();
        while !is_so() {
            assert!(self.clock.now().since(start) < HANGS, "{}: not within {HANGS:?}: {what}", self.name);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Publishes one item more, waits until it has run or so many others have that they cannot have been in hand before, and says how
    /// long that took: after a fault was healed, the time until work flows again, however much of it waits.
    pub(crate) fn flows_again(&mut self, after: &str) {
        let start = self.clock.now();
        self.probes += 1;
        let id = Kind::Quick.id(&format!("probe-{}", self.probes));
        let publisher = publisher(self.broker.clone());
        self.shared.history.attempted(&id);
        while !attempt(&publisher, &id, &self.shared) {
            assert!(
                self.clock.now().since(start) < HANGS,
                "{}: nothing can be published after {after}",
                self.name
            );
            thread::sleep(Duration::from_millis(20));
        }
        let stored = self.clock.now().since(start);
        if self.runtime.is_some() {
            let before = self.shared.ran.lock().len();
            self.wait_until(&format!("items run after {after}"), || {
                let ran = self.shared.ran.lock();
                ran.contains(&id) || ran.len() > before + SLOTS as usize
            });
        }
        let ran = self.clock.now().since(start);
        println!("{}: after {after}: published within {stored:.1?}, run within {ran:.1?}", self.name);
    }

    /// Removes all dead letters, and tells the history.
    pub(crate) fn empty_dead_letters(&self, broker: &Arc<dyn Broker>) {
        for letter in letters::dead(broker) {
            let removed = broker.remove_dead_letter(letter.serial, letters::WITHIN);
            assert_eq!(removed, Ok(true), "{letter:?}");
            self.shared.history.dead_lettered(letter.item.id.as_str());
        }
        broker.close(letters::WITHIN);
    }

    /// Lets the publishers finish.
    pub(crate) fn stop_publishing(&mut self) {
        self.shared.enough.store(true, Ordering::Relaxed);
        for publisher in self.publishing.drain(..) {
            publisher.join().expect("the publishers are well");
        }
    }

    /// When all faults are healed: lets publishers finish, runs what is left, and compares.
    ///
    /// `look` opens the broker once more, after it was closed, and counts what is left.
    pub(crate) fn finish(mut self, look: impl FnOnce() -> (Arc<dyn Broker>, u64)) -> CheckReport {
        self.stop_publishing();
        let runtime = self.runtime.take().expect("it consumes");
        let drained = runtime.drain(HANGS);
        assert!(drained.is_clean(), "{}: {drained:?}", self.name);
        let (broker, left) = look();
        self.compare(&broker, left)
    }

    /// The end of one that only publishes, when who consumed has ended.
    pub(crate) fn compare(self, broker: &Arc<dyn Broker>, left: u64) -> CheckReport {
        assert_eq!(left, 0, "{}: it was drained\n{}", self.name, self.shared.history.check());
        for letter in letters::dead(broker) {
            let id = letter.item.id.as_str();
            assert_eq!(letter.reason, "permanent", "{}: {letter:?}", self.name);
            assert_eq!(letter.item.payload, letters::payload(id), "{}: {id} is damaged", self.name);
            assert_eq!(Kind::of(id), Kind::Dead, "{}: {letter:?}", self.name);
            self.shared.history.dead_lettered(id);
        }
        broker.close(letters::WITHIN);
        let report = self.shared.history.check();
        let refused = self.shared.refused.load(Ordering::Relaxed);
        let unknown = self.shared.unknown.load(Ordering::Relaxed);
        println!(
            "{}: {refused} times not stored, {unknown} times unknown, and published again\n{report}",
            self.name
        );
        assert!(report.is_clean() && report.ended_twice.is_empty(), "{}: {report}", self.name);
        assert!(report.done >= self.plan.items * 9 / 10, "there was something to lose");
        report
    }
}

/// A runtime that consumes from this broker, and gives it what makes tests quick.
pub(crate) fn consume(
    broker: Arc<dyn Broker>,
    handler: impl Fn(&Work<'_>) -> Outcome + Send + Sync + 'static,
) -> Runtime {
    let retry = RetryConfig {
        max_attempts: 4,
        // Every cut makes one more of what is held then.
        max_deliveries: 10_000,
        base: Duration::from_millis(4),
        cap: Duration::from_millis(100),
        timeout: Duration::from_secs(30),
    };
    let breaker = BreakerConfig { open: Duration::from_millis(10), ..BreakerConfig::default() };
    let pool = PoolConfig { min_workers: 8, max_workers: 8, pin: false, ..PoolConfig::default() };
    let kanban = KanbanConfig { slots: SLOTS, retry, breaker, ..KanbanConfig::default() };
    let builder = Runtime::builder().pool(DOMAIN, pool).on_broker(broker).kanban(kanban);
    builder.handler(DOMAIN, handler).start().unwrap_or_else(|error| panic!("it does not start: {error}"))
}

fn handle(work: &Work<'_>, shared: &Shared) -> Outcome {
    let id = work.item().id.as_str();
    let outcome = judge(work, &shared.history);
    shared.ran.lock().insert(id.to_owned());
    outcome
}

/// What becomes of an item, told before it is returned.
pub(crate) fn judge(work: &Work<'_>, history: &History) -> Outcome {
    let id = work.item().id.as_str();
    if work.item().payload != letters::payload(id) {
        // Nobody ever attempted that.
        history.ran(&format!("damaged-{id}"));
        return Outcome::Done;
    }
    match Kind::of(id) {
        Kind::Slow => thread::sleep(Duration::from_millis(20)),
        Kind::Flaky if work.attempt() == 1 => return Outcome::retry("flaky"),
        Kind::Dead => return Outcome::dead_letter("it is no good"),
        _ => {}
    }
    history.ran(id);
    Outcome::Done
}

fn publisher(broker: Arc<dyn Broker>) -> Publisher {
    Publisher::new(broker, Clock::monotonic()).timeout(Duration::from_secs(2))
}

/// Publishes once, and tells; whether it is stored.
fn attempt(publisher: &Publisher, id: &str, shared: &Shared) -> bool {
    match publisher.publish(letters::spec(id)) {
        Ok(_) => shared.history.confirmed(id),
        Err(PublishError::NotStored(_)) => {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        Err(PublishError::Unknown(_)) => {
            shared.unknown.fetch_add(1, Ordering::Relaxed);
            shared.history.unknown(id);
            return false;
        }
        Err(error) => panic!("{id}: {error}"),
    }
    shared.published.fetch_add(1, Ordering::Relaxed);
    true
}

fn publish(plan: Plan, number: u32, broker: Arc<dyn Broker>, shared: &Shared) {
    let mut random = fastrand::Rng::with_seed(plan.seed ^ u64::from(number + 1));
    let publisher = publisher(broker);
    let share = plan.items.div_ceil(u64::from(PUBLISHERS));
    let pause = plan.pause();
    let name = format!("publisher-{number}");
    for n in 0.. {
        if n >= share && shared.enough.load(Ordering::Relaxed) {
            break;
        }
        let id = Kind::any(&mut random).id(&format!("{number}-{n}"));
        shared.history.attempted_by(&name, &id);
        while !attempt(&publisher, &id, shared) {
            thread::sleep(Duration::from_millis(random.u64(5..50)));
        }
        thread::sleep(pause.mul_f64(random.f64() * 2.0));
    }
}
