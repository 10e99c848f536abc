//! The loop of the thread `hj-ops`: who comes in, whose turn it is, and who took too long.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};
use parking_lot::Mutex;

use super::connection::Connection;
use super::gate::Gate;
use super::helpers::Helpers;
use super::routes::Routes;
use super::settings::{OpsLimits, OpsSettings};
use super::socket::{Door, Socket};
use super::turn::{Next, Service};
use crate::thread::panic_message;
use crate::time::{Clock, Moment};

/// The token of the waker; those of doors follow.
const WAKER: Token = Token(0);

/// Where the tokens of connections begin. They only rise, so that no late event or answer meets another connection.
const FIRST: usize = 1 << 10;

/// Connections that are only told that there are too many; more than these are just closed.
const SURPLUS: usize = 64;

/// Connections accepted before others have their turn.
const ENTERING: usize = 64;

/// Turns given before it is looked who has come meanwhile.
const TURNS: usize = 32;

/// After it could not accept, for want of files perhaps.
const BREATH: Duration = Duration::from_millis(100);

/// How long the loop stays down after a panic: doubled each time, up to the second figure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What others tell the loop.
#[derive(Debug)]
pub(super) struct Mailbox {
    mail: Mutex<Mail>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Mail {
    /// Connections with an answer to fetch.
    stirred: Vec<usize>,
    ending: bool,
    at_once: bool,
}

impl Mailbox {
    fn stir(&self, connection: usize) {
        self.mail.lock().stirred.push(connection);
        self.wake();
    }

    /// Lets nobody in any more, and ends when all answers are out; `at_once`: whether they are or not.
    pub(super) fn end(&self, at_once: bool) {
        let mut mail = self.mail.lock();
        mail.ending = true;
        mail.at_once |= at_once;
        drop(mail);
        self.wake();
    }

    fn wake(&self) {
        // It fails only where the system is out of memory; the loop looks again when something is due.
        let _ = self.waker.wake();
    }
}

/// A door, and what requests must pass behind it.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) door: Box<dyn Door>,
    pub(super) gate: Gate,
}

#[derive(Debug)]
pub(super) struct Server {
    poll: Poll,
    doors: Vec<Box<dyn Door>>,
    /// What requests must pass behind each door, also once it is closed.
    gates: Vec<Gate>,
    connections: BTreeMap<usize, Connection>,
    next: usize,
    /// Those that would go on but for the others' turn.
    again: Vec<usize>,
    /// Doors before which more may be waiting.
    crowded: Vec<usize>,
    /// When to try the doors again.
    knock: Option<Moment>,
    mailbox: Arc<Mailbox>,
    routes: Routes,
    helpers: Helpers,
    limits: OpsLimits,
    clock: Clock,
    scratch: Vec<u8>,
    ending: bool,
}

impl Server {
    pub(super) fn new(
        settings: &OpsSettings,
        entrances: Vec<Entrance>,
        routes: Routes,
        helpers: Helpers,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (mut doors, gates): (Vec<_>, Vec<_>) =
            entrances.into_iter().map(|entrance| (entrance.door, entrance.gate)).unzip();
        for (number, door) in doors.iter_mut().enumerate() {
            poll.registry().register(door.source(), Token(1 + number), Interest::READABLE)?;
        }
        let mailbox = Mailbox { mail: Mutex::default(), waker: Waker::new(poll.registry(), WAKER)? };
        Ok(Self {
            poll,
            doors,
            gates,
            connections: BTreeMap::new(),
            next: FIRST,
            again: Vec::new(),
            crowded: Vec::new(),
            knock: None,
            mailbox: Arc::new(mailbox),
            routes,
            helpers,
            limits: settings.limits,
            clock: settings.clock.clone(),
            scratch: vec![0; 64 << 10],
            ending: false,
        })
    }

    pub(super) fn mailbox(&self) -> Arc<Mailbox> {
        self.mailbox.clone()
    }

    /// Serves until it is told to end. After a panic the connections are gone, and others are served.
    pub(super) fn run(mut self) {
        let mut backoff = BACKOFF.0;
        loop {
            let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.serve())) else { return };
            let why = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
            std::mem::forget(payload);
            let _ = catch_unwind(AssertUnwindSafe(|| {
                tracing::error!(%why, ?backoff, "the control plane died and starts again");
            }));
            std::thread::sleep(backoff);
            backoff = (backoff * 2).min(BACKOFF.1);
            self.connections.clear();
            self.again.clear();
            // What the doors said may be forgotten.
            self.knock = Some(self.clock.now());
        }
    }

    fn serve(&mut self) {
        let mut events = Events::with_capacity(256);
        loop {
            match self.poll.poll(&mut events, self.patience()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "the control plane cannot wait for its connections");
                    std::thread::sleep(BREATH);
                }
                _ => {}
            }
            let mut ready: Vec<usize> = std::mem::take(&mut self.again);
            for door in std::mem::take(&mut self.crowded) {
                self.accept(door);
            }
            for event in &events {
                match event.token() {
                    WAKER => {}
                    Token(token) if token < FIRST => self.accept(token - 1),
                    Token(token) => ready.push(token),
                }
            }
            let mail = {
                let mut mail = self.mailbox.mail.lock();
                let Mail { stirred, ending, at_once } = &mut *mail;
                ready.append(stirred);
                (*ending, *at_once)
            };
            self.end(mail.0);
            let mut once = BTreeSet::new();
            ready.retain(|token| once.insert(*token));
            // Those that are left come first the next time.
            self.again = ready.split_off(ready.len().min(TURNS));
            for token in ready {
                self.turn(token, Connection::advance);
            }
            self.look_at_the_time();
            if self.ending && (mail.1 || self.connections.is_empty()) {
                return;
            }
        }
    }

    /// Follows what it was told about ending.
    fn end(&mut self, ending: bool) {
        if ending && !self.ending {
            self.ending = true;
            for door in &mut self.doors {
                let _ = self.poll.registry().deregister(door.source());
            }
            // This removes the sockets: nobody waits in front of a door that will not open.
            self.doors.clear();
            self.connections.retain(|_, connection| !connection.is_idle() && !connection.is_listening());
        }
    }

    fn accept(&mut self, door: usize) {
        for _ in 0..ENTERING {
            let Some(open) = self.doors.get_mut(door) else { return };
            match open.accept() {
                Ok(socket) => self.enter(socket, door),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It left before it was let in.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                    ) => {}
                Err(error) => {
                    tracing::warn!(%error, "the control plane cannot accept a connection");
                    self.knock = Some(self.clock.now().after(BREATH));
                    return;
                }
            }
        }
        self.crowded.push(door);
    }

    /// Lets somebody in: where all places are taken, instead of whoever has been silent for the longest time.
    fn enter(&mut self, mut socket: Box<dyn Socket>, door: usize) {
        let now = self.clock.now();
        let here = || self.connections.iter().filter(|(_, connection)| connection.door == door);
        let surplus = here().filter(|(_, connection)| connection.surplus).count();
        let mut full = here().count() - surplus >= self.limits.connections;
        if full {
            let silent =
                here().filter_map(|(token, connection)| Some((connection.silent_since(now)?, *token)));
            if let Some((_, silent)) = silent.min() {
                self.connections.remove(&silent);
                full = false;
            } else if surplus >= SURPLUS {
                return;
            }
        }
        let token = self.next;
        self.next += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(socket.source(), Token(token), both).is_err() {
            return;
        }
        let make = if full { Connection::surplus } else { Connection::new };
        self.connections.insert(token, make(socket, door, now));
        // What it sent may have been there before it was watched.
        self.again.push(token);
    }

    /// Gives a connection its turn.
    fn turn(&mut self, token: usize, turn: fn(&mut Connection, &Service<'_>, &mut [u8]) -> Next) {
        let held: usize = self.connections.values().map(Connection::held).sum();
        let listening = self.connections.values().filter(|connection| connection.is_listening()).count();
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let others = held - connection.held();
        let mailbox = &self.mailbox;
        let stir = || -> Box<dyn Fn() + Send + Sync> {
            let mailbox = mailbox.clone();
            Box::new(move || mailbox.stir(token))
        };
        let service = Service {
            limits: &self.limits,
            gate: &self.gates[connection.door],
            routes: &self.routes,
            helpers: &self.helpers,
            stir: &stir,
            now: self.clock.now(),
            room: self.limits.memory.saturating_sub(others),
            may_listen: listening < self.limits.listeners,
            ending: self.ending,
        };
        match turn(connection, &service, &mut self.scratch) {
            Next::Wait => {}
            Next::Again => self.again.push(token),
            Next::Close => _ = self.connections.remove(&token),
        }
    }

    /// Ends what took too long, and tries the doors again if they could not be opened.
    fn look_at_the_time(&mut self) {
        let now = self.clock.now();
        let late = |(token, connection): (&usize, &Connection)| {
            (connection.due(&self.limits) <= now).then_some(*token)
        };
        for token in self.connections.iter().filter_map(late).collect::<Vec<_>>() {
            self.turn(token, Connection::expire);
        }
        if self.knock.is_some_and(|knock| knock <= now) {
            self.knock = None;
            for door in 0..self.doors.len() {
                self.accept(door);
            }
        }
    }

    /// How long to wait at most.
    fn patience(&self) -> Option<Duration> {
        if !self.again.is_empty() || !self.crowded.is_empty() {
            return Some(Duration::ZERO);
        }
        let due = self.connections.values().map(|connection| connection.due(&self.limits)).chain(self.knock);
        // The poll counts in milliseconds: a little too late is better than many times too early.
        due.min().map(|due| self.clock.real_time_until(due) + Duration::from_millis(1))
    }
}
