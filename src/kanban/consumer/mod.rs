//! The consumer: pulls items while there is capacity, hands them to pools, and settles how they ended.
#![doc = include_str!("README.md")]

mod clerk;
mod desk;
mod driver;
mod hand_over;
mod intake;
mod leases;
mod pull;
mod queue;
mod run;
mod sampling;
mod settling;
mod status;
mod strays;
mod table;
mod trial;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::breaker::BreakerSettings;
use super::broker::{Arrivals, Broker, BrokerError};
use super::cells::{Counts, Signal};
use super::depth::CoordinatorSettings;
use super::event::Events;
use super::item::Lane;
use super::name::{ItemId, Name};
use super::outcome::Handler;
use super::retry::{Expired, RetrySettings};
use super::seen::SeenStore;
use super::spans;
use crate::admission::Regulator;
use crate::domain::Domain;
use crate::pool::Flag;
use crate::priority::Priority;
use crate::spans::Spans;
use crate::sync::{Mutex, Parker, weakened};
use crate::thread::{Managed, panic_message};
use crate::time::{Clock, Deadline};
use clerk::{Clerk, Office};
use desk::Desk;
use driver::Driver;
pub use status::{ConsumerStatus, QueueStatus};

/// How a consumer works.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerSettings {
    pub(crate) pull: u32,
    pub(crate) prefetch: u32,
    pub(crate) slots: u32,
    pub(crate) share: f64,
    pub(crate) settle_timeout: Duration,
    pub(crate) stall_after: Duration,
    pub(crate) expired: Expired,
    pub(crate) breaker: BreakerSettings,
    pub(crate) sample_every: Duration,
    pub(crate) coordinator: CoordinatorSettings,
}

/// A domain whose items are consumed.
pub(crate) struct Source {
    pub(crate) name: Name,
    pub(crate) domain: Domain,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) retry: RetrySettings,
}

/// Told of every item that ended here: whether its handler succeeded, or it goes to the dead letters.
pub(crate) type Finished = Arc<dyn Fn(&ItemId, bool) + Send + Sync>;

/// What a consumer works with.
#[derive(Clone)]
pub(crate) struct Env {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) seen: Arc<dyn SeenStore>,
    pub(crate) regulator: Arc<Regulator>,
    pub(crate) clock: Clock,
    pub(crate) counts: Arc<Counts>,
    pub(crate) events: Events,
    pub(crate) finished: Finished,
    pub(crate) settings: ConsumerSettings,
    pub(crate) spans: Spans,
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Pull and run.
    #[default]
    Run,
    /// Pull and run until there is nothing left.
    Drain,
    /// Pull nothing, give back what is held, and wait for what runs.
    Stop,
    /// End now.
    Abandon,
}

/// What driver, workers and callers share.
struct Shared {
    sources: Vec<Source>,
    /// What spans call the broker.
    system: &'static str,
    desk: Desk,
    /// Tells handlers that their time is up: what they do not finish now is interrupted, which costs no attempt.
    interrupted: Flag,
    mode: Mutex<Mode>,
    status: Mutex<ConsumerStatus>,
}

/// A running consumer: one thread that pulls, hands over and settles, and one that waits for a slow broker's answers to the latter.
pub(crate) struct Consumer {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    driver: Managed,
    clerk: Option<Managed>,
}

/// What was left when a consumer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Items that still run, or whose end could not be told to the broker.
    pub(crate) abandoned: Vec<ItemId>,
    /// Items given back unrun.
    pub(crate) given_back: Vec<ItemId>,
    /// The threads that did not end.
    pub(crate) threads: Vec<String>,
}

/// How much time handlers that are told to stop have to do so, of the time there is for all.
const LAST_CALL: (u32, Duration) = (5, Duration::from_secs(1));

/// How long a driver that is to leave everything as it is is waited for: it may be within a call of its broker.
const LEAVE: Duration = Duration::from_secs(1);

impl Consumer {
    /// Opens the lanes of the sources and starts pulling.
    pub(crate) fn start(env: Env, sources: Vec<Source>) -> Result<Self, ConsumeError> {
        let (shared, mut driver, office) = prepare(env, sources)?;
        // So that its queues can be seen from the beginning.
        driver.publish_status();
        let spawn_clerk = |office: Office| Managed::spawn("hj-settle".to_owned(), move || office.serve());
        let clerk = office.map(spawn_clerk).transpose().map_err(ConsumeError::Thread)?;
        let driver = Managed::spawn("hj-kanban".to_owned(), move || supervise(&mut driver));
        let driver = driver.map_err(ConsumeError::Thread)?;
        Ok(Self { shared, threads: Mutex::new(Some(Threads { driver, clerk })) })
    }

    pub(crate) fn status(&self) -> ConsumerStatus {
        self.shared.status.lock().clone()
    }

    /// Ends: after the queue is empty (`drain`), or after what runs has ended. What still runs shortly before the deadline is told to
    /// stop; what runs at the deadline is left alone, and its id told.
    pub(crate) fn end(&self, drain: bool, deadline: &Deadline) -> Leftover {
        let Some(Threads { driver, clerk }) = self.threads.lock().take() else { return Leftover::default() };
        let last_call = (deadline.left() / LAST_CALL.0).min(LAST_CALL.1);
        let patience = deadline.left().saturating_sub(last_call);
        self.shared.set_mode(if drain { Mode::Drain } else { Mode::Stop });
        let mut driver = driver.join_until(&Deadline::after(patience));
        if let Err(running) = driver {
            self.shared.interrupted.set();
            self.shared.set_mode(Mode::Stop);
            driver = running.join_until(deadline);
        }
        let leave = Deadline::after(LEAVE);
        if let Err(running) = driver {
            self.shared.set_mode(Mode::Abandon);
            driver = running.join_until(&leave);
        }
        // It hears of the end from the driver.
        let clerk = clerk.map_or(Ok(()), |clerk| clerk.join_until(&leave));
        let status = self.shared.status.lock();
        Leftover {
            abandoned: status.on_loan.clone(),
            given_back: status.given_back.clone(),
            threads: [driver, clerk]
                .into_iter()
                .filter_map(Result::err)
                .map(|left| left.name().to_owned())
                .collect(),
        }
    }
}

/// Opens the lanes, and makes a driver that has yet to be started, with its clerk if the broker takes its time.
fn prepare(env: Env, sources: Vec<Source>) -> Result<(Arc<Shared>, Driver, Option<Office>), ConsumeError> {
    let parker = Parker::new();
    let signal = Signal::new(parker.unparker().clone());
    let lanes: Vec<Lane> = sources.iter().flat_map(|source| lanes_of(&source.name)).collect();
    let within = env.settings.settle_timeout;
    env.broker.open(&lanes, Arrivals::new(&signal), within).map_err(ConsumeError::Broker)?;
    let (desk, reports) = Desk::new(env.settings.slots as usize, signal.clone());
    let shared = Arc::new(Shared {
        sources,
        system: spans::system(env.broker.traits().name),
        desk,
        interrupted: Flag::default(),
        mode: Mutex::new(Mode::Run),
        status: Mutex::new(ConsumerStatus::default()),
    });
    // What keeps items beyond this process waits for a disk or a network, be it one of two.
    let takes_its_time = env.broker.traits().durable || env.broker.failover().is_some();
    let aside = takes_its_time.then(|| Clerk::new(env.broker.clone(), within, signal.clone()));
    let (clerk, office) = aside.unzip();
    let driver = Driver::new(env, shared.clone(), reports, parker, signal, clerk);
    Ok((shared, driver, office))
}

/// How long a driver that panicked rests: doubled each time, up to the second figure, in real time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// After so long without a panic, earlier ones are forgotten.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Drives until the end. A broker or a store that was plugged in may panic: the driver goes on with what it has, since the items
/// it holds are nowhere else.
fn supervise(driver: &mut Driver) {
    let mut backoff = BACKOFF.0;
    let mut since = Deadline::after(FORGIVEN);
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| driver.run())) {
        if since.passed() {
            backoff = BACKOFF.0;
        }
        let why = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
        std::mem::forget(payload);
        let _ = catch_unwind(AssertUnwindSafe(|| driver.died(&why, backoff)));
        std::thread::sleep(backoff);
        backoff = (backoff * 2).min(BACKOFF.1);
        since = Deadline::after(FORGIVEN);
    }
}

/// The lanes of a domain, by priority.
pub(crate) fn lanes_of(domain: &Name) -> [Lane; 3] {
    Priority::ALL.map(|priority| Lane { priority, domain: domain.clone() })
}

/// Why a consumer did not start.
#[derive(Debug)]
pub(crate) enum ConsumeError {
    /// The broker did not open the lanes.
    Broker(BrokerError),
    /// The system gave no thread.
    Thread(io::Error),
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        *self.mode.lock()
    }

    /// Tells the driver what to do from now on.
    fn set_mode(&self, mode: Mode) {
        if weakened("mode_late") {
            // The mistake that a model must find: the driver hears the call and sees the old mode.
            self.desk.ring();
            *self.mode.lock() = mode;
            return;
        }
        *self.mode.lock() = mode;
        self.desk.ring();
    }
}
