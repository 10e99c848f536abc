//! The adapter to NATS JetStream: the same contract, kept by a server elsewhere, for any number of processes.
//!
//! Its README tells the states and steps, and what could go wrong.

mod connect;
mod decode;
mod desk;
mod exchange;
mod flights;
mod headers;
mod io;
mod kept;
mod names;
mod preflight;
mod publish;
mod pull;
mod quarantine;
mod remnants;
mod replies;
mod session;
mod settings;
mod settle;
mod strays;
mod talk;
mod tally;
mod topology;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ServerInfo;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;

pub use settings::{NatsAuth, NatsSettings, NatsTls};

use super::broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Delivery, Depth, Finding, PublishError, Settled, Settlement,
    Stored, Ticket, Traits, Want,
};
use super::item::{Item, Lane};
use super::name::Name;
use crate::priority::Priority;
use crate::thread::Managed;
use crate::time::{Clock, Deadline, Timestamp};
use desk::Desk;
use exchange::Command;
use io::Io;
use talk::Talk;

/// The name of its thread.
const THREAD: &str = "hj-nats";

/// What waits for the thread at most.
const QUEUE: usize = 1024;

/// How long an adapter that is dropped without having been closed waits for its thread.
const DROP_PATIENCE: Duration = Duration::from_secs(2);

/// What a message may take up beside its payload, if the server's limit allows.
const HEADERS: usize = 64 * 1024;

/// What is left for what a dead letter says more than the item did.
const LETTER: usize = 4 * 1024;

/// Items kept by NATS JetStream.
///
/// All calls are synchronous and none waits longer than it is told to; the connection belongs to one thread, `hj-nats`, which ends with it.
pub struct Nats {
    settings: NatsSettings,
    talk: Talk,
    /// Of calendars alone.
    clock: Clock,
    limits: Limits,
    /// Tells tickets of this connection from those of others.
    generation: u64,
    thread: Mutex<Option<Managed>>,
    replaced: Arc<Mutex<u64>>,
    /// The lane of what is in no lane.
    nowhere: Lane,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    payload: usize,
    /// Of payload and headers together.
    message: usize,
}

impl Nats {
    /// Connects, and sees to it that the streams are there and as they must be.
    ///
    /// Blocks for as long as one attempt to connect may take to each of the servers, and as long again for the streams. `clock` gives
    /// the time of what dies here; leases are the server's, and in real time.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] if no server answers, [`BrokerError::Refused`] if it does not know us, [`BrokerError::Unusable`]
    /// if settings are wrong, JetStream is not enabled, or a stream has other settings than it must have: with what would help.
    pub fn connect(settings: NatsSettings, clock: Clock) -> Result<Self, BrokerError> {
        let (nats, _) = Self::start(settings, clock)?;
        let deadline = Deadline::after(nats.settings.connect_timeout);
        topology::streams(&nats.talk, &nats.settings, &deadline)?;
        Ok(nats)
    }

    /// Looks at a server and at what is there, and changes nothing.
    ///
    /// # Errors
    /// [`BrokerError`] if it cannot even be looked at.
    pub fn preflight(settings: &NatsSettings) -> Result<Vec<Finding>, BrokerError> {
        let (nats, info) = Self::start(settings.clone(), Clock::monotonic())?;
        let found = preflight::look(&nats, &info);
        nats.close(settings.connect_timeout);
        found
    }

    /// How often the connection was lost and made anew.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        *self.replaced.lock()
    }

    fn start(settings: NatsSettings, clock: Clock) -> Result<(Self, ServerInfo), BrokerError> {
        settings.check()?;
        let time = Clock::monotonic();
        let desk = Arc::new(Mutex::new(Desk::new(settings.lease)));
        let (commands, received) = mpsc::channel(QUEUE);
        let replaced = Arc::new(Mutex::new(0));
        let io = Io {
            settings: settings.clone(),
            desk: desk.clone(),
            time: time.clone(),
            commands: received,
            server: None,
            replaced: replaced.clone(),
        };
        let (first, connected) = oneshot::channel();
        let thread = Managed::spawn(THREAD.into(), move || io.run(first)).map_err(|error| {
            BrokerError::Unavailable(format!("NATS: no thread could be started: {error}"))
        })?;
        let nobody = || BrokerError::Unavailable(format!("NATS at {}: nothing answered", settings.shown()));
        // The thread has its own limit for this, and tells more.
        let servers = u32::try_from(settings.urls.len()).unwrap_or(u32::MAX);
        let patience = settings.connect_timeout * (servers + 2) + Duration::from_secs(5);
        let first = connected.recv_timeout(patience).map_err(|_| nobody()).and_then(|first| first);
        let talk = Talk { desk, commands, time };
        let info = match first {
            Ok(info) => info,
            Err(error) => {
                talk.try_command(Command::Close);
                drop(thread.join_until(&Deadline::after(DROP_PATIENCE)));
                return Err(error);
            }
        };
        let most = info.max_payload;
        let message = most.saturating_sub(LETTER.min(most / 4));
        let payload = settings.max_payload.min(message.saturating_sub(HEADERS.min(most / 4)));
        let nowhere = Lane { priority: Priority::Normal, domain: unknown_domain() };
        let nats = Self {
            settings,
            talk,
            clock,
            limits: Limits { payload, message },
            generation: fastrand::u64(..) >> 1,
            thread: Mutex::new(Some(thread)),
            replaced,
            nowhere,
        };
        Ok((nats, info))
    }

    fn stop(&self, deadline: &Deadline) {
        let Some(thread) = self.thread.lock().take() else { return };
        // A queue that is full empties, or the thread is stuck and is left.
        while !self.talk.try_command(Command::Close) && !thread.has_ended() && !deadline.passed() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.talk.desk.lock().link = desk::Link::Closed;
        if let Err(thread) = thread.join_until(deadline) {
            tracing::warn!(thread = thread.name(), "the thread of NATS did not end in time, and is left");
        }
    }
}

fn unknown_domain() -> Name {
    #[expect(clippy::expect_used, reason = "the word is a name")]
    Name::new("unknown").expect("it is a name")
}

impl Broker for Nats {
    fn traits(&self) -> Traits {
        Traits {
            name: "nats",
            durable: true,
            lease: self.settings.lease,
            poll: None,
            max_payload: self.limits.payload,
        }
    }

    fn open(&self, lanes: &[Lane], arrivals: Arrivals, within: Duration) -> Result<(), BrokerError> {
        self.talk.desk.lock().usable()?;
        let deadline = Deadline::after(within);
        for lane in lanes {
            topology::consumer(&self.talk, &self.settings, lane, &deadline)?;
            self.talk.desk.lock().open(lane, &arrivals);
        }
        Ok(())
    }

    fn publish(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        self.store(items, within)
    }

    fn pull(&self, wants: &[Want<'_>], within: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.take(wants, within)
    }

    fn settle(&self, settlements: Vec<Settlement>, within: Duration) -> Vec<Settled> {
        self.end(settlements, within)
    }

    fn extend(&self, tickets: &[&Ticket], within: Duration) -> Result<(), BrokerError> {
        self.prolong(tickets, within)
    }

    fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        self.depth_of(lane, within)
    }

    fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        self.messages(&self.settings.stream, within)
    }

    fn strays(&self, within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        self.holding(within)
    }

    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        self.letters(after, most, within)
    }

    fn dead_letter_count(&self, within: Duration) -> Result<(u64, Option<Timestamp>), BrokerError> {
        self.letter_count(within)
    }

    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.remove_letter(serial, within)
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>, within: Duration) -> Result<(), BrokerError> {
        self.write_note(name, note, within)
    }

    fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.all_notes(within)
    }

    fn close(&self, within: Duration) {
        self.stop(&Deadline::after(within));
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop(&Deadline::after(DROP_PATIENCE));
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("settings", &self.settings).finish_non_exhaustive()
    }
}
